"""Taking over: replacements, recreated and adopted objects never leave a door open, a family out or a thing lost."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from lab.driver import Driver, basic


def _resources(driver: Driver) -> dict[str, str]:
    """The stack's resources of Authentik and Caddy: name to URN."""
    return {name: urn for name, urn in driver.stack.urns().items() if "dynamic/" in urn}


def _bindings(driver: Driver) -> list[dict[str, Any]]:
    target = driver.admin.call("GET", f"/core/applications/{driver.lab.names['application']}/")["pk"]
    found: list[dict[str, Any]] = driver.admin.call("GET", "/policies/bindings/", query={"target": target})["results"]
    return found


@pytest.fixture
def stranger(driver: Driver) -> Iterator[dict[str, str]]:
    """The header of an account that is in no group."""
    name = f"{driver.lab.names['second']}-stranger"
    yield basic(name, driver.admin.account(name, driver.admin.group(name)))
    driver.admin.remove_user(name)
    driver.admin.remove_group(name)


@pytest.mark.real
def test_replacing_every_resource_at_once_loses_nothing(driver: Driver, stranger: dict[str, str]) -> None:
    urns = _resources(driver)
    assert len(urns) == 13
    driver.stack.up(*(each for urn in urns.values() for each in ("--replace", urn)))
    assert len(_bindings(driver)) == 2
    assert driver.until(True, driver.header()) is not None
    person, password = next(iter(driver.lab.people.items()))
    assert driver.outpost_answers(driver.immich_host, basic(person, password), 200) == 200
    assert driver.outpost_says(driver.immich_host, stranger) != 200
    driver.stack.refresh("--skip-preview", "--expect-no-changes")


def test_a_people_group_renamed_in_both_places_keeps_its_way_in(driver: Driver) -> None:
    name = driver.lab.names["people_group"]
    group = driver.admin.group(name)
    for new in (f"{name}-renamed", name):
        driver.admin.call("PATCH", f"/core/groups/{group}/", {"name": new})
        driver.stack.configure(peopleGroups=[new])
        driver.stack.up()
        assert group in [each["group"] for each in _bindings(driver)]
        driver.stack.refresh("--skip-preview", "--expect-no-changes")


@pytest.mark.real
def test_an_application_that_cannot_be_bound_again_lets_nobody_in(driver: Driver, stranger: dict[str, str]) -> None:
    slug = driver.lab.names["application"]
    role = driver.admin.one("/rbac/roles/", name=driver.lab.names["operator"])
    assert role is not None
    path = f"/rbac/permissions/assigned_by_roles/{role['pk']}"
    right = {"permissions": ["authentik_policies.add_policybinding"]}
    driver.admin.call("DELETE", f"/core/applications/{slug}/")
    driver.admin.call("PATCH", f"{path}/unassign/", right)
    try:
        run = driver.stack.run("up", "--yes", "--refresh", "--config-file", driver.lab.config_file)
        assert run.code != 0
        assert "needs the right authentik_policies.add_policybinding" in run.output
        assert driver.admin.call("GET", f"/core/applications/{slug}/")["provider"] is not None
        if driver.lab.real:  # whose outpost is told a moment later
            assert driver.outpost_answers(driver.immich_host, stranger, 404) == 404
        assert driver.outpost_says(driver.immich_host, stranger) != 200
        assert driver.until(False, driver.header()) is not None
    finally:
        driver.admin.call("POST", f"{path}/assign/", right)
        driver.stack.up("--refresh")
    assert driver.until(True, driver.header()) is not None
    assert driver.outpost_says(driver.immich_host, stranger) != 200
    driver.stack.refresh("--skip-preview", "--expect-no-changes")


