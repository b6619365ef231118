"""Live readback: every change behind our back is seen by refresh and mended by up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from lab.driver import Driver
from lab.gateway import counted
from tests.e2e.real import cases, in_sight_of_tokens

DRIFT: dict[str, dict[str, dict[str, Any]]] = {
    "all open": {
        "group": {"is_superuser": True},
        "account": {"is_active": False},
        "provider": {"mode": "forward_single", "skip_path_regex": "^/api"},
        "application": {"policy_engine_mode": "all"},
    },
    "all renamed": {
        "group": {"name": "renamed"},
        "account": {"name": "renamed"},
        "provider": {"mode": "forward_single", "name": "renamed"},
        "application": {"name": "renamed"},
    },
    "all elsewhere": {
        "account": {"path": "elsewhere"},
        "provider": {"mode": "forward_single", "external_host": "https://elsewhere.lab.test"},
        "application": {"meta_launch_url": "https://elsewhere.lab.test"},
    },
    "all that tells whose it is": {
        "group": {"attributes": {}},
        "account": {"groups": []},
        "provider": {"mode": "forward_single", "intercept_header_auth": False},
    },
    "another slug of the application": {"application": {"slug": "renamed-slug"}},
}
"""By object; tests/host/test_drift.py has every field of every kind by itself."""
PATHS = {
    "group": "/core/groups/{}/",
    "account": "/core/users/{}/",
    "provider": "/providers/proxy/{}/",
    "application": "/core/applications/{}/",
}
FLOWS = ("authorization_flow", "invalidation_flow")
RESOURCES = {"group": "Group", "account": "ServiceAccount", "provider": "ProxyProvider", "application": "Application"}


def _path(driver: Driver, what: str) -> str:
    """The API path of the stack's object as it is now, from the state that a refresh brings up to date."""
    resources = driver.stack.export()["deployment"]["resources"]
    found = next(each for each in resources if each["type"].endswith(f":{RESOURCES[what]}"))
    key = found["outputs"]["slug" if what == "application" else "pk"]
    return PATHS[what].format(int(key) if isinstance(key, float) else key)


@pytest.mark.parametrize("name", cases(DRIFT, {"all open", "another slug of the application"}))
def test_refresh_sees_and_up_mends(driver: Driver, name: str) -> None:
    damages = DRIFT[name]
    before = {what: driver.admin.call("GET", _path(driver, what)) for what in damages}
    for what, damage in damages.items():
        driver.admin.call("PATCH", _path(driver, what), damage)
    assert driver.stack.drifts()
    with counted(driver.lab) as calls:
        driver.stack.up("--refresh")
    for what, damage in damages.items():
        after = driver.admin.call("GET", _path(driver, what))
        assert {key: after[key] for key in damage} == {key: before[what][key] for key in damage}
        assert after["pk"] == before[what]["pk"]
    writes = [method for method, _ in calls.made if method != "GET"]
    slug = "slug" in damages.get("application", {})  # of a slug the outpost is told by its provider
    assert len(writes) == len(damages) + slug
    assert not driver.stack.drifts()


def _bindings(driver: Driver) -> list[dict[str, Any]]:
    """The bindings of the stack's application, by what is bound."""
    query = {"target": driver.admin.call("GET", _path(driver, "application"))["pk"]}
    found: list[dict[str, Any]] = driver.admin.call("GET", "/policies/bindings/", query=query)["results"]
    return sorted(found, key=lambda each: str(each["group"]))


@pytest.fixture
def others(driver: Driver) -> Iterator[str]:
    """A name for a group of somebody else's, which is gone afterwards."""
    name = f"{driver.lab.names['phones_group']}-others"
    yield name
    driver.admin.remove_group(name)


@pytest.mark.parametrize(
    "how", cases(["negated", "disabled", "made over to somebody else", "lost"], {"made over to somebody else"})
)
def test_a_binding_that_was_widened_or_lost_is_seen_and_mended(driver: Driver, others: str, how: str) -> None:
    before = _bindings(driver)
    assert len(before) == 2
    path = f"/policies/bindings/{before[0]['pk']}/"
    match how:
        case "negated":
            driver.admin.call("PUT", path, {**before[0], "negate": True})
        case "disabled":
            driver.admin.call("PUT", path, {**before[0], "enabled": False})
        case "made over to somebody else":
            driver.admin.call("PUT", path, {**before[0], "group": driver.admin.group(others)})
        case "lost":
            driver.admin.call("DELETE", path)
    assert driver.stack.drifts()
    driver.stack.up("--refresh")
    kept = ("group", "user", "policy", "negate", "enabled")
    after = [{name: each[name] for name in kept} for each in _bindings(driver)]
    assert after == [{name: each[name] for name in kept} for each in before]
    assert not driver.stack.drifts()


