"""What the outpost answers under /outpost.goauthentik.io/."""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import secrets
from collections.abc import Mapping
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

from lab.authentik import oauth2
from lab.authentik.clock import expired, now, stamp
from lab.authentik.fields import Row
from lab.authentik.outpost import Outpost, ProxyApp
from lab.authentik.pages import Page, not_found
from lab.authentik.seed import new_uuid
from lab.authentik.store import Store
from lab.authentik.versions import newer

PREFIX = "/outpost.goauthentik.io"
UNAUTHENTICATED = '<!DOCTYPE html>\n<html lang="en">\n<head>\n<title>authentik</title>\n</head>\n</html>\n'
JWT_USERNAME = "goauthentik.io/token"
"""The user of a Basic header whose password is a token of the provider's."""


class ForwardAuth:
    """One request at a time, against the outpost's loaded applications and the server's store."""

    def __init__(self, store: Store, outpost: Outpost, cache_seconds: float, version: str) -> None:
        self._store = store
        self._outpost = outpost
        self._cache_seconds = cache_seconds
        self._version = version

    def answer(
        self, method: str, path: str, query: str, headers: Mapping[str, str], cookies: Mapping[str, str]
    ) -> tuple[Page, str | None]:
        """The page, and who was let in."""
        page, user = self._answer(path, query, headers, cookies)
        if page.status == 302 and method not in ("GET", "HEAD"):  # as Go's http.Redirect
            page = Page(302, "", [header for header in page.headers if header[0] != "Content-Type"])
        return page, user

    def _answer(
        self, path: str, query: str, headers: Mapping[str, str], cookies: Mapping[str, str]
    ) -> tuple[Page, str | None]:
        if path == f"{PREFIX}/ping":
            return Page(204), None
        host = headers.get("x-forwarded-host") or headers.get("host", "")
        app = self._outpost.app_for(host)
        if "," in host:
            return Page(404, "", [("Content-Type", "text/html; charset=utf-8"), ("X-Powered-By", "authentik")]), None
        if app is None:
            return not_found(), None
        proto, uri = headers.get("x-forwarded-proto", ""), headers.get("x-forwarded-uri", "")
        url = f"{proto}://{headers.get('x-forwarded-host', '')}{uri}"
        if path == f"{PREFIX}/auth/caddy":
            return self._auth(app, url, headers, cookies)
        if path == f"{PREFIX}/start":
            wanted = parse_qs(query).get("rd", [""])[0]
            ours = not wanted or wanted.startswith(app.provider["external_host"])
            return self._start(app, wanted if ours else app.provider["external_host"], cookies), None
        if path == f"{PREFIX}/callback":
            return self._callback(app, query, cookies), None
        if path == f"{PREFIX}/sign_out":
            return self._sign_out(app, cookies), None
        return plain(404, "404 page not found"), None

    def _auth(
        self, app: ProxyApp, url: str, headers: Mapping[str, str], cookies: Mapping[str, str]
    ) -> tuple[Page, str | None]:
        if url.startswith(":"):
            return plain(500, "configuration error"), None
        asked = parse_qs(urlsplit(url).query)
        if asked.get("X-authentik-auth-callback", [""])[0].lower() == "true":
            return self._callback(app, urlsplit(url).query, cookies), None
        if asked.get("X-authentik-logout", [""])[0].lower() == "true":
            if not self._store.get("proxysession", cookies.get(app.cookie)):
                return Page(401, UNAUTHENTICATED, [("Content-Type", "text/html; charset=utf-8")]), None
            return self._sign_out(app, cookies), None
        page = Page(200)
        claims = self._claims(app, headers, cookies, page)
        if claims is not None:
            page.headers += identity(app, claims, self._version)
            page.headers.append(("User-Agent", headers.get("user-agent", "")))
            return page, str(claims.get("preferred_username", ""))
        if app.skips(url):
            return Page(200, headers=[("X-Powered-By", "authentik_proxy2")]), None
        return self._start(app, url, cookies), None

    def _claims(self, app: ProxyApp, headers: Mapping[str, str], cookies: Mapping[str, str], page: Page) -> Row | None:
        """Session first, then the cache, then the header itself: only the last sets a new session.

        The header is read whatever intercept_header_auth says, which matters to /start and mode proxy alone: checkAuth
        and redirectToStart in internal/outpost/proxyv2/application, and src/outpost/proxy/auth.rs after them.
        """
        session = self._store.get("proxysession", cookies.get(app.cookie))
        if session and not expired(session) and session["client_id"] == app.provider["client_id"]:
            held: Row = session["claims"]
            return held
        header = headers.get("authorization", "")
        if not header:
            return None
        until, cached = app.cache.get(header, (0.0, None))
        if cached is not None and until > self._outpost.clock() and app.cookie not in cookies:
            return cached
        claims = self._by_header(app, header)
        if claims is not None:
            app.cache[header] = (self._outpost.clock() + self._cache_seconds, claims)
            sid = cookies.get(app.cookie) or self._new_session()
            self._remember(app, sid, claims, app.session_seconds)
            page.headers.append(("Set-Cookie", cookie(app, sid, app.session_seconds)))
        return claims

    def _by_header(self, app: ProxyApp, header: str) -> Row | None:
        scheme, _, rest = header.partition(" ")
        provider = self._store.get("provider", app.provider["pk"])
        application = self._store.one("application", provider=app.provider["pk"])
        if provider is None or application is None:
            return None
        if scheme == "Bearer":
            found = oauth2.read_back(self._store, provider, rest)
            return found | {"raw": rest} if found else None
        pair = basic(scheme, rest)
        if pair is not None and pair[0] == JWT_USERNAME:
            found = oauth2.read_back(self._store, provider, pair[1])
            return found | {"raw": pair[1]} if found else None
        if pair is None or application["slug"] != app.slug:  # which stands in the issuer that the outpost expects
            return None
        try:
            user = oauth2.by_app_password(self._store, self._version, application, *pair)
        except oauth2.TokenError:
            return None
        claims = oauth2.claims(self._store, self._version, provider, application, user, app.authentik_host)
        return claims | {"raw": oauth2.sign(self._store, provider, claims)}

    def _new_session(self) -> str:
        if newer(self._version):
            return f"authentik_proxy_session_{new_uuid()}"
        return base64.b32encode(secrets.token_bytes(64)).decode().rstrip("=")

    def _remember(self, app: ProxyApp, sid: str, claims: Row, seconds: float) -> None:
        self._store.put("proxysession", {
            "pk": sid, "client_id": app.provider["client_id"], "claims": claims, "expiring": True,
            "expires": stamp(now() + timedelta(seconds=seconds)),
        })  # fmt: skip

    def _start(self, app: ProxyApp, url: str, cookies: Mapping[str, str]) -> Page:
        """Off to the login page, with the way back signed into `state`."""
        known = cookies.get(app.cookie)
        sid = known or base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=")
        state = {
            "iss": f"goauthentik.io/outpost/{app.provider['client_id']}", "sid": sid,
            "state": secrets.token_urlsafe(32), "redirect": url,
        }  # fmt: skip
        asked = {
            "client_id": app.provider["client_id"], "redirect_uri": callback(app), "response_type": "code",
            "scope": " ".join(oauth2.scopes_of(self._store, app.provider)),
            "state": jwt.encode(state, app.provider["cookie_secret"], algorithm="HS256"),
        }  # fmt: skip
        base = app.authentik_host_browser or app.authentik_host
        page = found(f"{base}/application/o/authorize/?{urlencode(asked)}")
        if not (known and newer(self._version)):
            page.headers.append(("Set-Cookie", cookie(app, sid, app.session_seconds)))
        return page

    def _callback(self, app: ProxyApp, query: str, cookies: Mapping[str, str]) -> Page:
        """Back from the login: a code for a session, then on to where it began."""
        asked = parse_qs(query)
        issuer = f"goauthentik.io/outpost/{app.provider['client_id']}"
        try:
            state = jwt.decode(
                asked.get("state", [""])[0], app.provider["cookie_secret"], algorithms=["HS256"], issuer=issuer
            )
        except jwt.InvalidTokenError:
            return Page(400)
        sid = cookies.get(app.cookie, "")
        provider = self._store.get("provider", app.provider["pk"])
        application = self._store.one("application", provider=app.provider["pk"])
        if state.get("sid") != sid or provider is None or application is None:
            return found(app.provider["external_host"])  # somebody else's way back
        try:
            user, _ = oauth2.redeem(self._store, provider, asked.get("code", [""])[0], callback(app))
        except oauth2.TokenError:
            return found(state["redirect"])
        claims = oauth2.claims(self._store, self._version, provider, application, user, app.authentik_host)
        seconds = int(claims["exp"] - now().timestamp())
        self._remember(app, sid, claims | {"raw": oauth2.sign(self._store, provider, claims)}, seconds)
        page = found(state["redirect"])
        page.headers.append(("Set-Cookie", cookie(app, sid, seconds)))
        return page

    def _sign_out(self, app: ProxyApp, cookies: Mapping[str, str]) -> Page:
        sid = cookies.get(app.cookie)
        if not self._store.get("proxysession", sid):
            own = app.provider["external_host"].rstrip("/") + PREFIX
            page = found(f"{own}/start?{urlencode({'rd': f'{own}/sign_out'})}")
            page.headers.append(("Set-Cookie", cookie(app, sid or self._new_session(), app.session_seconds)))
            return page
        self._store.delete("proxysession", sid)
        base = app.authentik_host_browser or app.authentik_host
        page = found(f"{base}/application/o/{app.slug}/end-session/")
        page.headers.append(("Set-Cookie", cookie(app, "", 0)))
        return page


