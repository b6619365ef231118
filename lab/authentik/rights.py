"""Groups, roles, rights and access of users, looked up in the store."""

from __future__ import annotations

from typing import Any

from lab.authentik.access import Visitor, may_enter
from lab.authentik.fields import Row
from lab.authentik.seed import new_uuid
from lab.authentik.store import Store
from lab.authentik.versions import lax


def ancestry(store: Store, groups: list[str]) -> frozenset[str]:
    """The groups, their parents, and theirs."""
    found: set[str] = set()
    waiting = list(groups)
    while waiting:
        pk = waiting.pop()
        group = store.get("group", pk)
        if group and pk not in found:
            found.add(pk)
            waiting += group["parents"]
    return frozenset(found)


def groups_of(store: Store, user: Row) -> list[Row]:
    """All groups a user is in, inherited ones too."""
    inside = ancestry(store, user["groups"])
    return store.rows("group", lambda group: group["pk"] in inside)


def is_superuser(store: Store, user: Row) -> bool:
    return any(group["is_superuser"] for group in groups_of(store, user))


def visitor(store: Store, user: Row) -> Visitor:
    return Visitor(user["pk"], ancestry(store, user["groups"]))


def bindings_of(store: Store, target: str) -> list[Row]:
    found = store.rows("binding", lambda binding: binding["target"] == target)
    return sorted(found, key=lambda binding: (binding["order"], binding["pk"]))


def may_use(store: Store, version: str, user: Row, application: Row) -> bool:
    bindings = bindings_of(store, application["pk"])
    return may_enter(visitor(store, user), application["policy_engine_mode"], bindings, lax=lax(version))


def attributes_of(store: Store, user: Row) -> dict[str, Any]:
    """The user's attributes over those of their groups."""
    merged: dict[str, Any] = {}
    for group in sorted(groups_of(store, user), key=lambda group: str(group["name"])):
        merged |= group["attributes"]
    merged |= user["attributes"]
    return merged


class Rights:
    """What one caller may do, by roles of their own and of their groups."""

    def __init__(self, store: Store, user: Row) -> None:
        self.superuser = is_superuser(store, user)
        pks = set(user["roles"])
        for group in groups_of(store, user):
            pks.update(group["roles"])
        self.roles = store.rows("role", lambda role: role["pk"] in pks)
        self._held = frozenset(right for role in self.roles for right in role["permissions"])

    def has(self, right: str) -> bool:
        return self.superuser or right in self._held

    def objects(self, right: str) -> frozenset[str]:
        """The pks of single objects that the right was given for."""
        return frozenset(pk for role in self.roles for held, pk in role["object_permissions"] if held == right)

    def has_on(self, right: str, row: Row) -> bool:
        return self.has(right) or str(row["pk"]) in self.objects(right)


def give_own_role(store: Store, user: Row, right: str, object_pk: str) -> None:
    """Rights on one object go to a managed role of the user's own, made when it is first needed."""
    name = f"ak-managed-role--user-{user['pk']}"
    role = store.one("role", name=name)
    if role is None:
        role = store.put("role", {
            "pk": new_uuid(), "name": name, "managed": name, "permissions": [], "object_permissions": [],
        })  # fmt: skip
        current = store.get("user", user["pk"]) or user
        store.change("user", user["pk"], roles=[*current["roles"], role["pk"]])
    store.change("role", role["pk"], object_permissions=[*role["object_permissions"], [right, object_pk]])
