"""Rows as the API shows them."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urljoin, urlsplit

from lab.authentik.context import Call
from lab.authentik.fields import Row
from lab.authentik.rights import ancestry, is_superuser
from lab.authentik.store import Store
from lab.authentik.versions import newer, one_parent, told

USER_FIELDS = (
    "pk", "username", "name", "is_active", "last_login", "date_joined", "email", "attributes", "uid", "path",
    "type", "uuid", "password_change_date", "last_updated",
)  # fmt: skip
MEMBER_FIELDS = ("pk", "username", "name", "is_active", "last_login", "email", "attributes", "uid")


def avatar(user: Row) -> str:
    initials = "".join(word[0] for word in str(user["name"] or user["username"]).split()[:2]).upper()
    letters = "".join(letter for letter in initials if letter.isalnum())
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><text>{letters}</text></svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def pick(row: Row, *names: str) -> Row:
    return {name: row[name] for name in names}


def roles(store: Store, pks: list[str]) -> list[Row]:
    found = [role for pk in pks if (role := store.get("role", pk))]
    return [pick(role, "pk", "name") for role in found]


def user(call: Call, row: Row) -> Row:
    store = call.store
    groups = sorted((g for pk in row["groups"] if (g := store.get("group", pk))), key=lambda g: str(g["name"]))
    return pick(row, *USER_FIELDS) | {
        "is_superuser": is_superuser(store, row),
        "groups": row["groups"],
        "groups_obj": [partial_group(call, group) for group in groups] if call.flag("include_groups", True) else None,
        "roles": row["roles"],
        "roles_obj": roles(store, row["roles"]) if call.flag("include_roles", True) else None,
        "avatar": avatar(row),
    }


def partial_user(row: Row) -> Row:
    return pick(row, *MEMBER_FIELDS)


def partial_group(call: Call, row: Row) -> Row:
    return pick(row, "pk", "num_pk", "name", "is_superuser", "attributes") | _one_parent(call, row)


def _one_parent(call: Call, row: Row) -> Row:
    """What older servers say of a group instead of `parents`."""
    if not one_parent(call.settings.version, "core/groups"):
        return {}
    parent = next((found for pk in row["parents"] if (found := call.store.get("group", pk))), None)
    return {"parent": parent["pk"], "parent_name": parent["name"]} if parent else {"parent": None, "parent_name": None}


def group(call: Call, row: Row) -> Row:
    store = call.store
    members = store.rows("user", lambda user: row["pk"] in user["groups"])
    children = store.rows("group", lambda other: row["pk"] in other["parents"])
    parents = [found for pk in row["parents"] if (found := store.get("group", pk))]
    inherited = [pk for up in ancestry(store, row["parents"]) for pk in (store.get("group", up) or {})["roles"]]
    related = ("pk", "name", "is_superuser", "attributes")
    return {
        **pick(row, "pk", "num_pk", "name", "is_superuser", "parents"),
        **_one_parent(call, row),
        "parents_obj": [_related(p, related) for p in parents] if call.flag("include_parents") else None,
        "users": [member["pk"] for member in members],
        "users_obj": [partial_user(m) for m in members] if call.flag("include_users", True) else None,
        **pick(row, "attributes", "roles"),
        "roles_obj": roles(store, row["roles"]),
        "inherited_roles_obj": roles(store, inherited) if call.flag("include_inherited_roles") else None,
        "children": [child["pk"] for child in children],
        "children_obj": [_related(c, related) for c in children] if call.flag("include_children") else None,
    }


def _related(row: Row, names: tuple[str, ...]) -> Row:
    return pick(row, *names) | {"group_uuid": row["pk"]}


def token(call: Call, row: Row) -> Row:
    owner, version = call.store.get("user", row["user"]), call.settings.version
    return {
        **pick(row, "pk", "managed", "identifier", "intent", "user"),
        "user_obj": told(version, "core/users", user(call, owner)) if owner else None,
        **pick(row, "description", "expires", "expiring"),
    }


_COMPONENTS = {
    "proxy": ("ak-provider-proxy-form", "Proxy Provider", "Proxy Providers",
              "authentik_providers_proxy.proxyprovider"),
    "oauth2": ("ak-provider-oauth2-form", "OAuth2/OpenID Provider", "OAuth2/OpenID Providers",
               "authentik_providers_oauth2.oauth2provider"),
    "": ("", "provider", "providers", "authentik_core.provider"),
}  # fmt: skip


def provider_base(store: Store, row: Row, *, plain: bool = False) -> Row:
    """The fields every provider has; an outpost shows its providers without their kind."""
    component, single, plural, label = _COMPONENTS["" if plain else row["subtype"]]
    application = store.one("application", provider=row["pk"])
    back = next(iter(store.rows("application", lambda app: row["pk"] in app["backchannel_providers"])), None)
    wanted = set(row["property_mappings"])
    mappings = [mapping["pk"] for mapping in store.rows("scopemapping") if mapping["pk"] in wanted]
    return {
        **pick(row, "pk", "name", "authentication_flow", "authorization_flow", "invalidation_flow"),
        "property_mappings": mappings,
        "component": component,
        "assigned_application_slug": application["slug"] if application else None,
        "assigned_application_name": application["name"] if application else None,
        "assigned_backchannel_application_slug": back["slug"] if back else None,
        "assigned_backchannel_application_name": back["name"] if back else None,
        "verbose_name": single,
        "verbose_name_plural": plural,
        "meta_model_name": label,
    }


def callback_urls(row: Row) -> list[Row]:
    """Where a login at a proxy provider may come back to."""
    host = row["external_host"]
    callback = urljoin(host, "outpost.goauthentik.io/callback") + "?X-authentik-auth-callback=true"
    urls = (callback, f"{host}?X-authentik-auth-callback=true")
    return [{"matching_mode": "strict", "url": url, "redirect_uri_type": "authorization"} for url in urls]


def proxy_provider(call: Call, row: Row) -> Row:
    outposts = call.store.rows("outpost", lambda outpost: row["pk"] in outpost["providers"])
    return {
        **provider_base(call.store, row),
        **pick(
            row, "client_id", "internal_host", "external_host", "internal_host_ssl_validation", "certificate",
            "skip_path_regex", "basic_auth_enabled", "basic_auth_password_attribute",
            "basic_auth_user_attribute", "mode", "intercept_header_auth",
        ),
        "redirect_uris": callback_urls(row),
        **pick(
            row, "cookie_domain", "jwt_federation_sources", "jwt_federation_providers", "access_token_validity",
            "refresh_token_validity",
        ),
        "outpost_set": sorted(f"Outpost {outpost['name']}" for outpost in outposts),
    }  # fmt: skip


def oauth2_provider(call: Call, row: Row) -> Row:
    return {
        **provider_base(call.store, row),
        **pick(
            row, "client_type", "grant_types", "client_id", "client_secret", "access_code_validity",
            "access_token_validity", "refresh_token_validity", "refresh_token_threshold",
            "include_claims_in_id_token", "signing_key", "encryption_key", "redirect_uris", "logout_uri",
            "logout_method", "sub_mode", "issuer_mode", "jwt_federation_sources", "jwt_federation_providers",
        ),
    }  # fmt: skip


def launch_url(call: Call, row: Row) -> str | None:
    """The application's own, or what its provider suggests."""
    provider = call.store.get("provider", row["provider"]) if row["provider"] is not None else None
    url: str | None = row["meta_launch_url"] or None
    if url is None and provider:
        if provider["subtype"] == "proxy":
            url = provider["external_host"]
        elif provider["redirect_uris"]:
            url = urlsplit(provider["redirect_uris"][0]["url"])._replace(path="", query="", fragment="").geturl()
    if url and "%(" in url:
        try:
            return url % pick(call.user, *USER_FIELDS)
        except (KeyError, TypeError, ValueError):
            return url
    return url


