"""The browser's way: authorize, the login page, and the token endpoints."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from lab.authentik import crypto, oauth2
from lab.authentik.clock import expired, now, stamp
from lab.authentik.events import described, logged_in
from lab.authentik.fields import Row
from lab.authentik.pages import Page, denied, failed, logged_out, login, not_found
from lab.authentik.represent import callback_urls
from lab.authentik.rights import may_use
from lab.authentik.seed import DATA, new_key, password_fits
from lab.authentik.store import Store
from lab.authentik.versions import newer

LOGIN_FLOW = "/if/flow/default-authentication-flow/"
EXECUTOR = "/api/v3/flows/executor/default-authentication-flow/"
COOKIE = "authentik_session"
SESSION = timedelta(days=1)


def fields(encoded: str) -> dict[str, str]:
    return dict(parse_qsl(encoded, keep_blank_values=True))


def redirect(url: str, *headers: tuple[str, str]) -> Page:
    return Page(302, "", [("Location", url), *headers])


def session_user(store: Store, cookies: Mapping[str, str]) -> Row | None:
    session = store.get("session", cookies.get(COOKIE))
    if session is None or expired(session):
        return None
    user = store.get("user", session["user"])
    return user if user and user["is_active"] else None


def flow(store: Store, version: str, method: str, query: str, form: dict[str, str]) -> Page:
    """The default authentication flow, in one step."""
    if method != "POST":
        return login()
    sid = log_in(store, version, form.get("username", ""), form.get("password", ""))
    if sid is None:
        return login(wrong=True, username=form.get("username", ""))
    return redirect(home(query), ("Set-Cookie", session_cookie(sid)))


def home(query: str) -> str:
    """Where a login page's query leads to; never off to another server."""
    wanted = fields(query).get("next", "/")
    return wanted if re.match(r"/(?![/\\])", wanted) else "/"


def named(store: Store, name: str) -> Row | None:
    """The user of a username or an address."""
    return store.one("user", username=name) or (store.one("user", email=name) if name else None)


def log_in(store: Store, version: str, name: str, password: str) -> str | None:
    """The key of a new session, for an active user's username or address and a login or app password."""
    user = named(store, name)
    if user is None or not user["is_active"]:
        return None
    used: Row = {"auth_method": "password", "auth_method_args": {"known_device": False}}
    if not password_fits(password, user["password"]):
        token = oauth2.app_password(store, version, user, password)
        if token is None:
            return None
        shown = described(token["pk"], "core", "token", token["identifier"])
        used = {"auth_method": "token", "auth_method_args": {"token": shown, "known_device": False}}
    sid = new_key(32)
    store.put("session", {"pk": sid, "user": user["pk"], **lasting()})
    store.change("user", user["pk"], last_login=stamp(now()))
    logged_in(store, user, "authentik.events.signals", f"GET {EXECUTOR}", **used)
    return sid


def lasting() -> Row:
    return {"expiring": True, "expires": stamp(now() + SESSION)}


def session_cookie(sid: str) -> str:
    return f"{COOKIE}={sid}; Path=/; Max-Age={int(SESSION.total_seconds())}; HttpOnly; SameSite=Lax"


def authorize(store: Store, version: str, path: str, query: str, cookies: Mapping[str, str]) -> Page:
    """A code for the application, once somebody who may enter is logged in."""
    asked = fields(query)
    try:
        provider, application = oauth2.provider_by_client(store, asked.get("client_id", ""))
    except oauth2.TokenError:
        return failed("Client ID Error", "The client identifier (client_id) is missing or invalid.")
    back = asked.get("redirect_uri", "")
    if not _may_go_back(provider, back):
        return failed("Redirect URI Error", "The request fails due to a missing or invalid redirection URI.")
    state = {"state": asked["state"]} if "state" in asked else {}
    if asked.get("response_type") != "code":
        return _back(back, {"error": "unsupported_response_type"} | state)
    if "authorization_code" not in provider["grant_types"]:
        return _back(back, {"error": "unauthorized_client"} | state)
    user = session_user(store, cookies)
    if user is None:
        return redirect(f"{LOGIN_FLOW}?next={quote(f'{path}?{query}', safe='')}")
    if not may_use(store, version, user, application):
        return denied()
    remembered = ("nonce", "scope", "code_challenge", "code_challenge_method")
    kept = {name: asked[name] for name in remembered if name in asked}
    return _back(back, {"code": oauth2.new_code(store, provider, user, redirect_uri=back, **kept)} | state)


def _may_go_back(provider: Row, uri: str) -> bool:
    allowed = callback_urls(provider) if provider["subtype"] == "proxy" else provider["redirect_uris"]
    for entry in allowed:
        if entry["matching_mode"] == "strict" and entry["url"] == uri:
            return True
        if entry["matching_mode"] == "regex" and re.fullmatch(entry["url"], uri):
            return True
    return False


def _back(uri: str, values: dict[str, str]) -> Page:
    """Put together as authentik/providers/oauth2/views/authorize.py does: app.immich:/// comes out as app.immich:/."""
    parts = urlsplit(uri)
    return redirect(urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, urlencode(values)])))))


def client_from_header(form: dict[str, str], authorization: str) -> dict[str, str]:
    """client_secret_basic: id and secret may come as Basic."""
    if authorization[:6].lower() != "basic " or "client_secret" in form:
        return form
    try:
        client, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
    except ValueError:
        return form
    return {"client_id": client, "client_secret": secret} | form


def application_page(
    store: Store, version: str, rest: str, base_url: str, cookies: Mapping[str, str]
) -> Page | tuple[int, Any]:
    """What stands under an application's own address: a page, or JSON."""
    slug, _, what = rest.partition("/")
    application = store.one("application", slug=slug)
    provider = store.get("provider", application["provider"]) if application else None
    if provider is None:
        return not_found()
    if what == "end-session/":
        store.delete("session", cookies.get(COOKIE))
        page = logged_out()
        page.headers.append(("Set-Cookie", f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"))
        return page
    if what == "jwks/":
        key = store.get("keypair", provider["signing_key"]) if provider["signing_key"] else None
        return 200, {"keys": [crypto.jwk(key)]} if key else {}
    if what == ".well-known/openid-configuration":
        return 200, openid_configuration(store, version, provider, slug, base_url)
    return not_found()


def openid_configuration(store: Store, version: str, provider: Row, slug: str, base_url: str) -> Row:
    base = f"{base_url}/application/o"
    key = store.get("keypair", provider["signing_key"]) if provider["signing_key"] else None
    per_provider = provider.get("issuer_mode", "per_provider") == "per_provider"
    own = json.loads((DATA / "openid_configuration.json").read_text())
    if not newer(version):
        own = {name: value for name, value in own.items() if not name.startswith("frontchannel_")}
    return {
        "issuer": f"{base}/{slug}/" if per_provider else f"{base_url}/",
        "authorization_endpoint": f"{base}/authorize/",
        "token_endpoint": f"{base}/token/",
        "userinfo_endpoint": f"{base}/userinfo/",
        "end_session_endpoint": f"{base}/{slug}/end-session/",
        "introspection_endpoint": f"{base}/introspect/",
        "revocation_endpoint": f"{base}/revoke/",
        "device_authorization_endpoint": f"{base}/device/",
        "jwks_uri": f"{base}/{slug}/jwks/",
        "id_token_signing_alg_values_supported": [crypto.algorithm_of(key) if key else "HS256"],
        "scopes_supported": oauth2.scopes_of(store, provider),
        **own,
    }
