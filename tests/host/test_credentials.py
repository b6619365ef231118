"""Accounts with their app passwords: born together, never edited, never left behind."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from lab.authentik import StandIn
from providers.authentik.service_account import UNFINISHED
from tests.faults import reset_after
from tests.proxy import Proxy
from tests.unit.server import Server, reply

from .conftest import Authentik, HostWith, Make, of_kind
from .engine import Host, HostError, Props
from .samples import sample

ENOUGH = tuple(
    f"authentik_core.{right}"
    for right in ("add_user", "view_user", "change_user", "delete_user", "add_token", "view_group")
)
"""What a token needs to make and change a phone's account, and no more."""


def declared_phone(authentik: Authentik, **changed: Any) -> Props:
    return {"username": authentik.name("phone"), "groups": [authentik.group()["pk"]], **changed}


def password_of(authentik: Authentik, username: str) -> str:
    """The key of an account's app password, as Authentik holds it."""
    return str(authentik.call("GET", f"/core/tokens/service-account-{username}-password/view_key/")["key"])


def made_by_hand(authentik: Authentik, username: str, **asked: Any) -> dict[str, Any]:
    """An account as the endpoint makes it, before anything else is done with it."""
    body = {"name": username, "create_group": False, "expiring": False, **asked}
    made: dict[str, Any] = authentik.call("POST", "/core/users/service_account/", body)
    return made


def account(authentik: Authentik, pk: Any) -> dict[str, Any]:
    found: dict[str, Any] = authentik.call("GET", f"/core/users/{int(pk)}/")
    return found


def test_an_account_is_made_with_the_password_that_it_hands_out(authentik: Authentik, resource: Make) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    outs = made.create(declared)
    assert outs["key"] == password_of(authentik, declared["username"])
    seen = account(authentik, made.id)
    assert (seen["type"], seen["groups"], seen["is_active"]) == ("service_account", declared["groups"], True)
    token = authentik.call("GET", f"/core/tokens/{outs['token']}/")
    assert (token["intent"], token["expiring"], token["user"]) == ("app_password", False, int(made.id))


def test_the_password_survives_every_change_that_does_not_replace_it(authentik: Authentik, resource: Make) -> None:
    each, made = sample(authentik, "ServiceAccount"), resource("ServiceAccount")
    key = made.create(each.declared)["key"]
    news = each.declared | {"is_active": False, "name": "Lost", "groups": [], "attributes": {}, "path": "lost"}
    assert made.up(news) == "updated"
    assert made.refresh()
    assert made.outs["key"] == key == password_of(authentik, each.declared["username"])


def test_a_new_life_of_the_password_deletes_the_account_before_it_makes_it_again(
    authentik: Authentik, resource: Make
) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    made.up(declared)
    news = declared | {"expiring": True, "expires": "2031-01-01T00:00:00Z"}
    assert made.diff(news) == (True, ["expiring", "expires"], True)
    old, key = made.id, made.outs["key"]
    made.up(news)
    assert made.id != old
    assert made.outs["key"] != key


def test_another_name_makes_the_new_account_before_the_old_one_goes(authentik: Authentik, resource: Make) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    made.up(declared)
    assert made.diff(declared | {"username": authentik.name("phone")}) == (True, ["username"], False)


def test_a_former_account_is_kept_where_it_is_and_never_made(authentik: Authentik, resource: Make) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    _, failures = made.check(declared | {"former": "or wait."})
    assert "has no account" in failures["former"]
    assert failures["former"].endswith("Remove the argument former; or wait.")
    made.up(declared)
    key, since = made.outs["key"], authentik.mark()
    assert made.up(declared | {"former": "or wait."}) == "same"
    _, failures = made.check(declared | {"username": authentik.name("phone"), "former": "or wait."})
    assert "has no account" in failures["former"]
    assert authentik.asked(since) == []
    assert made.outs["key"] == key


def test_a_password_that_is_over_before_it_is_born_is_refused(authentik: Authentik, resource: Make) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    over = {"expiring": True, "expires": "2020-01-01T00:00:00Z"}
    _, failures = made.check(declared | over)
    assert failures["expires"].startswith("expires: must be in the future, got 2020-01-01T00:00:00Z")
    made.up(declared | over | {"expires": "2031-01-01T00:00:00Z"})
    assert made.check(declared | over)[1] == failures


