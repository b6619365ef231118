"""What surprises a client that makes, changes or keeps tokens, beyond what the recording already proves."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from lab.authentik import StandIn
from lab.authentik.clock import moment, now
from tests.contract.api import Api, Site, fresh


def minutes_left(stamped: str) -> float:
    return (moment(stamped) - now()).total_seconds() / 60


def app_password(api: Api, **more: Any) -> dict[str, Any]:
    return {"identifier": fresh("token"), "user": api.account()["user_pk"], "intent": "app_password"} | more


def test_a_change_without_user_and_intent_takes_the_phones_password_away(api: Api) -> None:
    site = Site(api)
    assert site.enters(site.basic.replace("Basic", "basic"))
    taken = api.change(site.token, description="harmless")
    assert (taken["user_obj"]["username"], taken["intent"]) == ("akadmin", "api")
    assert not site.enters(site.basic)
    # and what was the phone's password is now the key to everything
    assert Api(api.server, site.key).get("/core/users/me/")["user"]["is_superuser"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_user_of_a_token_cannot_be_changed(api: Api, method: str) -> None:
    token = api.make("/core/tokens/", **app_password(api, expiring=False))
    body = {"identifier": token["identifier"], "user": api.account()["user_pk"], "intent": "app_password"}
    errors = api.refused(method, f"/core/tokens/{token['identifier']}/", body)
    assert errors == {"user": ["User cannot be changed"]}


def test_an_app_password_may_not_outlive_the_servers_limit(api: Api) -> None:
    for asked in (now() + timedelta(hours=1), datetime(2031, 1, 1, tzinfo=now().tzinfo)):
        errors = api.refused("POST", "/core/tokens/", app_password(api, expires=asked.isoformat()))
        assert errors["expires"][0].startswith("Token expires exceeds maximum lifetime (")
    soon = (now() + timedelta(minutes=5)).isoformat()
    assert minutes_left(api.make("/core/tokens/", **app_password(api, expires=soon))["expires"]) < 5


def test_a_user_or_group_can_raise_the_limit(api: Api) -> None:
    longer = {"goauthentik.io/user/token-maximum-lifetime": "days=10"}
    group = api.make("/core/groups/", name=fresh("patient"), attributes=longer)
    body = app_password(api, expires=(now() + timedelta(days=9)).isoformat())
    api.change(f"/core/users/{body['user']}/", groups=[group["pk"]])
    assert api.make("/core/tokens/", **body)["expiring"]


def test_an_expiring_app_password_without_a_date_lives_thirty_minutes(api: Api) -> None:
    assert 29 < minutes_left(api.make("/core/tokens/", **app_password(api))["expires"]) <= 30


def test_an_api_token_lives_thirty_minutes_whatever_is_asked(api: Api) -> None:
    body = {"identifier": fresh("token"), "expires": "2031-01-01T00:00:00Z"}
    assert 29 < minutes_left(api.make("/core/tokens/", **body)["expires"]) <= 30


def test_the_limit_is_the_servers_to_set() -> None:
    with StandIn(token_lifetime="hours=2") as server:
        api = Api(server)
        assert 119 < minutes_left(api.make("/core/tokens/", **app_password(api))["expires"]) <= 120


def test_a_service_accounts_password_lives_360_days_unless_asked_otherwise(api: Api) -> None:
    made = api.make("/core/users/service_account/", name=fresh("svc"))
    token = api.get(f"/core/tokens/service-account-{made['username']}-password/")
    assert token["expiring"]
    assert 359 < minutes_left(token["expires"]) / 60 / 24 <= 360
    forever = api.account()
    assert not api.get(f"/core/tokens/service-account-{forever['username']}-password/")["expiring"]


def test_a_service_account_starts_in_no_group_and_with_an_attribute_of_the_servers(api: Api) -> None:
    user = api.get(f"/core/users/{api.account()['user_pk']}/")
    assert (user["path"], user["type"], user["groups"]) == ("goauthentik.io/service-accounts", "service_account", [])
    assert user["attributes"] == {"goauthentik.io/user/token-expires": False}
    assert user["last_login"] is None


def test_a_service_account_can_come_with_a_group_of_its_name(api: Api) -> None:
    made = api.account(create_group=True)
    assert api.get(f"/core/groups/{made['group_pk']}/")["users"] == [made["user_pk"]]


def test_a_service_account_whose_token_exists_is_refused(api: Api) -> None:
    name = fresh("svc")
    api.make("/core/tokens/", identifier=f"service-account-{name}-password")
    assert list(api.refused("POST", "/core/users/service_account/", {"name": name})) == ["non_field_errors"]
    assert not api.rows(f"/core/users/?username={name}")


def test_an_expired_app_password_is_rotated_silently() -> None:
    with StandIn(clean_expired_seconds=0) as server:
        api = Api(server)
        site = Site(api)
        body = {"user": site.user, "intent": "app_password", "expiring": True, "expires": "2020-01-01T00:00:00Z"}
        api.change(site.token, **body)
        assert minutes_left(api.get(site.token)["expires"]) > 29
        assert api.get(f"{site.token}view_key/")["key"] != site.key
        assert not site.enters(site.basic)


def test_or_deleted_as_the_servers_code_has_it() -> None:
    with StandIn(clean_expired_seconds=0, expired_passwords="delete") as server:
        api = Api(server)
        made = api.make("/core/tokens/", **app_password(api, expires="2020-01-01T00:00:00Z"))
        api.refused("GET", f"/core/tokens/{made['identifier']}/", status=404)


def test_an_expired_api_token_gets_a_new_key() -> None:
    with StandIn(clean_expired_seconds=0, token_lifetime="seconds=0.2", expired_passwords="delete") as server:
        api = Api(server)
        path = f"/core/tokens/{fresh('token')}/"
        made = api.make("/core/tokens/", identifier=path.split("/")[3])
        key = server.authentik.store.one("token", identifier=made["identifier"])
        time.sleep(max(0.0, minutes_left(made["expires"]) * 60))
        assert key is not None
        assert api.get(f"{path}view_key/")["key"] != key["key"]


def test_until_it_is_swept_an_expired_password_is_listed_and_refused(api: Api) -> None:
    site = Site(api)
    body = {"user": site.user, "intent": "app_password", "expiring": True, "expires": "2020-01-01T00:00:00Z"}
    api.change(site.token, **body)
    assert api.get(site.token)["expires"] == "2020-01-01T00:00:00Z"
    assert not site.enters(site.basic)
