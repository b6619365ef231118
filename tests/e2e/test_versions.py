"""The whole stack on an Authentik of another version, with the real engine. Only the stand-in can be of any."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.driver import Driver
from lab.gateway import counted
from lab.house import build, quiet, tear_down
from lab.processes import Processes
from providers.authentik.api.versions import TRIED

OLDEST, UNTRIED = TRIED[0], "2025.12.1"


@pytest.fixture
def older(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """A lab of its own whose Authentik acts as the oldest version."""
    if driver.lab.real:
        pytest.skip("a real Authentik is of one version")
    monkeypatch.setenv("LAB_AUTHENTIK_VERSION", OLDEST)
    try:
        yield Driver(build(tmp_path, quiet))
    finally:
        tear_down(tmp_path, quiet)


def test_the_stack_lives_on_the_oldest_tried_version_and_an_untried_one_is_told(
    older: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = older.admin.snapshot()
    run = older.stack.up("--skip-preview")
    assert "warning: " not in run.output
    assert "parent" in (older.admin.one("/core/groups/", name=older.lab.names["phones_group"]) or {})
    assert older.until(True, older.header()) is not None
    with counted(older.lab) as calls:
        older.stack.up("--skip-preview", "--expect-no-changes")
    assert calls.made == []
    older.stack.refresh("--skip-preview", "--expect-no-changes")
    older.stack.destroy("--skip-preview")
    assert older.admin.snapshot() == before

    Processes(tmp_path).stop("authentik")
    monkeypatch.setenv("LAB_AUTHENTIK_VERSION", UNTRIED)
    build(tmp_path, quiet)
    run = older.stack.up("--skip-preview")
    told = [line for line in run.output.splitlines() if f"warning: Authentik {UNTRIED} at" in line]
    assert any("has not been tried" in line for line in told), run.output
    assert older.until(True, older.header()) is not None