def test_a_password_that_has_ended_meanwhile_stops_nobody_from_changing_the_rest(
    authentik: Authentik, resource: Make
) -> None:
    ending = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    declared, made = declared_phone(authentik, expiring=True, expires=ending), resource("ServiceAccount")
    made.up(declared)
    while datetime.now(UTC) <= datetime.fromisoformat(ending):
        time.sleep(0.05)
    assert made.up(declared) == "same"
    assert made.up(declared | {"is_active": False}) == "updated"


@pytest.mark.parametrize("expired", ["rotate", "delete"])
def test_a_password_that_ended_at_the_server_is_seen_and_asks_for_another_date(
    expired: Literal["rotate", "delete"], host_with: HostWith
) -> None:
    with StandIn(clean_expired_seconds=0, expired_passwords=expired) as standin:
        host = host_with({"authentik:url": standin.url}, standin.token)
        ending = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        declared, made = {"username": "phone", "expiring": True, "expires": ending}, of_kind(host, "ServiceAccount")
        made.up(declared)
        while datetime.now(UTC) <= datetime.fromisoformat(ending):
            time.sleep(0.05)
        assert made.refresh()
        assert bool(made.outs.get("revoked")) == (expired == "delete")
        assert "must be in the future" in made.check(declared)[1]["expires"]
        assert made.up(declared | {"expires": "2031-01-01T00:00:00Z"}) == "replaced"


def test_an_expiry_that_the_server_refuses_is_told_with_its_limit_and_nothing_is_made(host_with: HostWith) -> None:
    said = "Token expires exceeds maximum lifetime (2026-11-24 00:36:59.507780+00:00 UTC)."
    with Server(reply(400, {"expires": [said]})) as server:
        made = of_kind(host_with({"authentik:url": server.url}, "key"), "ServiceAccount")
        with pytest.raises(HostError) as caught:
            made.create({"username": "phone", "expiring": True, "expires": "2031-01-01T00:00:00Z"})
        assert f"expires: {said} Ask for an earlier `expires`" in str(caught.value)
        assert [method for method in server.methods if method != "GET"] == ["POST"]


def test_a_password_whose_end_was_changed_by_hand_is_seen(authentik: Authentik, resource: Make) -> None:
    declared = declared_phone(authentik, expiring=True, expires="2031-01-01T00:00:00Z")
    made = resource("ServiceAccount")
    made.up(declared)
    token = {"user": int(made.id), "intent": "app_password", "expires": "2030-12-01T00:00:00Z"}
    authentik.call("PATCH", f"/core/tokens/{made.outs['token']}/", token)
    assert made.refresh()
    assert made.diff(declared) == (True, ["expires"], True)


def test_an_account_that_was_left_half_made_is_made_again(authentik: Authentik, resource: Make) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    half = made_by_hand(authentik, declared["username"] + UNFINISHED)
    outs = made.create(declared)
    assert int(made.id) != half["user_pk"]
    assert authentik.status(f"/core/users/{half['user_pk']}/") == 404
    assert outs["key"] == password_of(authentik, declared["username"]) != half["token"]


def test_one_with_an_end_that_was_left_half_made_is_made_again(authentik: Authentik, resource: Make) -> None:
    end = {"expiring": True, "expires": "2031-01-01T00:00:00Z"}
    declared = declared_phone(authentik, **end)
    half = made_by_hand(authentik, declared["username"] + UNFINISHED, **end)
    assert resource("ServiceAccount").create(declared)["key"] != half["token"]
    assert authentik.status(f"/core/users/{half['user_pk']}/") == 404


def test_what_was_left_half_made_is_told(authentik: Authentik) -> None:
    declared = declared_phone(authentik)
    made_by_hand(authentik, declared["username"] + UNFINISHED)
    config = {"authentik:url": authentik.url}
    with Host(config, {"AUTHENTIK_TOKEN": authentik.least_token}, told=True) as host:
        of_kind(host, "ServiceAccount").create(declared)
    assert f"{declared['username']}{UNFINISHED}', which a run that was cut short had left unfinished" in host.told


DEFAULTS = {"create_group": True, "expiring": True}
"""What Authentik's own interface asks for, unless it is told otherwise."""


