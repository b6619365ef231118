"""The documents tell the truth where a machine can tell."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from components.settings.caddy_options import CADDY, PER_HOST
from providers.authentik.api.versions import TRIED
from providers.caddy.delivery import Target
from providers.caddy.site import LEAST_VERSION
from tests.caddyfile import import_line

ROOT = Path(__file__).parents[2]


def _between(text: str, marker: str) -> list[str]:
    found = re.search(rf"<!-- {marker} -->\n(.*?)<!-- /{marker} -->", text, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def test_the_tried_versions_of_authentik_are_the_programs() -> None:
    for name in ("docs/operations.md", "README.md"):
        assert f"{', '.join(TRIED[:-1])} and {TRIED[-1]}" in (ROOT / name).read_text()


def test_the_least_caddy_in_the_documents_is_the_programs() -> None:
    for name in ("README.md", "docs/caddy.md"):
        assert f"{LEAST_VERSION} or newer" in (ROOT / name).read_text()


def test_the_import_line_in_the_documents_is_the_one_that_is_asked_for() -> None:
    file, variable = (str(PER_HOST[name].default) for name in ("file", "importVariable"))
    target = Target("", "", 443, file, file, variable, "", "", "", "", "", "", "", probe_seconds=1)
    for path in ("README.md", "docs/caddy.md"):
        lines = (ROOT / path).read_text().splitlines()
        assert import_line(target) in [line.strip() for line in lines]  # it may stand in a list


def test_the_example_stack_holds_no_secret_and_only_known_settings() -> None:
    example = (ROOT / "Pulumi.prod.yaml").read_text()
    known = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"].keys() | {"authentik:url"}
    known = known | {f"caddy:{name}" for name in CADDY}
    assert yaml.safe_load(example)["config"].keys() <= known
    assert set(re.findall(r"^  # ((?:immich|caddy):\w+):", example, re.MULTILINE)) <= known
    assert not re.search(r"secure:|token: \S", example)


def test_what_make_docs_writes_is_not_behind_the_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
