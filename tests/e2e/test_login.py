"""Immich's own login by Authentik, with the real engine: both layers, from the app's side."""

import json
from collections.abc import Iterator

import pytest

from lab.driver import Driver
from lab.gateway import counted
from lab.person import Lost, Person
from tests.logins import Login, login_up

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def login(driver: Driver) -> Iterator[Login]:
    with login_up(driver) as login:
        yield login


@pytest.fixture(scope="module")
def person(login: Login) -> Iterator[Person]:
    """Somebody of the family, logged in at Authentik."""
    with login.person() as person:
        person.log_in()
        yield person


def test_putting_it_up_asks_authentik_as_often_as_it_must(login: Login) -> None:
    """One write an object, and a look-up for each name: two flows, three scopes, the group; and what is bound there."""
    assert [method for method, _ in login.calls.made if method != "GET"] == ["POST"] * 3
    assert len(login.calls) <= 11, login.calls.made


def test_a_second_up_has_nothing_to_do_and_a_refresh_finds_no_drift(login: Login) -> None:
    with counted(login.driver.lab) as calls:
        login.driver.stack.up("--expect-no-changes")
    assert calls.made == []
    login.driver.stack.refresh("--expect-no-changes")


def test_the_client_secret_is_shown_only_to_who_asks(login: Login) -> None:
    stack = login.driver.stack
    shown, told = stack.outputs(secrets=False), stack.outputs()
    secret = told["loginClientSecret"]
    assert secret in told["immichSystemConfig"]
    assert shown["loginClientId"] == told["loginClientId"]
    assert secret not in json.dumps(shown)
    assert secret not in json.dumps(stack.export())


def test_a_phone_behind_the_door_logs_somebody_in_at_authentik(login: Login, person: Person) -> None:
    answer = login.by_app(person)
    assert answer.status == 201, answer.data
    session = {"x-immich-user-token": str(answer.json()["accessToken"])}
    me = login.ask("GET", "/users/me", **session)
    assert (me.status, me.json()["email"]) == (200, person.email)
    without_the_header = login.driver.web.get("/api/users/me", session)
    assert (without_the_header.status, without_the_header.headers["X-Immich-Access"]) == (403, "header-missing")


def test_a_phones_account_opens_the_door_and_cannot_log_in(login: Login, person: Person) -> None:
    path = f"/core/applications/{login.application}/check_access/"
    ask = login.driver.admin
    phone, somebody = login.driver.account()["pk"], (ask.user(person.username) or {})["pk"]
    assert ask.call("GET", path, query={"for_user": str(phone)})["passing"] is False
    assert ask.call("GET", path, query={"for_user": str(somebody)})["passing"] is True


def test_who_is_in_no_group_of_people_is_not_logged_in(login: Login) -> None:
    lab = login.driver.lab
    with Person(login.driver.admin, lab.authentik_url, f"{lab.names['person']}-stranger", "") as stranger:
        stranger.log_in()
        with pytest.raises(Lost):
            login.by_app(stranger)


def test_with_the_override_the_app_comes_back_by_immich(login: Login, person: Person) -> None:
    stack = login.driver.stack
    stack.configure(loginMobileOverride=True)
    try:
        with counted(login.driver.lab) as calls:
            stack.up()
        assert [method for method, _ in calls.made] == ["PATCH"]
        login.paste(json.loads(stack.outputs()["immichSystemConfig"]))
        assert login.by_app(person).status == 201
    finally:
        stack.configure(loginMobileOverride=None)
        stack.up()
        login.paste(json.loads(stack.outputs()["immichSystemConfig"]))


def test_switched_off_nothing_of_it_is_left(login: Login) -> None:
    assert login.application in login.driver.admin.snapshot()["applications"]
    login.driver.stack.configure(login=None)
    login.driver.stack.up()
    after = login.driver.admin.snapshot()
    assert {part: each for part, each in after.items() if part != "users"} == {
        part: each for part, each in login.before.items() if part != "users"
    }