@pytest.mark.parametrize("end", [{}, {"expiring": True, "expires": "2031-01-01T00:00:00Z"}], ids=["no end", "end"])
@pytest.mark.parametrize("asked", [{}, DEFAULTS, {"expiring": True, "expires": "2031-01-01T00:00:00Z"}])
def test_an_account_that_somebody_just_made_is_asked_for_however_it_looks(
    end: Props, asked: Props, authentik: Authentik, resource: Make
) -> None:
    declared = declared_phone(authentik, **end)
    theirs = made_by_hand(authentik, declared["username"], **asked)
    seen = account(authentik, theirs["user_pk"])
    with pytest.raises(HostError, match="it exists, and ") as caught:
        resource("ServiceAccount").create(declared)
    assert "Nothing was written. To take it over, set the argument adopt" in str(caught.value)
    assert account(authentik, theirs["user_pk"]) == seen
    assert password_of(authentik, declared["username"]) == theirs["token"]
    resource("ServiceAccount").create(declared | {"adopt": True})
    assert authentik.status(f"/core/users/{theirs['user_pk']}/") == 404


@pytest.mark.parametrize("type_", ["internal", "external", "service_account"])
def test_an_account_without_an_app_password_is_in_the_way_and_nothing_is_left_of_ours(
    type_: str, authentik: Authentik, resource: Make
) -> None:
    declared = declared_phone(authentik)
    theirs = authentik.call("POST", "/core/users/", {"username": declared["username"], "name": "Theirs", "type": type_})
    with pytest.raises(HostError, match="Nothing was written"):
        resource("ServiceAccount").create(declared)
    assert account(authentik, theirs["pk"])["name"] == "Theirs"
    assert authentik.call("GET", f"/core/users/?search={declared['username']}")["pagination"]["count"] == 1


def test_an_account_is_called_by_its_username_unless_it_is_said_otherwise(authentik: Authentik, resource: Make) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    made.create(declared)
    assert account(authentik, made.id)["name"] == account(authentik, made.id)["username"] == declared["username"]


def test_an_account_that_is_adopted_gets_a_new_password_and_the_old_one_dies(
    authentik: Authentik, resource: Make
) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    theirs = made_by_hand(authentik, declared["username"])
    authentik.call("PATCH", f"/core/users/{theirs['user_pk']}/", {"name": "By hand"})
    outs = made.create(declared | {"adopt": True})
    assert authentik.status(f"/core/users/{theirs['user_pk']}/") == 404
    assert outs["key"] == password_of(authentik, declared["username"]) != theirs["token"]
    made.delete()
    assert authentik.status(f"/core/users/{made.id}/") == 404


@pytest.mark.parametrize("kind", ["internal", "external"])
@pytest.mark.parametrize("adopt", [False, True])
def test_a_persons_account_is_never_deleted(kind: str, adopt: bool, authentik: Authentik, resource: Make) -> None:
    person = authentik.user(type=kind)
    declared = {"username": person["username"], "adopt": adopt}
    with pytest.raises(HostError, match=f"user of type {kind}, not a service account"):
        resource("ServiceAccount").create(declared)
    assert account(authentik, person["pk"])["last_updated"] == person["last_updated"]


def test_an_account_that_cannot_be_set_up_is_taken_away_again(authentik: Authentik, host_with: HostWith) -> None:
    rights = [right for right in ENOUGH if not right.endswith("change_user")]
    host = host_with({"authentik:url": authentik.url}, authentik.limited_token(*rights))
    declared = declared_phone(authentik)
    with pytest.raises(HostError, match=r"needs the right authentik_core\.change_user"):
        of_kind(host, "ServiceAccount").create(declared)
    assert authentik.call("GET", f"/core/users/?username={declared['username']}")["results"] == []


def test_few_rights_are_enough_for_the_whole_life_of_an_account(authentik: Authentik, host_with: HostWith) -> None:
    host = host_with({"authentik:url": authentik.url}, authentik.limited_token(*ENOUGH))
    declared, made = declared_phone(authentik), of_kind(host, "ServiceAccount")
    assert made.up(declared) == "created"
    assert made.outs["key"] == password_of(authentik, declared["username"])
    assert made.refresh()
    assert made.up(declared) == "same"
    assert made.up(declared | {"is_active": False}) == "updated"
    made.delete()
    assert authentik.status(f"/core/users/{made.id}/") == 404


@pytest.mark.parametrize("username", ["phone.anna", "Phone_Anna", "phone--anna-"])
def test_a_password_that_was_deleted_is_seen_whatever_the_accounts_name(
    username: str, authentik: Authentik, resource: Make
) -> None:
    username = authentik.name(username) + "x."
    declared, made = declared_phone(authentik, username=username), resource("ServiceAccount")
    made.up(declared)
    (token,) = authentik.call("GET", f"/core/tokens/?user__username={username}")["results"]
    authentik.call("DELETE", f"/core/tokens/{token['identifier']}/")
    former, key = made.id, made.outs["key"]
    assert made.refresh()
    assert made.diff(declared) == (True, ["key"], True)
    assert made.up(declared) == "replaced"
    assert made.outs["key"] != key
    assert authentik.status(f"/core/users/{former}/") == 404
    assert made.up(declared) == "same"