@pytest.mark.parametrize(
    "negate", cases([False, True], {True}), ids=["of another group", "negated, which lets in everybody else"]
)
def test_a_further_binding_of_the_application_is_seen_and_taken_off(negate: bool, driver: Driver) -> None:
    before, others = _bindings(driver), f"{driver.lab.names['phones_group']}-others"
    further = {"group": driver.admin.group(others), "order": len(before), "negate": negate}
    driver.admin.call("POST", "/policies/bindings/", {"target": before[0]["target"], **further})
    assert driver.stack.drifts()
    with counted(driver.lab) as calls:
        driver.stack.up("--refresh")
    driver.admin.remove_group(others)
    assert [method for method, _ in calls.made if method != "GET"] == ["DELETE"]
    assert _bindings(driver) == before
    assert not driver.stack.drifts()


def test_another_user_of_the_phones_group_is_seen_and_taken_out(driver: Driver) -> None:
    name = driver.lab.names["phones_group"]
    group = driver.admin.group(name)
    before = driver.admin.call("GET", f"/core/groups/{group}/")["users"]
    driver.admin.account(f"{name}-other", group)
    assert driver.stack.drifts()
    driver.stack.up("--refresh")
    assert driver.admin.call("GET", f"/core/groups/{group}/")["users"] == before
    assert not driver.stack.drifts()
    driver.admin.remove_user(f"{name}-other")


@pytest.mark.real
def test_a_further_app_password_of_the_account_is_seen_and_taken_off_and_the_phones_stays(driver: Driver) -> None:
    in_sight_of_tokens(driver)
    header, name = driver.header(), f"{driver.lab.names['service_account']}-further"
    further = {"identifier": name, "intent": "app_password", "user": driver.account()["pk"], "expiring": False}
    driver.admin.call("POST", "/core/tokens/", further)
    assert driver.stack.drifts()
    with counted(driver.lab) as calls:
        driver.stack.up("--refresh")
    assert [method for method, _ in calls.made if method != "GET"] == ["DELETE"]
    assert driver.admin.call("GET", "/core/tokens/", query={"identifier": name})["results"] == []
    assert driver.header() == header
    assert driver.passes(header)
    assert not driver.stack.drifts()


def test_a_group_too_many_on_the_account_is_seen_and_taken_away(driver: Driver, others: str) -> None:
    path = _path(driver, "account")
    before = driver.admin.call("GET", path)["groups"]
    driver.admin.call("PATCH", path, {"groups": [*before, driver.admin.group(others)]})
    assert driver.stack.drifts()
    driver.stack.up("--refresh")
    assert driver.admin.call("GET", path)["groups"] == before
    assert not driver.stack.drifts()


@pytest.fixture
def theirs(driver: Driver) -> Iterator[dict[str, Any]]:
    """A role and an OAuth2 provider of somebody else's, and a group with an application that it alone may enter."""
    name, admin = f"{driver.lab.names['second']}-theirs", driver.admin
    group = admin.group(name)
    role = admin.call("POST", "/rbac/roles/", {"name": name})["pk"]
    flows = {each: admin.call("GET", _path(driver, "provider"))[each] for each in FLOWS}
    provider = admin.call("POST", "/providers/oauth2/", {"name": name, "redirect_uris": [], **flows})["pk"]
    application = admin.call("POST", "/core/applications/", {"name": name, "slug": name})["pk"]
    admin.call("POST", "/policies/bindings/", {"target": application, "group": group, "order": 0})
    yield {"group": group, "role": role, "provider": provider, "slug": name}
    admin.call("DELETE", f"/core/applications/{name}/")
    admin.call("DELETE", f"/providers/oauth2/{provider}/")
    admin.call("DELETE", f"/rbac/roles/{role}/")
    admin.remove_group(name)


