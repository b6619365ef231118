"""Live readback: every change behind our back is seen by refresh and mended by up."""

from typing import Any

import pytest
import requests

from lab.driver import Driver
from lab.gateway import counted

DRIFTED = 7
"""The exit code of the engine where changes were not expected."""

DRIFT: dict[str, tuple[str, dict[str, Any]]] = {
    "a superuser group": ("group", {"is_superuser": True}),
    "a renamed group": ("group", {"name": "renamed"}),
    "the group's marker gone": ("group", {"attributes": {}}),
    "a deactivated account": ("account", {"is_active": False}),
    "an account out of its group": ("account", {"groups": []}),
    "a renamed account": ("account", {"name": "renamed"}),
    "an account at another path": ("account", {"path": "elsewhere"}),
    "paths open to everybody": ("provider", {"mode": "forward_single", "skip_path_regex": "^/api"}),
    "Basic no longer read": ("provider", {"mode": "forward_single", "intercept_header_auth": False}),
    "another host": ("provider", {"mode": "forward_single", "external_host": "https://elsewhere.lab.test"}),
    "a renamed provider": ("provider", {"mode": "forward_single", "name": "renamed"}),
    "another mode of policies": ("application", {"policy_engine_mode": "all"}),
    "another name of the application": ("application", {"name": "renamed"}),
    "another slug of the application": ("application", {"slug": "renamed-slug"}),
    "another launch URL": ("application", {"meta_launch_url": "https://elsewhere.lab.test"}),
}
PATHS = {
    "group": "/core/groups/{}/",
    "account": "/core/users/{}/",
    "provider": "/providers/proxy/{}/",
    "application": "/core/applications/{}/",
}
RESOURCES = {"group": "Group", "account": "ServiceAccount", "provider": "ProxyProvider", "application": "Application"}


def _path(driver: Driver, what: str) -> str:
    """The API path of the stack's object as it is now, from the state that a refresh brings up to date."""
    resources = driver.stack.export()["deployment"]["resources"]
    found = next(each for each in resources if each["type"].endswith(f":{RESOURCES[what]}"))
    key = found["outputs"]["slug" if what == "application" else "pk"]
    return PATHS[what].format(int(key) if isinstance(key, float) else key)


def _drifts(driver: Driver) -> bool:
    run = driver.stack.run("refresh", "--preview-only", "--expect-no-changes", "--config-file", driver.lab.config_file)
    assert run.code in (0, DRIFTED), run.output
    return run.code == DRIFTED


@pytest.mark.parametrize("name", DRIFT)
def test_refresh_sees_and_up_mends(driver: Driver, name: str) -> None:
    what, damage = DRIFT[name]
    path = _path(driver, what)
    before = driver.admin.call("GET", path)
    driver.admin.call("PATCH", path, damage)
    assert _drifts(driver)
    with counted(driver.lab) as calls:
        driver.stack.up("--refresh")
    after = driver.admin.call("GET", _path(driver, what))
    assert {key: after[key] for key in damage} == {key: before[key] for key in damage}
    assert after["pk"] == before["pk"]
    assert len([method for method, _ in calls.made if method != "GET"]) == 1
    assert not _drifts(driver)


def test_a_widened_binding_is_seen_and_mended(driver: Driver) -> None:
    application = driver.admin.call("GET", _path(driver, "application"))["pk"]
    query = {"target": application}
    bindings = driver.admin.call("GET", "/policies/bindings/", query=query)["results"]
    assert len(bindings) == 2
    widened = {**bindings[0], "negate": True}
    driver.admin.call("PUT", f"/policies/bindings/{widened['pk']}/", widened)
    assert _drifts(driver)
    driver.stack.up("--refresh")
    mended = driver.admin.call("GET", "/policies/bindings/", query=query)["results"]
    assert [each["negate"] for each in mended] == [False, False]
    assert not _drifts(driver)


@pytest.mark.parametrize("what", ["group", "account", "provider", "application"])
def test_an_object_deleted_behind_our_back_is_made_again(driver: Driver, what: str) -> None:
    driver.admin.call("DELETE", _path(driver, what))
    assert _drifts(driver)
    driver.stack.up("--refresh")
    assert driver.until(True, driver.header()) is not None
    assert not _drifts(driver)


def test_a_provider_taken_off_the_outpost_goes_back_and_others_stay(driver: Driver) -> None:
    provider = int(_path(driver, "provider").split("/")[-2])
    with driver.second_application("beside.lab.test"):
        driver.admin.attach(provider, attached=False)
        beside = set(driver.admin.outpost()["providers"])
        assert _drifts(driver)
        driver.stack.up("--refresh")
        assert set(driver.admin.outpost()["providers"]) == {*beside, provider}
    assert driver.until(True, driver.header()) is not None


def test_a_revoked_password_is_seen_and_a_new_one_made(driver: Driver) -> None:
    old = driver.header()
    driver.admin.call("DELETE", f"/core/tokens/service-account-{driver.account()['username']}-password/")
    assert _drifts(driver)
    driver.stack.up("--refresh")
    assert driver.header() != old
    assert driver.until(True, driver.header()) is not None
    assert driver.until(False, old) is not None


@pytest.mark.parametrize("how", ["edited", "removed"])
def test_the_caddy_route_edited_or_removed_is_seen_and_mended(driver: Driver, how: str) -> None:
    route = f"{driver.lab.caddy_admin}/id/immich-{driver.lab.stack}"
    before = requests.get(route, timeout=10).json()
    if how == "edited":
        requests.patch(route, json={**before, "handle": []}, timeout=10).raise_for_status()
    else:
        requests.delete(route, timeout=10).raise_for_status()
    assert _drifts(driver)
    driver.stack.up("--refresh")
    assert requests.get(route, timeout=10).json() == before
    assert driver.passes(driver.header())
