"""Runs that fail before their end, and the good ones after them: nobody is locked out, and nothing old stays open."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from lab.driver import Driver, basic
from tests.logins import login_up


@contextmanager
def failing_proof(driver: Driver) -> Iterator[None]:
    """Runs in the with block fail at the proof, their last step before former resources are deleted."""
    address = driver.stack.settings()["immich:probeAddress"]
    driver.stack.configure(probeAddress="127.0.0.1:1")
    try:
        yield
    finally:
        driver.stack.configure(probeAddress=address)


def _fails_at_the_proof(driver: Driver, *arguments: str) -> None:
    run = driver.stack.run("up", "--yes", "--config-file", driver.lab.config_file, *arguments)
    assert run.code != 0
    assert "the access is not as it should be" in run.output, run.output


def _bound(driver: Driver) -> list[str]:
    slug = driver.lab.names["application"]
    target = driver.admin.call("GET", f"/core/applications/{slug}/")["pk"]
    listed = driver.admin.call("GET", "/policies/bindings/", query={"target": target})["results"]
    return sorted(each["group"] for each in listed)


def test_a_people_group_that_was_renamed_stays_bound_after_a_run_that_failed(driver: Driver) -> None:
    name = driver.lab.names["people_group"]
    group, before = driver.admin.group(name), _bound(driver)
    person = basic(*next(iter(driver.lab.people.items())))
    try:
        driver.admin.call("PATCH", f"/core/groups/{group}/", {"name": f"{name}-renamed"})
        driver.stack.configure(peopleGroups=[f"{name}-renamed"])
        with failing_proof(driver):
            _fails_at_the_proof(driver)
        driver.stack.up()
        assert _bound(driver) == before
        driver.stack.refresh("--skip-preview", "--expect-no-changes")
        assert driver.outpost_answers(driver.immich_host, person, 200) == 200
    finally:
        driver.admin.call("PATCH", f"/core/groups/{group}/", {"name": name})
        driver.stack.configure(peopleGroups=[name])
        driver.stack.up("--refresh")
    assert _bound(driver) == before


@pytest.mark.real
def test_an_application_that_was_deleted_is_served_again_after_a_run_that_failed(driver: Driver) -> None:
    driver.admin.call("DELETE", f"/core/applications/{driver.lab.names['application']}/")
    with failing_proof(driver):
        _fails_at_the_proof(driver, "--refresh")
    driver.stack.up()
    provider = driver.admin.one("/providers/proxy/", name__iexact=driver.lab.names["provider"])
    assert (provider or {})["pk"] in driver.admin.outpost()["providers"]
    assert driver.until(True, driver.header()) is not None
    driver.stack.refresh("--skip-preview", "--expect-no-changes")


def test_a_revoked_password_is_replaced_by_the_next_run_with_a_refresh_and_leaves_no_account(driver: Driver) -> None:
    account, header = driver.account(), driver.header()
    driver.admin.call("DELETE", f"/core/tokens/service-account-{account['username']}-password/")
    driver.stack.up("--refresh")
    assert driver.until(True, driver.header()) is not None
    assert driver.until(False, header) is not None
    listed = driver.admin.call("GET", "/core/users/", query={"username": account["username"]})["results"]
    assert [each["pk"] for each in listed] == [driver.account()["pk"]] != [account["pk"]]


def _knows(driver: Driver, outputs: dict[str, Any]) -> bool:
    """Whether Authentik takes a client id and secret; the code that goes with them is always wrong."""
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": f"{driver.lab.immich_url}/auth/login"}
    client = {"client_id": outputs["loginClientId"], "client_secret": outputs["loginClientSecret"]}
    answer = requests.Response()
    while answer.status_code in (None, 500):  # a worker that is being recycled answers 500
        answer = requests.post(f"{driver.lab.authentik_url}/application/o/token/", data=form | client, timeout=30)
    return str(answer.json()["error"]) != "invalid_client"


@pytest.mark.real
def test_replacing_the_logins_provider_makes_another_secret_and_leaves_the_rest(driver: Driver) -> None:
    with login_up(driver) as login:
        admin, before = driver.admin, driver.stack.outputs()
        provider = admin.one("/providers/oauth2/", name=login.application) or {}
        application = admin.call("GET", f"/core/applications/{login.application}/")
        bound = admin.call("GET", "/policies/bindings/", query={"target": application["pk"]})["results"]
        assert _knows(driver, before)
        run = driver.stack.up("--replace", driver.stack.urns()["immich-login-provider"])
        assert "has a new client id and secret. Import the output immichSystemConfig into Immich" in run.output
        after, now = driver.stack.outputs(), admin.one("/providers/oauth2/", name=login.application) or {}
        assert now["pk"] != provider["pk"]
        assert after["loginClientId"] != before["loginClientId"]
        assert after["loginClientSecret"] != before["loginClientSecret"]
        assert not _knows(driver, before)
        assert _knows(driver, after)
        same = admin.call("GET", f"/core/applications/{login.application}/")
        assert (same["pk"], same["provider"]) == (application["pk"], now["pk"])
        assert admin.call("GET", "/policies/bindings/", query={"target": same["pk"]})["results"] == bound
        login.paste(json.loads(after["immichSystemConfig"]))
        with login.person() as person:
            person.log_in()
            assert login.by_app(person).status == 201
