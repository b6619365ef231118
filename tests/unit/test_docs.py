"""The documents tell the truth where a machine can tell."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from components.settings.caddy_options import OPTIONS
from lab.authentik_admin import LOGIN_RIGHTS, RIGHTS
from providers.access.causes import Cause
from providers.caddy.delivery import Target

ROOT = Path(__file__).parents[2]


def _between(text: str, marker: str) -> list[str]:
    found = re.search(rf"<!-- {marker} -->\n(.*?)<!-- /{marker} -->", text, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def _row(name: str, setting: dict[str, Any]) -> str:
    if "default" not in setting:
        column = "required"
    else:
        default = setting["default"]
        shown = default if isinstance(default, str) else json.dumps(default)
        column = f"`{shown}`" if shown else ""
    return f"| `{name}` | {setting['type']} | {column} | {setting['description']} |"


def test_the_readmes_table_of_settings_is_pulumi_yamls() -> None:
    settings = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    table = _between((ROOT / "README.md").read_text(), "settings")
    assert table[2:] == [_row(name, setting) for name, setting in settings.items()]


def test_the_tables_of_caddys_settings_are_the_programs() -> None:
    docs = (ROOT / "docs" / "caddy.md").read_text()
    everywhere = [
        f"| `caddy:{name}` | {f'`{option.default}`' if option.default else ''} | "
        f"{'host' if option.per_host else ''} | {option.description} |"
        for name, option in OPTIONS.items()
        if not option.host_only
    ]
    hosts = [
        f"| `{name}` | {f'`{option.default}`' if option.default else ''} | {option.description} |"
        for name, option in OPTIONS.items()
        if option.host_only
    ]
    assert _between(docs, "caddy settings")[2:] == everywhere
    assert _between(docs, "host settings")[2:] == hosts


def test_the_import_line_in_the_documents_is_the_one_that_is_asked_for() -> None:
    file, variable = OPTIONS["file"].default, OPTIONS["importVariable"].default
    target = Target("", file, file, variable, validate="", reload="", probe="", patience=1)
    for path in ("README.md", "docs/caddy.md"):
        lines = (ROOT / path).read_text().splitlines()
        assert target.import_line in [line.strip() for line in lines]  # it may stand in a list


def test_the_rights_in_the_docs_are_those_of_the_labs_least_privilege_token() -> None:
    for marker, rights in (("rights", RIGHTS), ("login rights", LOGIN_RIGHTS)):
        table = "\n".join(_between((ROOT / "docs" / "security.md").read_text(), marker))
        assert sorted(re.findall(r"authentik_\w+\.\w+", table)) == sorted(rights)


def test_the_table_of_findings_is_what_doctor_and_proof_say() -> None:
    table = _between((ROOT / "docs" / "operations.md").read_text(), "findings")
    assert table[2:] == [f"| `{cause.name}` | {cause.text} | {cause.remedy} |" for cause in Cause]


def test_the_example_stack_holds_no_secret_and_only_known_settings() -> None:
    example = (ROOT / "Pulumi.prod.yaml").read_text()
    known = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"].keys() | {"authentik:url"}
    known = known | {f"caddy:{name}" for name, option in OPTIONS.items() if not option.host_only}
    assert yaml.safe_load(example)["config"].keys() <= known
    assert set(re.findall(r"^  # ((?:immich|caddy):\w+):", example, re.MULTILINE)) <= known
    assert not re.search(r"secure:|token: \S", example)


def test_what_make_docs_writes_is_not_behind_the_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
