"""Phones: each has an account and a header of its own, and comes and goes without touching the others."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lab.driver import Driver
from lab.gateway import counted


@pytest.fixture
def one_phone(driver: Driver) -> Iterator[str]:
    """The header of the one default phone; afterwards it is the only one again."""
    yield driver.headers()["phone"]
    driver.stack.configure(phones=None)
    driver.stack.up()


@pytest.mark.real
def test_adding_a_phone_leaves_the_others_alone_and_removing_it_revokes_it_alone(
    driver: Driver, one_phone: str
) -> None:
    anna = {"name": "anna", "note": "blue Pixel", "expires": datetime(2031, 1, 1, tzinfo=UTC)}  # not quoted in YAML
    driver.stack.configure(phones=[{"name": "phone"}, anna])
    with counted(driver.lab) as calls:
        driver.stack.up()
    assert len(calls) == 3 + 3  # the account in two, what it may enter; and the proof's looks
    headers = driver.headers()
    base = driver.lab.names["service_account"]
    assert driver.stack.outputs()["serviceAccounts"] == {"phone": base, "anna": f"{base}-anna"}
    assert headers["phone"] == one_phone
    account = driver.admin.user(f"{base}-anna")
    assert account is not None
    assert account["name"] == "Immich phone: anna, generation 1"
    said = {"phone": "anna", "generation": 1, "note": "blue Pixel"}
    assert said.items() <= account["attributes"].items()
    token = driver.admin.call("GET", f"/core/tokens/service-account-{base}-anna-password/")
    assert (token["expiring"], token["expires"]) == (True, "2031-01-01T00:00:00Z")
    assert driver.until(True, {"Authorization": headers["anna"]}) is not None

    driver.stack.configure(phones=[{"name": "phone"}])
    with counted(driver.lab) as calls:
        driver.stack.up()
    assert len(calls) == 1
    assert driver.until(False, {"Authorization": headers["anna"]}) is not None
    assert driver.passes({"Authorization": one_phone})
    assert driver.admin.user(f"{base}-anna") is None


@pytest.mark.real
def test_raising_the_generation_makes_a_new_account_and_ends_the_old_one(driver: Driver, one_phone: str) -> None:
    driver.stack.configure(phones=[{"name": "phone", "generation": 2}])
    driver.stack.up()
    base = driver.lab.names["service_account"]
    assert driver.stack.outputs()["serviceAccounts"] == {"phone": f"{base}-g2"}
    assert driver.until(True, driver.header()) is not None
    assert driver.until(False, {"Authorization": one_phone}) is not None
    assert driver.admin.user(base) is None


def test_a_phone_is_revoked_even_while_another_is_locked_out(driver: Driver, one_phone: str) -> None:
    driver.stack.configure(phones=[{"name": "phone"}, {"name": "zoe"}])
    driver.stack.up()
    lost = driver.headers()["zoe"]
    driver.stack.configure(phones=[{"name": "phone"}])
    with driver.broken({"groups": []}):
        assert driver.until(False, {"Authorization": one_phone}) is not None
        driver.stack.up()
        assert driver.until(False, {"Authorization": lost}) is not None
    assert driver.admin.user(f"{driver.lab.names['service_account']}-zoe") is None
    assert driver.until(True, {"Authorization": one_phone}) is not None


@pytest.mark.real
def test_a_second_group_of_people_is_let_in_and_the_first_stays(driver: Driver) -> None:
    first, second = driver.lab.names["people_group"], f"{driver.lab.names['people_group']}-2"
    group = driver.admin.group(second)
    driver.stack.configure(peopleGroups=[second, first])
    try:
        with counted(driver.lab) as calls:
            driver.stack.up()
        assert sorted(method for method, _ in calls.made) == ["GET"] * (2 + 3) + ["POST"]
        target = driver.admin.call("GET", f"/core/applications/{driver.lab.names['application']}/")["pk"]
        bound = driver.admin.call("GET", "/policies/bindings/", query={"target": target})["results"]
        assert group in [each["group"] for each in bound]
        assert len({each["order"] for each in bound}) == len(bound) == 3
    finally:
        driver.stack.configure(peopleGroups=[first])
        driver.stack.up()
        driver.admin.remove_group(second)


@pytest.mark.real
def test_another_slug_of_the_application_lets_the_phone_in_as_soon_as_the_outpost_has_loaded_it(driver: Driver) -> None:
    """The outpost, which Authentik tells nothing of applications, expects the slug that it loaded in every token."""
    slug, header = driver.lab.names["application"], driver.header()
    driver.stack.configure(application=f"{slug}-moved")
    try:
        driver.stack.up()  # whose proof must succeed
        fresh = {"Authorization": header["Authorization"].replace("Basic", "basic")}  # not remembered by the outpost
        assert driver.until(True, fresh) is not None
    finally:
        driver.stack.configure(application=slug)
        driver.stack.up()
