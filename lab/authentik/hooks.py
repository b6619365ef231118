"""What single models do beyond their table: checks across fields, computed columns, cascades."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.authentik.clock import moment, now, stamp
from lab.authentik.context import Call, default_expiry, later, latest_expiry
from lab.authentik.errors import Crashed, on_field, on_object
from lab.authentik.fields import Row
from lab.authentik.hooks_providers import (
    delete_keypair,
    delete_provider,
    fill_oauth2,
    fill_proxy,
    forget,
    save_outpost,
    validate_keypair,
    validate_outpost,
    validate_proxy,
)
from lab.authentik.models import TOKEN
from lab.authentik.rights import ancestry, give_own_role
from lab.authentik.seed import add_outpost_account, new_group, new_token, new_user, policy_kind
from lab.authentik.versions import newer, release

TOKEN_EXPIRES = "goauthentik.io/user/token-expires"  # noqa: S105 - the name of an attribute
RESERVED_SLUGS = frozenset({"authorize", "token", "device", "userinfo", "introspect", "revoke"})


@dataclass(frozen=True)
class Hooks:
    """`validate` sees the checked fields and may add to them; `save` gets the whole new row."""

    validate: Callable[[Call, Row, Row | None], None] = lambda _call, _attrs, _instance: None
    fill: Callable[[Call, Row], Row] = lambda _call, row: row
    save: Callable[[Call, Row, Row | None], Row] | None = None
    gone: Callable[[Call, Row], None] = lambda _call, _row: None


def validate_user(call: Call, attrs: Row, instance: Row | None) -> None:
    path = attrs.get("path", "x")
    if path.startswith("/") or path.endswith("/"):
        raise on_field("path", "No leading or trailing slashes allowed.")
    if "" in path.split("/"):
        raise on_field("path", "No empty segments in user path allowed.")
    internal = "internal_service_account"
    wanted = attrs.get("type")
    if instance and instance["type"] == internal:
        if wanted not in (None, internal):
            raise on_field("type", "Can't change internal service account to other user type.")
        raise on_object("Can't modify internal service account users")
    if instance is None and wanted == internal:
        raise on_field("type", "Setting a user to internal service account is not allowed.")
    _check_roles(call, attrs, instance)


def _check_roles(call: Call, attrs: Row, instance: Row | None) -> None:
    """Roles that one has already may stay, and any may be taken away."""
    added = set(attrs.get("roles", ())) - set(instance["roles"] if instance else ())
    if added and not call.rights.has("authentik_rbac.change_role"):
        raise on_field("roles", "User does not have permission to assign roles.")


def save_user(call: Call, row: Row, _instance: Row | None) -> Row:
    return call.store.put("user", row | {"last_updated": stamp(now())})


def delete_user(call: Call, row: Row) -> None:
    store = call.store
    for table in ("token", "binding", "session"):
        for found in store.rows(table, lambda other: other["user"] == row["pk"]):
            store.delete(table, found["pk"])


def validate_group(call: Call, attrs: Row, instance: Row | None) -> None:
    wanted = attrs.get("is_superuser")
    before = instance["is_superuser"] if instance else False
    if wanted is not None and wanted != before:
        right = "enable_group_superuser" if wanted else "disable_group_superuser"
        if not call.rights.has(f"authentik_core.{right}"):
            denied = f"User does not have permission to set superuser status to {wanted}."
            raise on_field("is_superuser", denied)
    if "parent" in attrs:
        parent = attrs.pop("parent")
        attrs["parents"] = [] if parent is None else [parent]
        if instance and instance["pk"] == parent:
            raise on_field("parent", "Cannot set group as parent of itself.")
    elif instance and release(call.settings.version) >= (2026, 8):
        if instance["pk"] in attrs.get("parents", ()):
            raise on_field("parents", "Cannot set group as parent of itself.")
        if instance["pk"] in ancestry(call.store, attrs.get("parents", [])):
            raise on_field("parents", "Group cannot be an ancestor of itself.")
    added = set(attrs.get("parents", ())) - set(instance["parents"] if instance else ())
    above = ancestry(call.store, list(added))
    makes_superusers = call.store.rows("group", lambda group: group["pk"] in above and group["is_superuser"])
    if makes_superusers and not call.rights.has("authentik_core.enable_group_superuser"):
        raise on_field("parents", "User does not have permission to add a superuser parent group.")
    _check_roles(call, attrs, instance)


def save_group(call: Call, row: Row, _instance: Row | None) -> Row:
    """Members are kept with the users: a group that is written with `users` changes them."""
    store = call.store
    members = row.pop("users", None)
    saved = store.put("group", row)
    for user in store.rows("user") if members is not None else ():
        inside = saved["pk"] in user["groups"]
        if inside and user["pk"] not in members:
            store.change("user", user["pk"], groups=[pk for pk in user["groups"] if pk != saved["pk"]])
        elif not inside and user["pk"] in members:
            store.change("user", user["pk"], groups=[*user["groups"], saved["pk"]])
    return saved


def delete_group(call: Call, row: Row) -> None:
    """Its users stay, without it."""
    store = call.store
    for table, column in (("user", "groups"), ("group", "parents")):
        forget(store, table, column, row["pk"])
    for binding in store.rows("binding", lambda other: other["group"] == row["pk"]):
        store.delete("binding", binding["pk"])


def delete_role(call: Call, row: Row) -> None:
    for table in ("user", "group"):
        forget(call.store, table, "roles", row["pk"])


def validate_token(call: Call, attrs: Row, instance: Row | None) -> None:
    """A body without `user` or `intent` means the caller and `api`, even when it changes a token."""
    if instance and attrs.get("user", instance["user"]) != instance["user"]:
        raise on_field("user", "User cannot be changed")
    attrs.setdefault("user", call.user["pk"])
    attrs.setdefault("intent", "api")
    if attrs["intent"] not in ("api", "app_password"):
        raise on_field("intent", f"Invalid intent {attrs['intent']}")
    if attrs["intent"] == "api":
        attrs["expires"] = default_expiry(call.settings)  # asking for another one does nothing
        return
    owner = call.store.get("user", attrs["user"])
    limit = latest_expiry(call, owner) if owner else default_expiry(call.settings)
    expires = attrs.get("expires")
    if expires is not None and later(expires, limit):
        raise on_field("expires", f"Token expires exceeds maximum lifetime ({moment(limit)} UTC).")


def save_token(call: Call, row: Row, instance: Row | None) -> Row:
    """Only a superuser makes tokens for others: anybody else's become their own, silently."""
    own = instance is None and not call.rights.superuser
    if own:
        row |= {"user": call.user["pk"], "expiring": call.user["attributes"].get(TOKEN_EXPIRES, True)}
    if row["expiring"] and row["expires"] is None:
        row["expires"] = default_expiry(call.settings)
    if instance is None and call.store.one("token", identifier=row["identifier"]):  # an expired one
        raise Crashed if newer(call.settings.version) else on_field("identifier", TOKEN.fields["identifier"].unique)
    saved = call.store.put("token", row)
    if own:
        give_own_role(call.store, call.user, "authentik_core.view_token_key", saved["pk"])
    return saved


