"""Login by OAuth, as the web client and the app use it."""

import re
import secrets
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from lab.immich import body
from lab.immich.accounts import is_https, logged_in, set_cookies
from lab.immich.config import SystemConfig
from lab.immich.errors import ApiError, bad_request
from lab.immich.models import User
from lab.immich.oidc import Claims, Client, OidcError, challenge_of, new_verifier
from lab.immich.store import Store

MOBILE_REDIRECT = "app.immich:///oauth-callback"
STATE, VERIFIER = COOKIES = ("immich_oauth_state", "immich_oauth_code_verifier")


class OAuth:
    def __init__(self, store: Store, config: SystemConfig) -> None:
        self._store = store
        self._config = config

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/oauth/authorize", self.authorize, methods=["POST"]),
            Route("/api/oauth/callback", self.callback, methods=["POST"]),
            Route("/api/oauth/mobile-redirect", self.mobile_redirect, methods=["GET"]),
        ]

    async def authorize(self, request: Request) -> Response:
        """Where to log in. The web client keeps state and verifier in cookies, the app keeps its own."""
        fields, complaints = await body.json_object(request), list[str]()
        wanted = body.text(fields, "redirectUri", complaints)
        body.refuse_if(complaints)
        oauth, redirect_uri = self._enabled(), self._resolved(wanted)
        state = fields.get("state") or secrets.token_urlsafe(32)
        verifier = "" if fields.get("codeChallenge") else new_verifier()
        challenge = fields.get("codeChallenge") or challenge_of(verifier)
        url = await _asked(lambda: Client(oauth).authorization_url(redirect_uri, state, challenge))
        response = JSONResponse({"url": url}, status_code=HTTPStatus.CREATED)
        set_cookies(response, request, {STATE: state, VERIFIER: verifier} if verifier else {STATE: state})
        return response

    async def callback(self, request: Request) -> Response:
        """The way back: a session for whom the ID token tells of."""
        profile = await self._profile(request, self._enabled())
        user = self._user(profile)
        response = logged_in(self._store, user, request, "oauth")
        for name in COOKIES:
            response.delete_cookie(name, secure=is_https(request), samesite="lax")
        return response

    async def mobile_redirect(self, request: Request) -> Response:
        return RedirectResponse(f"{MOBILE_REDIRECT}?{request.url.query}", HTTPStatus.TEMPORARY_REDIRECT)

    def _enabled(self) -> dict[str, Any]:
        oauth = self._config.oauth
        if not oauth["enabled"]:
            raise bad_request("OAuth is not enabled")
        return oauth

    def _resolved(self, url: str) -> str:
        """With the override, the app's own address is never what the issuer hears."""
        oauth = self._config.oauth
        if oauth["mobileOverrideEnabled"] and oauth["mobileRedirectUri"]:
            return re.sub(r"app\.immich:/+oauth-callback", lambda _: str(oauth["mobileRedirectUri"]), url)
        return url

    async def _profile(self, request: Request, oauth: dict[str, Any]) -> Claims:
        fields, complaints = await body.json_object(request), list[str]()
        url = self._resolved(body.text(fields, "url", complaints))
        body.refuse_if(complaints)
        state = fields.get("state") or request.cookies.get(STATE)
        if not state:
            raise bad_request("OAuth state is missing")
        verifier = fields.get("codeVerifier") or request.cookies.get(VERIFIER)
        if not verifier:
            raise bad_request("OAuth code verifier is missing")
        profile: Claims = await _asked(lambda: Client(oauth).profile(url, state, verifier))
        return profile

    def _user(self, profile: Claims) -> User:
        """By the link, else by the address of mail, else a new one."""
        if user := self._store.user_by_oauth(profile["sub"]):
            return user
        email = str(profile.get("email") or "").strip().lower()
        if email and (user := self._store.user_by_email(email)):
            if user.oauth_id:
                raise bad_request("OAuth authentication failed")
            return self._store.link(user, profile["sub"])
        if not self._config.oauth["autoRegister"]:
            raise bad_request("OAuth authentication failed")
        if not email:
            raise bad_request("OAuth profile does not have an email address")
        name = str(profile.get("name") or profile.get("preferred_username") or email)
        user = self._store.add_user(email, secrets.token_urlsafe(32), name=name, is_admin=False)
        assert user is not None  # noqa: S101  # the address was looked up above
        return self._store.link(user, profile["sub"])


async def _asked(question: Any) -> Any:
    """The issuer's answer; asked in a thread, as others wait for this server meanwhile."""
    try:
        return await run_in_threadpool(question)
    except OidcError as error:
        print(f"OAuth login failed: {error}", flush=True)  # only the server's log tells, as Immich's does
        raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error") from None