def application(call: Call, row: Row) -> Row:
    store = call.store
    provider = store.get("provider", row["provider"]) if row["provider"] is not None else None
    back = [found for pk in row["backchannel_providers"] if (found := store.get("provider", pk))]
    return {
        **pick(row, "pk", "name", "slug", "provider"),
        "provider_obj": provider_base(store, provider) if provider else None,
        "backchannel_providers": row["backchannel_providers"],
        "backchannel_providers_obj": [provider_base(store, found) for found in back],
        "launch_url": launch_url(call, row),
        **pick(row, "open_in_new_tab", "meta_launch_url", "meta_icon"),
        "meta_icon_url": row["meta_icon"] or None,
        "meta_icon_themed_urls": None,
        **pick(row, "meta_description", "meta_publisher", "policy_engine_mode", "group", "meta_hide"),
    }


def binding(call: Call, row: Row) -> Row:
    store = call.store
    bound = store.get("policy", row["policy"])
    bound_group = store.get("group", row["group"])
    bound_user = store.get("user", row["user"])
    brief = newer(call.settings.version)
    return {
        **pick(row, "pk", "policy", "group", "user"),
        "policy_obj": policy(call, bound) if bound else None,
        "group_obj": bound_group
        and (partial_group(call, bound_group) if brief else _whole(call, "group", bound_group)),
        "user_obj": bound_user and (partial_user(bound_user) if brief else _whole(call, "user", bound_user)),
        **pick(row, "target", "negate", "enabled", "order", "timeout", "failure_result"),
    }