def validate_application(_call: Call, attrs: Row, _instance: Row | None) -> None:
    slug = attrs.get("slug")
    if slug in RESERVED_SLUGS:
        raise on_field("slug", f"The slug '{slug}' is reserved and cannot be used for applications.")


def delete_application(call: Call, row: Row) -> None:
    for binding in call.store.rows("binding", lambda other: other["target"] == row["pk"]):
        call.store.delete("binding", binding["pk"])


BOUND = ("group", "policy", "user")


def validate_binding(call: Call, attrs: Row, instance: Row | None) -> None:
    if "target" not in attrs:  # left out of a PATCH
        raise Crashed
    _check_order_is_free(call, attrs, instance)
    bound = [name for name in BOUND if attrs.get(name) is not None]
    if len(bound) > 1:
        raise on_object("Only one of 'group', 'policy', 'user' can be set.")
    if not bound:
        raise on_object("One of 'group', 'policy', 'user' must be set.")


def _check_order_is_free(call: Call, attrs: Row, instance: Row | None) -> None:
    """A null policy switches the check off when a binding is made and, on newer servers, not when it is changed."""
    names = ("policy", "target", "order")
    wanted = {name: attrs.get(name, instance[name] if instance else None) for name in names}
    if wanted["policy"] is None and (instance is None or not newer(call.settings.version)):
        return
    mine = instance["pk"] if instance else None
    for other in call.store.rows("binding"):
        if other["pk"] != mine and all(other[name] == wanted[name] for name in names):
            raise on_object("The fields policy, target, order must make a unique set.")


def save_binding(call: Call, row: Row, _instance: Row | None) -> Row:
    return call.store.put("binding", row)


def fill_role(_call: Call, row: Row) -> Row:
    return row | {"permissions": [], "object_permissions": [], "managed": None}


def fill_user(call: Call, row: Row) -> Row:
    return new_user(call.store) | row


def fill_group(_call: Call, row: Row) -> Row:
    return new_group(row["name"]) | row


def fill_token(_call: Call, row: Row) -> Row:
    return new_token(row["identifier"], row["user"]) | row


def save_new_outpost(call: Call, row: Row, instance: Row | None) -> Row:
    saved = save_outpost(call, row, instance)
    if instance is None:
        add_outpost_account(call.store, saved)
    return saved


HOOKS: Mapping[str, Hooks] = {
    "core/users": Hooks(validate_user, fill_user, save_user, delete_user),
    "core/groups": Hooks(validate_group, fill_group, save_group, delete_group),
    "core/tokens": Hooks(validate_token, fill_token, save_token),
    "core/applications": Hooks(validate_application, gone=delete_application),
    "policies/bindings": Hooks(validate_binding, save=save_binding),
    "policies/expression": Hooks(fill=lambda _call, row: row | policy_kind("expression")),
    "rbac/roles": Hooks(fill=fill_role, gone=delete_role),
    "providers/proxy": Hooks(validate_proxy, fill_proxy, gone=delete_provider),
    "providers/oauth2": Hooks(fill=fill_oauth2, gone=delete_provider),
    "outposts/instances": Hooks(validate_outpost, save=save_new_outpost),
    "crypto/certificatekeypairs": Hooks(
        validate_keypair, lambda _call, row: row | {"managed": None}, gone=delete_keypair
    ),
}
NO_HOOKS = Hooks()
