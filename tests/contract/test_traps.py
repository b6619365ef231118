"""What surprises a client of the API, beyond what the recording already proves."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from lab.authentik.crypto import self_signed
from tests.contract.api import Api, Site, fresh

# --- applications and access ---


def test_applications_that_are_hidden_are_left_out_for_everybody(api: Api) -> None:
    made = api.account()
    shown, hidden = api.application(), api.application(meta_hide=True)
    for asked in (f"for_user={made['user_pk']}", "page_size=100"):
        slugs = {app["slug"] for app in api.rows(f"/core/applications/?{asked}&page_size=100")}
        assert shown["slug"] in slugs
        assert hidden["slug"] not in slugs
    full = {app["slug"] for app in api.rows("/core/applications/?superuser_full_list=true&page_size=100")}
    assert hidden["slug"] in full


def test_what_somebody_may_enter_is_filtered_after_paging(api: Api) -> None:
    made = api.account()
    word = fresh("paged")
    for closed in (True, True, False):
        app = api.application(group=word)
        group = api.make("/core/groups/", name=fresh("shut out"))
        if closed:
            api.make("/policies/bindings/", target=app["pk"], group=group["pk"], order=0)
    answer = api.get(f"/core/applications/?group={word}&for_user={made['user_pk']}&page_size=2")
    assert answer["pagination"]["count"] == 3
    assert answer["results"] == []
    second = api.get(f"/core/applications/?group={word}&for_user={made['user_pk']}&page_size=2&page=2")
    assert len(second["results"]) == 1


def test_for_user_needs_a_right_of_its_own(api: Api) -> None:
    made = api.account()
    app = api.application()
    path = f"/core/applications/?for_user={made['user_pk']}&slug={app['slug']}"
    assert api.limited("authentik_core.view_application").refused("GET", path) == {"for_user": "User not found"}
    assert len(api.limited("authentik_core.view_user_applications").rows(path)) == 1


def test_the_full_list_is_a_superusers(api: Api) -> None:
    app, group = api.application(), api.make("/core/groups/", name=fresh("others"))
    api.make("/policies/bindings/", target=app["pk"], group=group["pk"], order=0)
    path = f"/core/applications/?superuser_full_list=true&slug={app['slug']}"
    assert len(api.rows(path)) == 1
    assert api.limited("authentik_core.view_application").rows(path) == []


def test_a_superuser_is_shut_out_by_bindings_like_anybody(api: Api) -> None:
    app, group = api.application(), api.make("/core/groups/", name=fresh("others"))
    api.make("/policies/bindings/", target=app["pk"], group=group["pk"], order=0)
    assert not api.get(f"/core/applications/{app['slug']}/check_access/")["passing"]
    assert api.rows(f"/core/applications/?slug={app['slug']}") == []


def test_a_negated_binding_beside_another_in_mode_any_lets_everybody_else_in(api: Api) -> None:
    site, stranger = Site(api), api.account()
    path = f"/core/applications/{site.application['slug']}/check_access/?for_user={stranger['user_pk']}"
    assert not api.get(path)["passing"]
    body = {"target": site.application["pk"], "group": site.group["pk"], "negate": True, "order": 1}
    api.make("/policies/bindings/", **body)
    assert api.get(path)["passing"]


def test_members_of_a_child_group_are_members(api: Api) -> None:
    site, made = Site(api), api.account()
    child = api.make("/core/groups/", name=fresh("child"), parents=[site.group["pk"]])
    api.change(f"/core/users/{made['user_pk']}/", groups=[child["pk"]])
    path = f"/core/applications/{site.application['slug']}/check_access/?for_user={made['user_pk']}"
    assert api.get(path)["passing"]


# --- deleting ---


def test_a_deleted_group_takes_its_bindings_and_opens_what_only_it_guarded(api: Api) -> None:
    site, stranger = Site(api), api.account()
    api.delete(f"/core/groups/{site.group['pk']}/")
    assert api.rows(f"/policies/bindings/?target={site.application['pk']}") == []
    path = f"/core/applications/{site.application['slug']}/check_access/?for_user={stranger['user_pk']}"
    assert api.get(path)["passing"]


def test_a_deleted_user_takes_its_bindings(api: Api) -> None:
    app, made = api.application(), api.account()
    api.make("/policies/bindings/", target=app["pk"], user=made["user_pk"], order=0)
    api.delete(f"/core/users/{made['user_pk']}/")
    assert api.rows(f"/policies/bindings/?target={app['pk']}") == []


def test_bindings_of_a_deleted_application_are_refused_not_empty(api: Api) -> None:
    app = api.application()
    api.delete(f"/core/applications/{app['slug']}/")
    errors = api.refused("GET", f"/policies/bindings/?target={app['pk']}")
    assert errors["target"] == ["Select a valid choice. That choice is not one of the available choices."]


def test_pks_are_never_given_twice(api: Api) -> None:
    made = api.account()
    api.delete(f"/core/users/{made['user_pk']}/")
    assert api.account()["user_pk"] > made["user_pk"]


# --- lists, bodies and fields ---


def test_pages_hold_twenty_rows_and_at_most_a_hundred(api: Api) -> None:
    word = fresh("many")
    for number in range(101):
        api.make("/core/groups/", name=f"{word}-{number}")
    assert len(api.rows(f"/core/groups/?search={word}")) == 20
    answer = api.get(f"/core/groups/?search={word}&page_size=1000")
    assert (len(answer["results"]), answer["pagination"]["total_pages"]) == (100, 2)
    for page in ("0", "-1", "x", "3"):
        assert api.refused("GET", f"/core/groups/?search={word}&page_size=100&page={page}", status=404)


def test_a_filter_the_server_does_not_know_filters_nothing(api: Api) -> None:
    everything = api.get("/core/groups/")["pagination"]["count"]
    assert api.get("/core/groups/?no_such_filter=x")["pagination"]["count"] == everything
    assert api.get("/core/groups/?is_superuser=maybe")["pagination"]["count"] == everything


def test_put_resets_a_users_groups_and_keeps_the_rest(api: Api) -> None:
    site = Site(api)
    api.change(f"/core/users/{site.user}/", attributes={"kept": True})
    body = {"username": site.username, "name": "new name"}
    user = api.ask("PUT", f"/core/users/{site.user}/", body).json()
    assert (user["name"], user["groups"], user["attributes"]) == ("new name", [], {"kept": True})


def test_members_can_be_set_from_the_groups_side(api: Api) -> None:
    made, group = api.account(), api.make("/core/groups/", name=fresh("group"))
    path = f"/core/groups/{group['pk']}/"
    assert api.change(path, users=[made["user_pk"]])["users"] == [made["user_pk"]]
    assert api.get(f"/core/users/{made['user_pk']}/")["groups"] == [group["pk"]]
    assert api.ask("POST", f"{path}remove_user/", {"pk": made["user_pk"]}).status_code == 204
    assert api.ask("PUT", path, {"name": group["name"]}).json()["users"] == []


def test_attributes_are_replaced_whole(api: Api) -> None:
    group = api.make("/core/groups/", name=fresh("group"), attributes={"a": 1, "b": 2})
    assert api.change(f"/core/groups/{group['pk']}/", attributes={"b": 3})["attributes"] == {"b": 3}


def test_a_body_that_is_no_json_says_so(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.server.token}"}
    url = f"{api.server.api}/core/groups/"
    broken = requests.post(url, data="{", headers=headers | {"Content-Type": "application/json"}, timeout=10)
    assert (broken.status_code, list(broken.json())) == (400, ["detail"])
    form = requests.post(url, data={"name": "x"}, headers=headers, timeout=10)
    assert form.status_code == 415


WRONG = [
    ("/core/users/", {"username": "", "name": "x"}, "username"),
    ("/core/users/", {"username": "x" * 151, "name": "x"}, "username"),
    ("/core/users/", {"username": None, "name": "x"}, "username"),
    ("/core/users/", {"username": "x", "name": "x", "path": "/a"}, "path"),
    ("/core/users/", {"username": "x", "name": "x", "path": "a//b"}, "path"),
    ("/core/users/", {"username": "x", "name": "x", "email": "x"}, "email"),
    ("/core/users/", {"username": "x", "name": "x", "attributes": []}, "attributes"),
    ("/core/users/", {"username": "x", "name": "x", "groups": "x"}, "groups"),
    ("/core/users/", {"username": "x", "name": "x", "groups": ["zzz"]}, "groups"),
    ("/core/users/", {"username": "x", "name": "x", "is_active": "perhaps"}, "is_active"),
    ("/core/users/", {"username": "x", "name": "x", "type": "internal_service_account"}, "type"),
    ("/core/tokens/", {"identifier": "x", "intent": "recovery"}, "intent"),
    ("/core/tokens/", {"identifier": "x", "expires": "tomorrow"}, "expires"),
    ("/core/applications/", {"name": "x", "slug": "token"}, "slug"),
    ("/core/applications/", {"name": "x", "slug": "x", "policy_engine_mode": "some"}, "policy_engine_mode"),
    ("/policies/bindings/", {"target": "zzz", "order": 0}, "target"),
    ("/outposts/instances/", {"name": "x", "type": "proxy", "providers": [], "config": {}}, "providers"),
    ("/outposts/instances/", {"name": "x", "type": "proxy", "providers": [True], "config": {}}, "providers"),
    ("/crypto/certificatekeypairs/", {"name": "x", "certificate_data": "x"}, "certificate_data"),
    ("/rbac/roles/", {}, "name"),
]


@pytest.mark.parametrize(("path", "body", "field"), WRONG)
def test_what_does_not_do_is_refused_by_the_fields_name(api: Api, path: str, body: Any, field: str) -> None:
    before = len(api.server.authentik.store.rows("user"))
    assert list(api.refused("POST", path, body)) == [field]
    assert len(api.server.authentik.store.rows("user")) == before


def test_a_proxy_outpost_takes_no_oauth2_provider(api: Api) -> None:
    flows = {k: v for k, v in api.proxy_body("https://x.example.test").items() if k.endswith("_flow")}
    login = api.make("/providers/oauth2/", name=fresh("login"), redirect_uris=[], **flows)
    outpost = api.embedded()
    path = f"/outposts/instances/{outpost['pk']}/"
    assert list(api.refused("PATCH", path, {"providers": [*outpost["providers"], login["pk"]]})) == ["providers"]


def test_a_new_certificate_is_read(api: Api) -> None:
    certificate, key = self_signed("lab")
    made = api.make("/crypto/certificatekeypairs/", name=fresh("pair"), certificate_data=certificate, key_data=key)
    assert (made["key_type"], made["private_key_available"]) == ("rsa", True)
    assert "key_data" not in made
