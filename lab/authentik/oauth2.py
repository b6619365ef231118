"""Tokens of providers: who gets one, and what it says."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

import jwt

from lab.authentik import crypto
from lab.authentik.clock import duration, expired, now, stamp
from lab.authentik.events import described, logged_in
from lab.authentik.fields import Row
from lab.authentik.rights import attributes_of, groups_of, is_superuser, may_use
from lab.authentik.seed import new_key
from lab.authentik.store import Store
from lab.authentik.versions import accepts_inactive, newer

INVALID_GRANT = (
    "The provided authorization grant or refresh token is invalid, expired, revoked, does not match the "
    "redirection URI used in the authorization request, or was issued to another client"
)


UNKNOWN_CLIENT = (
    "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported "
    "authentication method)"
)


class TokenError(Exception):
    """What the token endpoint refuses, by its OAuth name."""

    def __init__(self, error: str, description: str = INVALID_GRANT) -> None:
        super().__init__(error)
        self.body = {"error": error, "error_description": description, "request_id": secrets.token_hex(16)}


def provider_by_client(store: Store, client_id: str) -> tuple[Row, Row]:
    """A provider and its application; one without an application issues nothing."""
    provider = store.one("provider", client_id=client_id) if client_id else None
    application = store.one("application", provider=provider["pk"]) if provider else None
    if provider is None or application is None:
        raise TokenError("invalid_client", UNKNOWN_CLIENT)
    return provider, application


def scopes_of(store: Store, provider: Row) -> list[str]:
    wanted = set(provider["property_mappings"])
    return [m["scope_name"] for m in store.rows("scopemapping") if m["pk"] in wanted]


def claims(
    store: Store,
    version: str,
    provider: Row,
    application: Row,
    user: Row,
    base_url: str,
    scopes: list[str] | None = None,
) -> Row:
    """What a token of the provider says of the user. scopes: those that were asked for; None for all it has."""
    moment = now()
    lifetime = duration(provider["access_token_validity"])
    per_provider = provider.get("issuer_mode", "per_provider") == "per_provider"
    subject = {
        "user_id": str(user["pk"]), "user_uuid": user["uuid"], "user_username": user["username"],
        "user_email": user["email"], "user_upn": user["username"],
    }.get(provider.get("sub_mode", ""), user["uid"])  # fmt: skip
    found: Row = {
        "iss": f"{base_url}/application/o/{application['slug']}/" if per_provider else f"{base_url}/",
        "sub": subject,
        "aud": provider["client_id"],
        "exp": int((moment + lifetime).timestamp()),
        "iat": int(moment.timestamp()),
        "auth_time": int(moment.timestamp()),
        "acr": "goauthentik.io/providers/oauth2/default",
    }
    jti = {"jti": new_key(40)} if newer(version) else {}
    return found | jti | _scope_claims(store, version, provider, user, scopes)


def _scope_claims(store: Store, version: str, provider: Row, user: Row, scopes: list[str] | None) -> Row:
    groups = sorted(str(group["name"]) for group in groups_of(store, user))
    by_scope: dict[str, Row] = {
        "ak_proxy": {"ak_proxy": {
            "user_attributes": attributes_of(store, user), "is_superuser": is_superuser(store, user),
        }},
        "email": {"email": user["email"], "email_verified": not newer(version)},
        "entitlements": {"entitlements": [], "roles": []},
        "profile": {
            "name": user["name"], "given_name": user["name"], "preferred_username": user["username"],
            "nickname": user["username"], "groups": groups,
        },
    }  # fmt: skip
    found: Row = {}
    for scope in scopes_of(store, provider):
        if scopes is None or scope in scopes:
            found |= by_scope.get(scope, {})
    return found


def sign(store: Store, provider: Row, payload: Row) -> str:
    """With the provider's certificate if it has one, else with its client secret."""
    key = store.get("keypair", provider["signing_key"]) if provider["signing_key"] else None
    if key is None:
        return jwt.encode(payload, provider["client_secret"], algorithm="HS256")
    headers = {"kid": crypto.kid(key)}
    return jwt.encode(payload, key["key_data"], algorithm=crypto.algorithm_of(key), headers=headers)


def read_back(store: Store, provider: Row, token: str) -> Row | None:
    """The claims of a token that this provider issued and that is still good."""
    key = store.get("keypair", provider["signing_key"]) if provider["signing_key"] else None
    try:
        if key is None:
            found: Row = jwt.decode(
                token, provider["client_secret"], algorithms=["HS256"], audience=provider["client_id"]
            )
        else:
            public = jwt.PyJWK(crypto.jwk(key))
            found = jwt.decode(token, public, algorithms=["RS256", "ES256"], audience=provider["client_id"])
    except jwt.InvalidTokenError:
        return None
    return found


