"""The locks are what pyproject.toml asks for, with a hash for each file."""

import re
import tomllib

import pytest

from lab.files import ROOT

LOCKS = ("requirements.txt", "requirements-dev.txt")


def locked(name: str) -> dict[str, str]:
    """Each requirement of a lock as pinned, with the hashes that follow it."""
    entries = re.split(r"^(?=\S)", (ROOT / name).read_text(), flags=re.MULTILINE)
    found = [re.match(r"([-a-z0-9.]+)==(\S+)", entry) for entry in entries]
    return {f"{each[1]}=={each[2]}": each.string for each in found if each}


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_has_hashes_and_nothing_else_stands_there(name: str) -> None:
    assert len(locked(name)) > 30
    assert all("--hash=sha256:" in entry for entry in locked(name).values())
    lines = [line for line in (ROOT / name).read_text().splitlines() if line[:1] not in (" ", "#")]
    assert len(lines) == len(locked(name))


def test_the_locks_hold_what_is_asked_for_in_the_same_versions() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run, development = (locked(name).keys() for name in LOCKS)
    assert {each.lower() for each in asked["project"]["dependencies"]} <= run
    assert {each.lower() for each in asked["dependency-groups"]["dev"]} <= development
    assert run <= development
