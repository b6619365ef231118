"""What the phones may enter besides Immich, with the real engine: warned of, seen as drift, shut, given back."""

from collections.abc import Iterator
from typing import Any

import pytest

from lab.driver import Driver
from lab.gateway import counted
from lab.stack import DRIFTED


@pytest.fixture
def wiki(driver: Driver) -> Iterator[dict[str, Any]]:
    """An application of somebody else's that nothing is bound to; afterwards the stack is as ever."""
    slug = f"{driver.lab.names['second']}-wiki"
    yield driver.admin.call("POST", "/core/applications/", {"name": slug, "slug": slug})
    driver.admin.call("DELETE", f"/core/applications/{slug}/")
    driver.stack.configure(isolation=None)
    driver.stack.up("--refresh")


def enters(driver: Driver, username: str, application: dict[str, Any]) -> bool:
    """What Authentik decides."""
    user = driver.admin.user(username)
    assert user is not None
    query = {"for_user": str(user["pk"])}
    path = f"/core/applications/{application['slug']}/check_access/"
    return bool(driver.admin.call("GET", path, query=query)["passing"])


def mode(driver: Driver, application: dict[str, Any]) -> str:
    """The policy engine mode."""
    return str(driver.admin.call("GET", f"/core/applications/{application['slug']}/")["policy_engine_mode"])


def drifts(driver: Driver) -> str:
    """What a refresh sees; it must see something."""
    run = driver.stack.run("refresh", "--preview-only", "--expect-no-changes", "--config-file", driver.lab.config_file)
    assert run.code == DRIFTED, run.output
    return run.output


def reachable(driver: Driver) -> list[str]:
    """What the stack exports for the one phone."""
    found: list[str] = driver.stack.outputs()["reachable"][driver.account()["username"]]
    return found


def test_an_application_that_is_open_is_named_on_every_run_and_nothing_is_written(
    driver: Driver, wiki: dict[str, Any]
) -> None:
    account = driver.account()["username"]
    assert "immich-isolation" in drifts(driver)
    with counted(driver.lab) as calls:
        run = driver.stack.up("--refresh")
    assert {method for method, _ in calls.made} == {"GET"}
    assert wiki["slug"] in reachable(driver)
    for output in (run.output, driver.stack.up().output, driver.stack.preview().output):
        line = next(line for line in output.splitlines() if "The phones may enter more than Immich" in line)
        assert "warning:" in line
        assert f"{account}: " in line
        assert wiki["slug"] in line
        assert "set immich:isolation to close" in output
    assert enters(driver, account, wiki)


def test_close_shuts_it_and_steps_aside_for_somebody_elses_binding(driver: Driver, wiki: dict[str, Any]) -> None:
    account, person = driver.account()["username"], next(iter(driver.lab.people))
    driver.stack.configure(isolation="close")
    run = driver.stack.up()
    assert wiki["slug"] not in run.output.partition("may enter more than Immich")[2]
    assert wiki["slug"] not in reachable(driver)
    assert not enters(driver, account, wiki)
    assert enters(driver, person, wiki)
    driver.stack.refresh("--skip-preview", "--expect-no-changes")
    assert driver.until(True, driver.header()) is not None

    group = driver.admin.group(driver.lab.names["phones_group"] + "-others")
    try:
        theirs = driver.admin.call("POST", "/policies/bindings/", {"target": wiki["pk"], "group": group, "order": 1})
        assert not enters(driver, person, wiki)
        assert "immich-isolation" in drifts(driver)
        driver.stack.up("--refresh")
        bindings = driver.admin.call("GET", "/policies/bindings/", query={"target": wiki["pk"]})["results"]
        assert [each["pk"] for each in bindings] == [theirs["pk"]]
        assert mode(driver, wiki) == "any"
        assert not enters(driver, person, wiki)
        assert not enters(driver, account, wiki)
    finally:
        driver.admin.remove_group(driver.lab.names["phones_group"] + "-others")


def test_going_back_to_report_takes_away_our_bindings_and_no_others(driver: Driver, wiki: dict[str, Any]) -> None:
    before, former = driver.admin.snapshot()["bindings"], mode(driver, wiki)
    driver.stack.configure(isolation="close")
    driver.stack.up("--refresh")
    assert len(driver.admin.snapshot()["bindings"]) > len(before)
    driver.stack.configure(isolation="report")
    driver.stack.up()
    assert driver.admin.snapshot()["bindings"] == before
    assert mode(driver, wiki) == former
    assert wiki["slug"] in reachable(driver)
