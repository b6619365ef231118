"""Members of groups and roles, and the rights of roles."""

from __future__ import annotations

from lab.authentik.api import find, rows_of
from lab.authentik.context import Answer, Call
from lab.authentik.errors import Crashed, Forbidden, NotFound, on_field
from lab.authentik.fields import Field, Row
from lab.authentik.models import GROUP, ROLE, USER, known_rights
from lab.authentik.validation import body
from lab.authentik.versions import newer


def _member(call: Call, column: str, pk: str, *, inside: bool) -> Answer:
    """Add a user to a group or a role, or take one out."""
    asked = body(call.store, call.fields(), {"pk": Field("int", required=True)})
    user = call.store.get("user", asked["pk"])
    if user is None or not call.rights.has_on(USER.right("view"), user):
        raise NotFound
    held = [other for other in user[column] if other != pk]
    call.store.change("user", user["pk"], **{column: [*held, pk] if inside else held})
    return Answer(204)


def add_user(call: Call, key: str) -> Answer:
    group = find(call, GROUP, key, rows_of(call, GROUP))
    if not call.rights.has_on("authentik_core.add_user_to_group", group):
        raise Forbidden
    return _member(call, "groups", group["pk"], inside=True)


def remove_user(call: Call, key: str) -> Answer:
    group = find(call, GROUP, key, rows_of(call, GROUP))
    if not call.rights.has_on("authentik_core.remove_user_from_group", group):
        raise Forbidden
    return _member(call, "groups", group["pk"], inside=False)


def role_add_user(call: Call, key: str) -> Answer:
    return _role_member(call, key, inside=True)


def role_remove_user(call: Call, key: str) -> Answer:
    return _role_member(call, key, inside=False)


def _role_member(call: Call, key: str, *, inside: bool) -> Answer:
    if not newer(call.settings.version):  # users had no roles, nor the path its use
        raise Crashed
    call.require(ROLE.right("change"))
    return _member(call, "roles", find(call, ROLE, key)["pk"], inside=inside)


ASSIGNMENT = {
    "permissions": Field("permissions", required=True), "model": Field(default=None),
    "object_pk": Field(default=None),
}  # fmt: skip


def assign(call: Call, key: str) -> Answer:
    """Rights for a role: for everything, or for one object with `model` and `object_pk`."""
    call.require("authentik_rbac.assign_role_permissions")
    role, asked = find(call, ROLE, key, rows_of(call, ROLE)), body(call.store, call.fields(), ASSIGNMENT)
    rights = _rights(asked)
    if asked["object_pk"] is not None:
        pairs = [[right, str(asked["object_pk"])] for right in rights]
        kept = [held for held in role["object_permissions"] if held not in pairs]
        call.store.change("role", role["pk"], object_permissions=kept + pairs)
    else:
        held = [*role["permissions"], *rights]
        call.store.change("role", role["pk"], permissions=list(dict.fromkeys(held)))
    order = sorted(known_rights())
    return Answer(200, [{"id": str(order.index(right) + 1)} for right in rights])


def unassign(call: Call, key: str) -> Answer:
    call.require("authentik_rbac.unassign_role_permissions")
    role, asked = find(call, ROLE, key, rows_of(call, ROLE)), body(call.store, call.fields(), ASSIGNMENT)
    rights = _rights(asked)
    if asked["object_pk"] is not None:
        gone = [[right, str(asked["object_pk"])] for right in rights]
        kept = [held for held in role["object_permissions"] if held not in gone]
        call.store.change("role", role["pk"], object_permissions=kept)
    else:
        kept = [held for held in role["permissions"] if held not in rights]
        call.store.change("role", role["pk"], permissions=kept)
    return Answer(204)


def _rights(asked: Row) -> list[str]:
    app = (asked["model"] or "").partition(".")[0]
    if not app and not all("." in right for right in asked["permissions"]):
        wrong = "When assigning global permissions, codename must be given as app_label.codename"
        raise on_field("permissions", wrong)
    rights = [right if "." in right else f"{app}.{right}" for right in asked["permissions"]]
    unknown = [right for right in rights if right not in known_rights()]
    if unknown:
        raise Crashed
    return rights