@pytest.fixture
def made_by_hand(driver: Driver) -> Iterator[dict[str, Any]]:
    """What an operator had made before, all five steps of it; `header` is what the phone had then."""
    driver.stack.destroy()
    admin, names = driver.admin, driver.lab.names
    flows = {
        "authorization_flow": "default-provider-authorization-implicit-consent",
        "invalidation_flow": "default-provider-invalidation-flow",
    }
    body: dict[str, Any] = {"name": names["provider"], "mode": "forward_single", "external_host": driver.lab.immich_url}
    body |= {name: (admin.one("/flows/instances/", slug=slug) or {})["pk"] for name, slug in flows.items()}
    made = {
        "group": admin.call("POST", "/core/groups/", {"name": names["phones_group"], "attributes": {"by": "hand"}}),
        "provider": admin.call("POST", "/providers/proxy/", {**body, "skip_path_regex": "^/share"}),
    }
    password = admin.account(names["service_account"], made["group"]["pk"])
    made["header"] = basic(names["service_account"], password)
    application = {"name": "Our photos", "slug": names["application"], "provider": made["provider"]["pk"]}
    made["application"] = admin.call("POST", "/core/applications/", application)
    for order, group in enumerate((admin.group(names["people_group"]), made["group"]["pk"])):
        bound = {"target": made["application"]["pk"], "group": group, "order": order}
        admin.call("POST", "/policies/bindings/", bound)
    admin.attach(made["provider"]["pk"], attached=True)
    yield made
    driver.stack.configure(adopt=None)
    driver.stack.destroy()
    admin.attach(made["provider"]["pk"], attached=False)
    admin.call("DELETE", f"/core/applications/{names['application']}/")
    admin.call("DELETE", f"/providers/proxy/{made['provider']['pk']}/")
    admin.remove_group(names["phones_group"])
    admin.remove_user(names["service_account"])
    driver.stack.up()
    assert driver.until(True, driver.header()) is not None


@pytest.mark.real
def test_what_was_made_by_hand_is_refused_then_adopted_then_given_back(
    driver: Driver, made_by_hand: dict[str, Any]
) -> None:
    before = driver.admin.snapshot()
    refused = driver.stack.run("up", "--yes", "--config-file", driver.lab.config_file)
    assert refused.code != 0
    assert "it exists, and" in refused.output
    assert "immich:adopt" in refused.output
    assert "'hand'" not in refused.output  # the values of attributes are nobody's business
    driver.stack.configure(adopt=True)
    told = driver.stack.up().output
    assert "is changed to what is declared: " in told
    assert "skip_path_regex is '^/share', declared ''" in told
    assert "name is 'Our photos', declared 'Immich'" in told
    assert "'hand'" not in told
    assert f"{driver.lab.names['service_account']!r} existed, and is deleted and created again" in told
    assert driver.until(True, driver.header()) is not None
    assert driver.until(False, made_by_hand["header"]) is not None
    provider = f"/providers/proxy/{made_by_hand['provider']['pk']}/"
    assert driver.admin.call("GET", provider)["skip_path_regex"] == ""
    driver.stack.configure(adopt=None)
    driver.stack.up()
    driver.stack.destroy()
    before["users"].remove(driver.lab.names["service_account"])  # made anew, it was the stack's
    assert driver.admin.snapshot() == before
    assert driver.admin.call("GET", provider)["skip_path_regex"] == "^/share"
    assert driver.admin.call("GET", f"/core/groups/{made_by_hand['group']['pk']}/")["attributes"] == {"by": "hand"}
    assert driver.admin.call("GET", f"/core/applications/{driver.lab.names['application']}/")["name"] == "Our photos"


def test_a_host_that_somebody_elses_site_serves_is_refused_and_nothing_written(driver: Driver) -> None:
    config = f"{driver.lab.caddy_admin}/config/"
    before = requests.get(config, timeout=10).json()
    port = driver.lab.immich_url.rpartition(":")[2]
    driver.stack.configure(url=f"https://other.lab.test:{port}")
    try:
        run = driver.stack.run("up", "--yes", "--config-file", driver.lab.config_file)
        assert run.code != 0
        assert "other.lab.test is served already by route" in run.output
        assert requests.get(config, timeout=10).json() == before
    finally:
        driver.stack.configure(url=driver.lab.immich_url)
        driver.stack.up("--refresh")
    assert driver.until(True, driver.header()) is not None
