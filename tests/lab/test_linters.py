"""What lints the workflows and their script."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lab.files import ROOT
from lab.system import SHELLCHECK
from tests.programs import needed

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_the_linter_of_make_check_finds_a_mistake_and_none_in_these_workflows(tmp_path: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("needs Go")
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        "on: push\njobs:\n  x:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ nothing.x }}\n"
    )
    linter = ["go", "-C", str(ROOT / "lab/tools/actionlint"), "tool", "actionlint", "-shellcheck=", "-pyflakes="]
    command = [*linter, "-oneline", str(wrong), *map(str, FILES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 1, done.stderr
    (told,) = done.stdout.splitlines()
    assert "wrong.yml:6:" in told
    assert "undefined variable" in told


def test_the_workflows_script_is_what_shellcheck_takes_for_dash() -> None:
    (script,) = (ROOT / ".github" / "scripts").iterdir()
    # SC2016: its texts show commands in backticks that are for the reader to run.
    command = [str(needed(SHELLCHECK)), "--shell=dash", "--exclude=SC2016", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
