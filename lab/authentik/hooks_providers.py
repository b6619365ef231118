"""What providers, outposts and certificates do beyond their table."""

from __future__ import annotations

from lab.authentik import crypto
from lab.authentik.context import Call
from lab.authentik.errors import on_field
from lab.authentik.fields import Row
from lab.authentik.models_providers import OAUTH2_PROVIDER
from lab.authentik.seed import EMBEDDED, new_key
from lab.authentik.store import Store
from lab.authentik.validation import defaults

PROXY_SCOPES = ("openid", "profile", "email", "entitlements", "ak_proxy")
PROXY_GRANTS = ["authorization_code", "client_credentials", "refresh_token"]


def forget(store: Store, table: str, column: str, pk: object) -> None:
    """Take a pk out of every list it stands in."""
    for row in store.rows(table, lambda other: pk in other[column]):
        store.change(table, row["pk"], **{column: [held for held in row[column] if held != pk]})


def validate_proxy(call: Call, attrs: Row, instance: Row | None) -> None:
    """The body alone is looked at: a PATCH without `mode` counts as mode proxy."""
    if attrs.get("mode", "proxy") == "proxy" and not attrs.get("internal_host"):
        raise on_field("internal_host", "Internal host cannot be empty when forward auth is disabled.")
    pair = ("basic_auth_password_attribute", "basic_auth_user_attribute")
    if attrs.get("basic_auth_enabled") and not all(attrs.get(name) for name in pair):
        wrong = "User and password attributes must be set when basic auth is enabled."
        raise on_field("basic_auth_enabled", wrong)
    scopes = call.store.rows("scopemapping", lambda row: row["scope_name"] in PROXY_SCOPES)
    held: list[str] = attrs.get("property_mappings") or (instance["property_mappings"] if instance else [])
    attrs["property_mappings"] = list(dict.fromkeys(held + [row["pk"] for row in scopes]))


def _new_client(call: Call) -> Row:
    return {
        "pk": call.store.next_int("provider"), "client_id": new_key(40), "client_secret": new_key(128),
        "cookie_secret": new_key(50),
    }  # fmt: skip


def fill_proxy(call: Call, row: Row) -> Row:
    return defaults(OAUTH2_PROVIDER) | row | _new_client(call) | {"subtype": "proxy", "grant_types": PROXY_GRANTS}


def fill_oauth2(call: Call, row: Row) -> Row:
    made = _new_client(call)
    chosen = {name: row[name] for name in ("client_id", "client_secret") if row[name]}
    return row | made | {"subtype": "oauth2"} | chosen


def delete_provider(call: Call, row: Row) -> None:
    """Its application stays without it, and no outpost serves it any more."""
    store = call.store
    for application in store.rows("application", lambda other: other["provider"] == row["pk"]):
        store.change("application", application["pk"], provider=None)
    forget(store, "application", "backchannel_providers", row["pk"])
    forget(store, "outpost", "providers", row["pk"])


def validate_outpost(call: Call, attrs: Row, instance: Row | None) -> None:
    kind = attrs.get("type", instance["type"] if instance else "proxy")
    for pk in attrs.get("providers", ()):
        provider = call.store.get("provider", pk)
        if provider and provider["subtype"] != kind:
            name = "ProxyProvider" if provider["subtype"] == "proxy" else "OAuth2Provider"
            raise on_field("providers", f"Outpost type {kind} can't be used with {name} providers.")
    embedded = bool(instance and instance["managed"] == EMBEDDED)
    if "providers" in attrs and not attrs["providers"] and not embedded:
        raise on_field("providers", "This list may not be empty.")
    if embedded and instance and attrs.get("name", instance["name"]) != instance["name"]:
        raise on_field("name", "Embedded outpost's name cannot be changed.")


def save_outpost(call: Call, row: Row, _instance: Row | None) -> Row:
    return call.store.put("outpost", row | {"providers": sorted(row["providers"])})


def delete_keypair(call: Call, row: Row) -> None:
    """Whoever signs or encrypts with it goes on without."""
    for provider in call.store.rows("provider"):
        for column in ("signing_key", "encryption_key", "certificate"):
            if provider.get(column) == row["pk"]:
                call.store.change("provider", provider["pk"], **{column: None})


def validate_keypair(_call: Call, attrs: Row, _instance: Row | None) -> None:
    crypto.check(attrs)