def test_an_account_whose_password_was_deleted_goes_with_the_stack(authentik: Authentik, resource: Make) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    made.up(declared)
    authentik.call("DELETE", f"/core/tokens/{made.outs['token']}/")
    assert made.refresh()
    made.delete()
    assert authentik.status(f"/core/users/{made.id}/") == 404


def test_an_account_that_is_gone_is_not_there(authentik: Authentik, resource: Make) -> None:
    made = resource("ServiceAccount")
    made.up(declared_phone(authentik))
    authentik.call("DELETE", f"/core/users/{made.id}/")
    assert not made.refresh()


def test_a_former_account_whose_password_was_deleted_is_not_made_again(authentik: Authentik, resource: Make) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    made.up(declared)
    authentik.call("DELETE", f"/core/tokens/{made.outs['token']}/")
    made.refresh()
    assert "is gone, so there is nothing to keep" in made.check(declared | {"former": "or wait."})[1]["former"]


def test_a_token_that_may_no_longer_read_passwords_does_not_take_them_for_gone(
    authentik: Authentik, host_with: HostWith, resource: Make
) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    made.up(declared)
    host = host_with({"authentik:url": authentik.url}, authentik.limited_token(*ENOUGH))
    seen = of_kind(host, "ServiceAccount")
    seen.id, seen.outs = made.id, made.outs
    assert seen.refresh()
    assert seen.up(declared) == "same"


def test_the_password_of_an_account_whose_answer_got_lost_dies_with_it(
    authentik: Authentik, proxy: Proxy, proxied: Make
) -> None:
    declared, made = declared_phone(authentik), proxied("ServiceAccount")
    proxy.on("POST /core/users/service_account/", reset_after)
    key = made.create(declared)["key"]
    assert key == password_of(authentik, declared["username"])
    assert len(authentik.call("GET", f"/core/tokens/?user__username={declared['username']}")["results"]) == 1


def further(authentik: Authentik, user: int, intent: str = "app_password") -> str:
    """The identifier of a token that somebody makes for an account by hand."""
    made = {"identifier": authentik.name("further"), "user": user, "intent": intent, "expiring": False}
    return str(authentik.call("POST", "/core/tokens/", made)["identifier"])


def test_a_further_app_password_of_a_phones_account_is_seen_by_refresh_and_taken_off_by_up_and_ours_stays(
    authentik: Authentik, resource: Make
) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    key = made.create(declared)["key"]
    others = [further(authentik, int(made.id)), further(authentik, int(made.id))]
    kept = [further(authentik, authentik.user()["pk"]), further(authentik, int(made.id), "api")]
    assert made.refresh()
    assert sorted(made.outs["others"].values()) == sorted(others)
    assert made.up(declared) == "updated"
    assert [authentik.status(f"/core/tokens/{each}/") for each in (*others, *kept)] == [404, 404, 200, 200]
    assert made.outs["key"] == key == password_of(authentik, declared["username"])
    assert made.refresh()
    assert made.up(declared) == "same"


def test_no_further_app_password_is_taken_off_than_a_refresh_saw(authentik: Authentik, resource: Make) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    made.create(declared)
    seen = further(authentik, int(made.id))
    made.refresh()
    unseen = further(authentik, int(made.id))
    assert made.up(declared | {"name": "Anna"}) == "updated"
    assert [authentik.status(f"/core/tokens/{each}/") for each in (seen, unseen)] == [404, 200]
    assert authentik.call("GET", f"/core/users/{made.id}/")["name"] == "Anna"
    made.refresh()
    assert list(made.outs["others"].values()) == [unseen]


def test_a_further_app_password_that_goes_by_itself_is_no_drift(authentik: Authentik, resource: Make) -> None:
    declared, made = declared_phone(authentik), resource("ServiceAccount")
    made.create(declared)
    gone = further(authentik, int(made.id))
    made.refresh()
    authentik.call("DELETE", f"/core/tokens/{gone}/")
    made.refresh()
    assert made.up(declared) == "same"


def test_where_none_ever_was_the_state_says_nothing_of_further_app_passwords(
    authentik: Authentik, resource: Make
) -> None:
    made = resource("ServiceAccount")
    made.create(declared_phone(authentik))
    before, since = dict(made.outs), authentik.mark()
    made.refresh()
    assert made.outs == before
    assert len(authentik.asked(since)) == 1
