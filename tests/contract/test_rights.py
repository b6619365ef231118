"""A call needs its rights and no others: each one taken away is missed by exactly the calls that need it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.api import Api, Site, fresh

Ask = Callable[[Api, Api], int]  # the administrator prepares, the limited caller asks


def _status(caller: Api, method: str, path: str, body: Any = None) -> int:
    return caller.ask(method, path, body).status_code


def _user(admin: Api) -> str:
    return f"/core/users/{admin.account()['user_pk']}/"


def _group(admin: Api) -> str:
    return f"/core/groups/{admin.make('/core/groups/', name=fresh('group'))['pk']}/"


def _application(admin: Api) -> str:
    return f"/core/applications/{admin.application()['slug']}/"


def _proxy(admin: Api) -> str:
    return f"/providers/proxy/{admin.make('/providers/proxy/', **_proxy_body(admin))['pk']}/"


def _proxy_body(admin: Api) -> dict[str, Any]:
    return admin.proxy_body(f"https://{fresh('host')}.example.test")


def _oauth2_body(admin: Api) -> dict[str, Any]:
    flows = ("authorization_flow", "invalidation_flow")
    body = {name: value for name, value in _proxy_body(admin).items() if name in flows}
    return body | {"name": fresh("login"), "redirect_uris": []}


def _oauth2(admin: Api) -> str:
    return f"/providers/oauth2/{admin.make('/providers/oauth2/', **_oauth2_body(admin))['pk']}/"


def _binding_body(admin: Api) -> dict[str, Any]:
    group = admin.make("/core/groups/", name=fresh("group"))
    return {"target": admin.application()["pk"], "group": group["pk"], "order": 0}


def _binding(admin: Api) -> tuple[str, dict[str, Any]]:
    body = _binding_body(admin)
    return f"/policies/bindings/{admin.make('/policies/bindings/', **body)['pk']}/", body


def _token(admin: Api) -> str:
    return f"/core/tokens/service-account-{admin.account()['username']}-password/"


def _outpost(admin: Api) -> str:
    return f"/outposts/instances/{admin.embedded()['pk']}/"


def _attach(admin: Api, caller: Api) -> int:
    outpost = admin.embedded()
    return _status(caller, "PATCH", f"/outposts/instances/{outpost['pk']}/", {"providers": outpost["providers"]})


def _put_binding(admin: Api, caller: Api) -> int:
    path, body = _binding(admin)
    return _status(caller, "PUT", path, body | {"negate": True})


def _assign(admin: Api, caller: Api) -> int:
    role = admin.make("/rbac/roles/", name=fresh("role"))
    path = f"/rbac/permissions/assigned_by_roles/{role['pk']}/assign/"
    return _status(caller, "POST", path, {"permissions": ["authentik_core.view_user"]})


def _new_user(_admin: Api, caller: Api) -> int:
    return _status(caller, "POST", "/core/users/", {"username": fresh("user"), "name": "x"})


def core(*verbs: str) -> frozenset[str]:
    return frozenset(f"authentik_core.{verb}" for verb in verbs)


def of(app: str, name: str, *verbs: str) -> frozenset[str]:
    return frozenset(f"authentik_{app}.{verb}_{name}" for verb in verbs)


CALLS: dict[str, tuple[frozenset[str], Ask]] = {
    "me": (frozenset(), lambda _, c: _status(c, "GET", "/core/users/me/")),
    "version": (frozenset(), lambda _, c: _status(c, "GET", "/admin/version/")),
    "config": (frozenset(), lambda _, c: _status(c, "GET", "/root/config/")),
    "own tokens": (frozenset(), lambda _, c: _status(c, "GET", "/core/tokens/")),
    "own token": (frozenset(), lambda _, c: _status(c, "POST", "/core/tokens/", {"identifier": fresh("own")})),
    "own applications": (frozenset(), lambda _, c: _status(c, "GET", "/core/applications/")),
    "check access": (frozenset(), lambda a, c: _status(c, "GET", f"{_application(a)}check_access/")),
    "users": (core("view_user"), lambda _, c: _status(c, "GET", "/core/users/?page_size=1")),
    "user": (core("view_user"), lambda a, c: _status(c, "GET", _user(a))),
    "new user": (core("add_user"), _new_user),
    "change user": (core("view_user", "change_user"), lambda a, c: _status(c, "PATCH", _user(a), {"name": "y"})),
    "delete user": (core("view_user", "delete_user"), lambda a, c: _status(c, "DELETE", _user(a))),
    "service account": (
        core("add_user", "add_token"),
        lambda _, c: _status(c, "POST", "/core/users/service_account/", {"name": fresh("svc")}),
    ),
    "password": (
        core("view_user", "reset_user_password"),
        lambda a, c: _status(c, "POST", f"{_user(a)}set_password/", {"password": "new"}),
    ),
    "groups": (core("view_group"), lambda _, c: _status(c, "GET", "/core/groups/?page_size=1")),
    "new group": (core("add_group"), lambda _, c: _status(c, "POST", "/core/groups/", {"name": fresh("g")})),
    "change group": (
        core("view_group", "change_group"),
        lambda a, c: _status(c, "PATCH", _group(a), {"attributes": {"x": 1}}),
    ),
    "delete group": (core("view_group", "delete_group"), lambda a, c: _status(c, "DELETE", _group(a))),
    "view key": (core("view_token_key"), lambda a, c: _status(c, "GET", f"{_token(a)}view_key/")),
    "set key": (
        core("set_token_key", "add_token"),
        lambda a, c: _status(c, "POST", f"{_token(a)}set_key/", {"key": "k" * 40}),
    ),
    "application": (core("view_application"), lambda a, c: _status(c, "GET", _application(a))),
    "new application": (
        core("add_application"),
        lambda _, c: _status(c, "POST", "/core/applications/", {"name": "a", "slug": fresh("a")}),
    ),
    "change application": (
        core("view_application", "change_application"),
        lambda a, c: _status(c, "PATCH", _application(a), {"group": "x"}),
    ),
    "delete application": (
        core("view_application", "delete_application"),
        lambda a, c: _status(c, "DELETE", _application(a)),
    ),
    "proxy": (of("providers_proxy", "proxyprovider", "view"), lambda a, c: _status(c, "GET", _proxy(a))),
    "new proxy": (
        of("providers_proxy", "proxyprovider", "add"),
        lambda a, c: _status(c, "POST", "/providers/proxy/", _proxy_body(a)),
    ),
    "change proxy": (
        of("providers_proxy", "proxyprovider", "view", "change"),
        lambda a, c: _status(c, "PATCH", _proxy(a), {"mode": "forward_single"}),
    ),
    "delete proxy": (
        of("providers_proxy", "proxyprovider", "view", "delete"),
        lambda a, c: _status(c, "DELETE", _proxy(a)),
    ),
    "new oauth2": (
        of("providers_oauth2", "oauth2provider", "add"),
        lambda a, c: _status(c, "POST", "/providers/oauth2/", _oauth2_body(a)),
    ),
    "setup urls": (
        of("providers_oauth2", "oauth2provider", "view"),
        lambda a, c: _status(c, "GET", f"{_oauth2(a)}setup_urls/"),
    ),
    "bindings": (
        of("policies", "policybinding", "view"),
        lambda _, c: _status(c, "GET", "/policies/bindings/?page_size=1"),
    ),
    "new binding": (
        of("policies", "policybinding", "add"),
        lambda a, c: _status(c, "POST", "/policies/bindings/", _binding_body(a)),
    ),
    "change binding": (of("policies", "policybinding", "view", "change"), _put_binding),
    "delete binding": (
        of("policies", "policybinding", "view", "delete"),
        lambda a, c: _status(c, "DELETE", _binding(a)[0]),
    ),
    "outpost": (of("outposts", "outpost", "view"), lambda a, c: _status(c, "GET", _outpost(a))),
    "outpost health": (of("outposts", "outpost", "view"), lambda a, c: _status(c, "GET", f"{_outpost(a)}health/")),
    "attach": (of("outposts", "outpost", "view", "change"), _attach),
    "flows": (of("flows", "flow", "view"), lambda _, c: _status(c, "GET", "/flows/instances/?page_size=1")),
    "scopes": (
        of("providers_oauth2", "scopemapping", "view"),
        lambda _, c: _status(c, "GET", "/propertymappings/provider/scope/"),
    ),
    "certificates": (
        of("crypto", "certificatekeypair", "view"),
        lambda _, c: _status(c, "GET", "/crypto/certificatekeypairs/"),
    ),
    "new role": (of("rbac", "role", "add"), lambda _, c: _status(c, "POST", "/rbac/roles/", {"name": fresh("r")})),
    "assign rights": (frozenset({"authentik_rbac.assign_role_permissions"}), _assign),
}
ALL_RIGHTS = sorted(frozenset[str]().union(*(rights for rights, _ in CALLS.values())))


def refused(admin: Api, caller: Api) -> set[str]:
    statuses = {name: ask(admin, caller) for name, (_, ask) in CALLS.items()}
    assert set(statuses.values()) <= {200, 201, 204, 403}, statuses
    return {name for name, status in statuses.items() if status == 403}


def test_with_all_rights_every_call_is_answered(api: Api) -> None:
    assert refused(api, api.limited(*ALL_RIGHTS)) == set()


def test_without_rights_only_what_needs_none_is_answered(api: Api) -> None:
    assert refused(api, api.limited()) == {name for name, (rights, _) in CALLS.items() if rights}


@pytest.mark.parametrize("right", ALL_RIGHTS)
def test_a_missing_right_is_missed_by_exactly_the_calls_that_need_it(api: Api, right: str) -> None:
    caller = api.limited(*(other for other in ALL_RIGHTS if other != right))
    assert refused(api, caller) == {name for name, (rights, _) in CALLS.items() if right in rights}


def test_a_right_unassigned_is_gone(api: Api) -> None:
    role = api.make("/rbac/roles/", name=fresh("role"))
    group = api.make("/core/groups/", name=fresh("group"), roles=[role["pk"]])
    name = fresh("operator")
    user = api.make("/core/users/", username=name, name=name, groups=[group["pk"]])
    api.make("/core/tokens/", identifier=name, user=user["pk"], expiring=False)
    caller = Api(api.server, api.get(f"/core/tokens/{name}/view_key/")["key"])
    rights = {"permissions": ["authentik_core.view_group"]}
    base = f"/rbac/permissions/assigned_by_roles/{role['pk']}"
    api.make(f"{base}/assign/", **rights)
    assert caller.rows("/core/groups/")
    assert api.ask("PATCH", f"{base}/unassign/", rights).status_code == 204
    caller.refused("GET", "/core/groups/", status=403)


def test_a_right_for_one_object_shows_that_object_alone(api: Api) -> None:
    seen, hidden = _group(api), _group(api)
    caller = api.limited()
    (role,) = caller.get("/core/users/me/")["user"]["roles"]
    path = f"/rbac/permissions/assigned_by_roles/{role['pk']}/assign/"
    own = {"model": "authentik_core.group", "object_pk": seen.split("/")[3]}
    api.make(path, permissions=["authentik_core.view_group"], **own)
    assert len(caller.rows("/core/groups/")) == 1
    caller.get(seen)
    # what a role may not see is missing to it once it may see anything of the kind, and forbidden before
    caller.refused("GET", hidden, status=404)
    caller.refused("PATCH", seen, {"name": "x"}, status=403)


def test_a_role_of_an_inherited_group_counts(api: Api) -> None:
    role = api.make("/rbac/roles/", name=fresh("role"))
    rights = {"permissions": ["authentik_core.view_group"]}
    api.make(f"/rbac/permissions/assigned_by_roles/{role['pk']}/assign/", **rights)
    parent = api.make("/core/groups/", name=fresh("parent"), roles=[role["pk"]])
    child = api.make("/core/groups/", name=fresh("child"), parents=[parent["pk"]])
    name = fresh("operator")
    user = api.make("/core/users/", username=name, name=name, groups=[child["pk"]])
    api.make("/core/tokens/", identifier=name, user=user["pk"], expiring=False)
    caller = Api(api.server, api.get(f"/core/tokens/{name}/view_key/")["key"])
    assert caller.rows("/core/groups/")


def test_only_one_who_may_make_superusers_makes_a_superuser_group(api: Api) -> None:
    body = {"name": fresh("root"), "is_superuser": True}
    errors = api.limited("authentik_core.add_group").refused("POST", "/core/groups/", body)
    assert list(errors) == ["is_superuser"]
    allowed = api.limited("authentik_core.add_group", "authentik_core.enable_group_superuser")
    assert allowed.make("/core/groups/", **body)["is_superuser"]


@pytest.mark.parametrize("kind", ["user", "group"])
def test_only_one_who_may_change_roles_gives_one_and_anybody_leaves_or_takes_it(api: Api, kind: str) -> None:
    path = _user(api) if kind == "user" else _group(api)
    role = api.make("/rbac/roles/", name=fresh("role"))["pk"]
    changing = core(f"view_{kind}", f"change_{kind}")
    caller = api.limited(*changing)
    assert list(caller.refused("PATCH", path, {"roles": [role]})) == ["roles"]
    caller.change(path, roles=[])
    api.limited(*changing, "authentik_rbac.change_role").change(path, roles=[role])
    assert caller.change(path, roles=[role])["roles"] == [role]
    assert caller.change(path, roles=[])["roles"] == []


def test_only_one_who_may_make_superusers_gives_a_parent_that_makes_them_and_anybody_takes_it(api: Api) -> None:
    root = api.make("/core/groups/", name=fresh("root"), is_superuser=True)["pk"]
    below, path = api.make("/core/groups/", name=fresh("below"), parents=[root])["pk"], _group(api)
    caller = api.limited(*core("view_group", "change_group"))
    for parent in (root, below):
        assert list(caller.refused("PATCH", path, {"parents": [parent]})) == ["parents"]
    harmless = api.make("/core/groups/", name=fresh("harmless"))["pk"]
    assert caller.change(path, parents=[harmless])["parents"] == [harmless]
    api.change(path, parents=[root])
    assert caller.change(path, parents=[root])["parents"] == [root]
    assert caller.change(path, parents=[])["parents"] == []


def test_tokens_of_others_are_not_found_without_the_right_to_view_them(api: Api) -> None:
    path = _token(api)
    api.limited("authentik_core.delete_token").refused("DELETE", path, status=404)
    api.limited("authentik_core.view_token").refused("DELETE", path, status=403)
    api.limited("authentik_core.view_token", "authentik_core.delete_token").delete(path)


def test_an_app_password_does_not_open_the_api(api: Api) -> None:
    site = Site(api)
    Api(api.server, site.key).refused("GET", "/core/users/me/", status=403)
