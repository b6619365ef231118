"""The nightly look's script, with an engine that answers what the test says; the doctor and the delivery are real."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from lab.files import ROOT
from tests.unit.test_site_files import SITE, resource, state

PULUMI = """\
#!/bin/sh
case "$1" in
refresh) exit "$REFRESH" ;;
stack) cat "${0%/*}/state.json" ;;
esac
"""
GH = """\
#!/bin/sh
echo "$1 $2" >>"$0.asked"
case "$*" in *--body-file*) while [ "$1" != --body-file ]; do shift; done; cat "$2" >"$0.body" ;; esac
"""


def look(folder: Path, *, refresh: int = 0, gh: bool = True) -> tuple[int, str, str]:
    """The exit code of the script, what it printed, and the body of the issue."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "state.json").write_text(json.dumps(state(resource("local", "immich-site", folder / "site.caddy"))))
    for name, text in {"pulumi": PULUMI, **({"gh": GH} if gh else {})}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    usual = os.environ["PATH"] if gh else "/usr/bin:/bin"
    env = {**os.environ, "PATH": f"{programs}:{usual}", "PULUMI_STACK": "prod", "REFRESH": str(refresh)}
    done = subprocess.run(
        [ROOT / ".github" / "scripts" / "drift.sh"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    body = programs / "gh.body"
    assert body.exists() == (programs / "gh.asked").exists()
    return done.returncode, done.stdout + done.stderr, body.read_text() if body.exists() else ""


def test_a_site_file_that_was_edited_opens_an_issue_that_names_it_without_its_lines(tmp_path: Path) -> None:
    (tmp_path / "site.caddy").write_text(SITE.replace("photos", "edited"))
    code, said, body = look(tmp_path)
    assert code == 7
    assert "immich-site: " in body
    assert "is not what was delivered" in body
    assert "changed by hand. `pulumi up --refresh`" not in body
    assert "example.org" not in said + body


def test_a_site_file_that_is_missing_opens_an_issue_beside_what_the_engine_found(tmp_path: Path) -> None:
    code, _, body = look(tmp_path, refresh=7)
    assert code == 7
    assert "is missing" in body
    assert "changed by hand. `pulumi up --refresh`" in body


@pytest.mark.parametrize("failed", [1, 255])
def test_an_engine_that_could_not_look_is_told_by_its_own_code(tmp_path: Path, failed: int) -> None:
    (tmp_path / "site.caddy").write_text(SITE)
    assert look(tmp_path, refresh=failed)[::2] == (failed, "")


def test_a_site_file_that_cannot_be_looked_at_is_no_drift(tmp_path: Path) -> None:
    (tmp_path / "site.caddy").mkdir()
    code, said, body = look(tmp_path)
    assert (code, body) == (1, "")
    assert "cannot look at" in said


def test_where_all_is_as_delivered_nothing_is_opened(tmp_path: Path) -> None:
    (tmp_path / "site.caddy").write_text(SITE)
    assert look(tmp_path)[::2] == (0, "")


def test_a_runner_without_gh_is_told_so_before_anything_is_looked_at(tmp_path: Path) -> None:
    if any(Path(folder, "gh").exists() for folder in ("/usr/bin", "/bin")):
        pytest.skip("this system has gh where the other programs are")
    code, said, _ = look(tmp_path, gh=False)
    assert code == 1
    assert "this runner has no gh" in said
    assert "immich-site" not in said