def by_app_password(store: Store, version: str, application: Row, username: str, password: str) -> Row:
    """The user of an app password: an unexpired token of that user, who may enter."""
    user = store.one("user", username=username)
    if user is None or not (user["is_active"] or accepts_inactive(version)):
        raise TokenError("invalid_grant")
    token = app_password(store, version, user, password)
    if token is None or not may_use(store, version, user, application):
        raise TokenError("invalid_grant")
    # as on the real server: an event, and no last_login
    logged_in(
        store, user, "authentik.providers.oauth2.views.token", "POST /application/o/token/",
        application=described(application["pk"], "core", "application", application["name"]), auth_method="token",
        auth_method_args={"identifier": token["identifier"]},
    )  # fmt: skip
    return user


def app_password(store: Store, version: str, user: Row, password: str) -> Row | None:
    """The token that it is the key of. Older servers delete an expired one that is tried."""
    mine = {"user": user["pk"], "intent": "app_password", "key": password}
    token = store.one("token", **mine)
    if token and expired(token):
        if not newer(version):
            store.delete("token", token["pk"])
        return None
    return token


def new_code(store: Store, provider: Row, user: Row, **asked: str) -> str:
    code = secrets.token_hex(16)
    life = duration(provider.get("access_code_validity", "minutes=1"))
    store.put("code", {
        "pk": code, "provider": provider["pk"], "user": user["pk"], "expiring": True,
        "expires": stamp(now() + life), **asked,
    })  # fmt: skip
    return code


def redeem(store: Store, provider: Row, code: str, redirect_uri: str, verifier: str = "") -> tuple[Row, Row]:
    """The user of a code, and what was asked with it. A code works once."""
    row = store.get("code", code)
    if row is None or row["provider"] != provider["pk"] or expired(row):
        raise TokenError("invalid_grant")
    store.delete("code", code)
    user = store.get("user", row["user"])
    challenge = row.get("code_challenge", "")
    if challenge:
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if challenge != (digest if row.get("code_challenge_method") == "S256" else verifier):
            raise TokenError("invalid_grant")
    if user is None or row["redirect_uri"] != redirect_uri:
        raise TokenError("invalid_grant")
    return user, row


def grant(store: Store, version: str, form: dict[str, str], base_url: str) -> Row:
    """The token endpoint."""
    provider, application = provider_by_client(store, form.get("client_id", ""))
    kind = form.get("grant_type", "")
    if kind not in ("client_credentials", "password", "authorization_code"):
        raise TokenError("unsupported_grant_type", "The authorization grant type is not supported.")
    needed = "client_credentials" if kind == "password" else kind
    if needed not in provider["grant_types"]:
        raise TokenError("unauthorized_client", "The client is not authorized to use this grant type.")
    extra: Row = {}
    scopes: list[str] | None = None
    if needed == "client_credentials":
        username, password = form.get("username", ""), form.get("password", "")
        user = by_app_password(store, version, application, username, password)
        scopes = form.get("scope", "").split() or None
    else:
        if provider.get("client_type", "confidential") == "confidential" and not secrets.compare_digest(
            form.get("client_secret", "").encode(), provider["client_secret"].encode()
        ):
            raise TokenError("invalid_client", UNKNOWN_CLIENT)
        user, asked = redeem(
            store, provider, form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
        )
        extra = {"nonce": asked["nonce"]} if asked.get("nonce") else {}
        scopes = asked.get("scope", "").split()
    payload = claims(store, version, provider, application, user, base_url, scopes)
    granted = " ".join(scopes or ())
    access = {"azp": provider["client_id"], "uid": new_key(40)} | ({"scope": granted} if newer(version) else {})
    token = sign(store, provider, payload | access)
    plain = provider.get("include_claims_in_id_token", True)
    told = payload if plain else claims(store, version, provider, application, user, base_url, [])
    return {
        "access_token": token, "token_type": "Bearer", "scope": granted,
        "expires_in": int(duration(provider["access_token_validity"]).total_seconds()),
        "id_token": sign(store, provider, told | extra),
    }  # fmt: skip


def userinfo(store: Store, token: str) -> Row | None:
    """The claims of any provider's access token."""
    try:
        unchecked: Any = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    provider = store.one("provider", client_id=str(unchecked.get("aud", "")))
    return read_back(store, provider, token) if provider else None