def basic(scheme: str, rest: str) -> tuple[str, str] | None:
    """User and password, by the rules of Go's net/http: any case, strict base64."""
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(rest, validate=True).decode("utf-8", "surrogateescape")
    except (ValueError, binascii.Error):
        return None
    username, colon, password = text.partition(":")
    return (username, password) if colon else None


def callback(app: ProxyApp) -> str:
    host = str(app.provider["external_host"]).rstrip("/")
    return f"{host}{PREFIX}/callback?X-authentik-auth-callback=true"


def cookie(app: ProxyApp, value: str, seconds: int) -> str:
    parts = [f"{app.cookie}={value}", "Path=/"]
    if app.provider["cookie_domain"]:  # in every mode
        parts.append(f"Domain={app.provider['cookie_domain']}")
    parts.append(f"Expires={format_datetime(now() + timedelta(seconds=seconds), usegmt=True)}")
    parts += [f"Max-Age={seconds}", "HttpOnly"]
    if app.provider["external_host"].lower().startswith("https:"):
        parts.append("Secure")
    return "; ".join([*parts, "SameSite=Lax"])


def identity(app: ProxyApp, claims: Row, version: str) -> list[tuple[str, str]]:
    """Who is let in, for whoever asked."""
    return [
        ("X-Authentik-Username", str(claims.get("preferred_username", ""))),
        ("X-Authentik-Groups", "|".join(claims.get("groups", []))),
        ("X-Authentik-Entitlements", "|".join(claims.get("entitlements", []))),
        ("X-Authentik-Email", str(claims.get("email", ""))),
        ("X-Authentik-Name", str(claims.get("name", ""))),
        ("X-Authentik-Uid", str(claims["sub"])),
        ("X-Authentik-Jwt", str(claims["raw"])),
        ("X-Authentik-Meta-Jwks", f"{app.authentik_host}/application/o/{app.slug}/jwks/"),
        ("X-Authentik-Meta-Outpost", app.outpost_name),
        ("X-Authentik-Meta-Provider", app.provider["name"]),
        ("X-Authentik-Meta-App", app.slug),
        ("X-Authentik-Meta-Version", f"goauthentik.io/outpost/{version}"),
        ("X-Powered-By", "authentik_proxy2"),
    ]


def plain(status: int, text: str) -> Page:
    """As Go's http.Error says it."""
    return Page(
        status, f"{text}\n", [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
    )


def found(url: str) -> Page:
    page = Page(302, f'<a href="{html.escape(url)}">Found</a>.\n\n')
    page.headers += [("Location", url), ("Content-Type", "text/html; charset=utf-8")]
    return page


def zipped(page: Page, accepted: str) -> tuple[bytes, list[tuple[str, str]]]:
    """The outpost zips even an empty body, for who takes it."""
    raw, zips = page.body.encode(), page.status != 204 and "gzip" in accepted.lower()
    vary = [value for name, value in page.headers if name == "Vary"]
    headers = [header for header in page.headers if header[0] != "Vary"]
    headers.append(("Vary", ", ".join(["Accept-Encoding"] * (zips or not vary) + vary)))
    return (gzip.compress(raw), [*headers, ("Content-Encoding", "gzip")]) if zips else (raw, headers)