def _whole(call: Call, kind: str, row: Row) -> Row:
    """As older servers show what is bound."""
    shown: Row = told(call.settings.version, f"core/{kind}s", SHOWN[f"core/{kind}s"](call, row))
    return shown


def policy(call: Call, row: Row) -> Row:
    return row | {"bound_to": len(call.store.rows("binding", lambda binding: binding["policy"] == row["pk"]))}


def outpost(call: Call, row: Row) -> Row:
    store = call.store
    attached = [found for pk in row["providers"] if (found := store.get("provider", pk))]
    return {
        **pick(row, "pk", "name", "type", "providers"),
        "providers_obj": [provider_base(store, found, plain=True) for found in attached],
        "service_connection": row["service_connection"],
        "service_connection_obj": None,
        "refresh_interval_s": 300,
        "token_identifier": f"ak-outpost-{row['pk']}-api",
        **pick(row, "config", "managed"),
    }


def keypair(call: Call, row: Row) -> Row:
    from lab.authentik.crypto import described

    unchecked: tuple[str, ...] = ()
    if not newer(call.settings.version):
        unchecked = () if row["key_data"] else ("key_type",)
        if not call.flag("include_details", True):
            unchecked = ("fingerprint_sha256", "fingerprint_sha1", "cert_expiry", "cert_subject", "key_type")
    base = f"/api/v3/crypto/certificatekeypairs/{row['pk']}"
    return {
        **(described(row) | dict.fromkeys(unchecked)),
        "certificate_download_url": f"{base}/view_certificate/?download",
        "private_key_download_url": f"{base}/view_private_key/?download",
        "managed": row["managed"],
    }


def role(_call: Call, row: Row) -> Row:
    return pick(row, "pk", "name")


def whole(_call: Call, row: Row) -> Row:
    """Flows and events are stored as they are shown."""
    return row


def scope_mapping(_call: Call, row: Row) -> Row:
    return {
        **row, "component": "ak-property-mapping-provider-scope-form",
        "verbose_name": "Scope Mapping", "verbose_name_plural": "Scope Mappings",
        "meta_model_name": "authentik_providers_oauth2.scopemapping",
    }  # fmt: skip


SHOWN: dict[str, Any] = {
    "core/users": user, "core/groups": group, "core/tokens": token, "core/applications": application,
    "policies/bindings": binding, "policies/all": policy, "policies/expression": policy,
    "providers/proxy": proxy_provider, "providers/oauth2": oauth2_provider,
    "outposts/instances": outpost, "flows/instances": whole, "propertymappings/provider/scope": scope_mapping,
    "crypto/certificatekeypairs": keypair, "rbac/roles": role, "events/events": whole,
}  # fmt: skip
