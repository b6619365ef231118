"""What is loaded when."""

import subprocess
import sys
import tomllib

import pytest

from lab.files import ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
(PURE,) = [each["source_modules"] for each in CONTRACTS if "is pure" in each["name"]]
PROGRAM = ["components.immich_mobile_access", "components.immich_login", "components.isolation", "components.settings"]
HOST = ["providers.authentik.resource", "providers.caddy.config", "providers.access.proof"]
HTTP = {"requests", "urllib3"}


def loaded(*modules: str) -> set[str]:
    """The packages that a new process has loaded after importing these."""
    script = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_neither_the_program_nor_the_provider_host_loads_an_http_library_before_a_call() -> None:
    assert loaded(*PROGRAM, *HOST) & {*HTTP, "cryptography"} == set()


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_loads_neither_pulumi_nor_an_http_library(module: str) -> None:
    assert loaded(module) & {*HTTP, "pulumi", "tenacity"} == set()