@pytest.mark.real
def test_what_would_let_more_in_or_a_phone_do_more_is_seen_and_taken_away_and_nothing_else_is_touched(
    driver: Driver, theirs: dict[str, Any]
) -> None:
    opened: dict[str, dict[str, Any]] = {
        "group": {"parents": [theirs["group"]], "roles": [theirs["role"]]},
        "account": {"roles": [theirs["role"]], "email": "somebody@example.org"},
        "provider": {"jwt_federation_providers": [theirs["provider"]], "cookie_domain": "lab.test"},
        "application": {"backchannel_providers": [theirs["provider"]]},
    }
    paths = {what: _path(driver, what) for what in opened}
    before = {what: driver.admin.call("GET", path) for what, path in paths.items()}
    if "parents" not in before["group"]:  # before 2025.12, when a group had one parent and an account no roles
        opened["group"] = {"parent": theirs["group"], "roles": [theirs["role"]]}
        del opened["account"]["roles"]
    assert not _enters(driver, theirs["slug"])
    for what, damage in opened.items():
        always = {"mode": "forward_single"} if what == "provider" else {}
        driver.admin.call("PATCH", paths[what], damage | always)
    assert _enters(driver, theirs["slug"])  # by the parent of its group
    assert driver.stack.drifts()
    with counted(driver.lab) as calls:
        driver.stack.up("--refresh")
    for what, path in paths.items():
        after = driver.admin.call("GET", path)
        assert {key: after[key] for key in opened[what]} == {key: before[what][key] for key in opened[what]}
    written = [path.removeprefix("/api/v3") for method, path in calls.made if method != "GET"]
    sent = set(written) if driver.lab.real else written  # a real server may want a write twice
    assert sorted(sent) == sorted(paths.values())
    assert not _enters(driver, theirs["slug"])
    assert not driver.stack.drifts()


def _enters(driver: Driver, application: str) -> bool:
    """Whether Authentik lets the phone's account in."""
    query = {"for_user": str(driver.account()["pk"])}
    return bool(driver.admin.call("GET", f"/core/applications/{application}/check_access/", query=query)["passing"])


@pytest.mark.parametrize("what", cases(["group", "account", "provider", "application"], {"group", "provider"}))
def test_an_object_deleted_behind_our_back_is_made_again(driver: Driver, what: str) -> None:
    driver.admin.call("DELETE", _path(driver, what))
    assert driver.stack.drifts()
    driver.stack.up("--refresh")
    assert driver.until(True, driver.header()) is not None
    assert not driver.stack.drifts()


@pytest.mark.real
def test_a_provider_taken_off_the_outpost_goes_back_and_others_stay(driver: Driver) -> None:
    provider = int(_path(driver, "provider").split("/")[-2])
    with driver.second_application("beside.lab.test"):
        driver.admin.attach(provider, attached=False)
        beside = driver.admin.snapshot()["providers on the outpost"]
        assert len(beside) == 1
        assert driver.stack.drifts()
        driver.stack.up("--refresh")
        assert driver.admin.snapshot()["providers on the outpost"] == sorted([*beside, driver.lab.names["provider"]])
    assert driver.until(True, driver.header()) is not None


@pytest.mark.parametrize("how", cases(["revoked", "made to expire"], {"made to expire"}))
def test_a_password_that_was_revoked_or_changed_is_seen_and_a_new_one_made(driver: Driver, how: str) -> None:
    in_sight_of_tokens(driver)
    old, account = driver.header(), driver.account()
    path = f"/core/tokens/service-account-{account['username']}-password/"
    if how == "revoked":
        driver.admin.call("DELETE", path)
    else:
        whose = {"user": account["pk"], "intent": "app_password"}
        soon = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()  # within every server's limit
        driver.admin.call("PATCH", path, {**whose, "expiring": True, "expires": soon})
    assert driver.stack.drifts()
    driver.stack.up("--refresh")
    assert driver.header() != old
    assert driver.until(True, driver.header()) is not None
    assert driver.until(False, old) is not None
    assert not driver.stack.drifts()


@pytest.mark.parametrize("how", ["edited", "removed"])
def test_the_caddy_route_edited_or_removed_is_seen_and_mended(driver: Driver, how: str) -> None:
    route = f"{driver.lab.caddy_admin}/id/immich-{driver.lab.stack}"
    before = requests.get(route, timeout=10).json()
    if how == "edited":
        requests.patch(route, json={**before, "handle": []}, timeout=10).raise_for_status()
    else:
        requests.delete(route, timeout=10).raise_for_status()
    assert driver.stack.drifts()
    driver.stack.up("--refresh")
    assert requests.get(route, timeout=10).json() == before
    assert driver.passes(driver.header())
