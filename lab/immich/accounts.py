"""Login, logout, users and API keys."""

import secrets
from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lab.immich import body
from lab.immich.auth import ACCESS_COOKIE, Caller, Guard, hashed
from lab.immich.errors import bad_request, unauthorized
from lab.immich.models import User
from lab.immich.store import Store, matches, scrambled

COOKIE_AGE = 400 * 24 * 3600
COOKIES = (ACCESS_COOKIE, "immich_auth_type", "immich_is_authenticated")
# checked for an unknown address too, so that both refusals take the same time, as Immich does it
NOBODY = scrambled(secrets.token_hex(16))


class Accounts:
    def __init__(self, store: Store, guard: Guard) -> None:
        self._store = store
        self._guard = guard

    def routes(self) -> list[BaseRoute]:
        protect = self._guard.protect
        return [
            Route("/api/auth/login", self.login, methods=["POST"]),
            Route("/api/auth/validateToken", protect(None, self.validate), methods=["POST"]),
            Route("/api/auth/logout", protect("auth.logout", self.logout), methods=["POST"]),
            Route("/api/users/me", protect("user.read", self.me), methods=["GET"]),
            Route("/api/admin/users", self._guard.admin("adminUser.create", self.add_user), methods=["POST"]),
            Route("/api/api-keys", protect("apiKey.create", self.add_key), methods=["POST"]),
            Route("/api/api-keys", protect("apiKey.read", self.keys), methods=["GET"]),
            Route("/api/api-keys/{id}", protect("apiKey.delete", self.delete_key), methods=["DELETE"]),
        ]

    async def login(self, request: Request) -> Response:
        fields, complaints = await body.json_object(request), list[str]()
        email, password = body.email(fields, complaints), body.text(fields, "password", complaints)
        body.refuse_if(complaints)
        user = self._store.user_by_email(email)
        if not matches(password, user.password if user else NOBODY) or user is None:
            raise unauthorized("Incorrect email or password")
        return logged_in(self._store, user, request, "password")

    async def validate(self, _request: Request, _caller: Caller) -> Response:
        return JSONResponse({"authStatus": True})

    async def logout(self, request: Request, caller: Caller) -> Response:
        if caller.session_id:
            self._store.delete_session(caller.session_id)
        response = JSONResponse({"successful": True, "redirectUri": "/auth/login?autoLaunch=0"})
        for name in COOKIES:
            response.delete_cookie(name, secure=is_https(request), samesite="lax")
        return response

    async def me(self, _request: Request, caller: Caller) -> Response:
        return JSONResponse(caller.user.dto(self._store.usage(caller.user)))

    async def add_user(self, request: Request, _caller: Caller) -> Response:
        fields, complaints = await body.json_object(request), list[str]()
        email, password = body.email(fields, complaints), body.text(fields, "password", complaints)
        name = body.text(fields, "name", complaints)
        body.refuse_if(complaints)
        user = self._store.add_user(email, password, name=name, is_admin=False)
        if user is None:
            raise bad_request("User exists")
        return JSONResponse(user.dto(0), status_code=HTTPStatus.CREATED)

    async def add_key(self, request: Request, caller: Caller) -> Response:
        fields, complaints = await body.json_object(request), list[str]()
        permissions = body.texts(fields, "permissions", complaints)
        body.refuse_if(complaints)
        if not all(caller.may(permission) for permission in permissions):
            raise bad_request("Cannot grant permissions you do not have")
        secret = secrets.token_urlsafe(32)
        key = self._store.add_api_key(caller.user, str(fields.get("name") or "API Key"), permissions, hashed(secret))
        # version 3 tells the key beside `apiKey` too
        answer = {"secret": secret, "apiKey": key.dto(), **key.dto()}
        return JSONResponse(answer, status_code=HTTPStatus.CREATED)

    async def keys(self, _request: Request, caller: Caller) -> Response:
        return JSONResponse([key.dto() for key in self._store.api_keys(caller.user)])

    async def delete_key(self, request: Request, caller: Caller) -> Response:
        if not self._store.delete_api_key(caller.user, request.path_params["id"]):
            raise bad_request("API Key not found")
        return Response(status_code=HTTPStatus.NO_CONTENT)


def logged_in(store: Store, user: User, request: Request, how: str) -> Response:
    """A new session, as the body of the answer and as cookies. how: password or oauth."""
    token = secrets.token_urlsafe(32)
    store.add_session(user, hashed(token))
    answer = {
        "accessToken": token,
        "userId": user.id,
        "userEmail": user.email,
        "name": user.name,
        "isAdmin": user.is_admin,
        "profileImagePath": "",
        "shouldChangePassword": False,
        "isOnboarded": True,
    }
    response = JSONResponse(answer, status_code=HTTPStatus.CREATED)
    set_cookies(response, request, dict(zip(COOKIES, (token, how, "true"), strict=True)))
    return response


def set_cookies(response: Response, request: Request, cookies: Mapping[str, str]) -> None:
    for name, value in cookies.items():
        response.set_cookie(
            name,
            value,
            max_age=COOKIE_AGE,
            secure=is_https(request),
            # the page's own script asks whether somebody is logged in
            httponly=name != "immich_is_authenticated",
            samesite="lax",
        )


def is_https(request: Request) -> bool:
    """By what the proxy says, for it ends TLS; the first of several is what the client used."""
    return request.headers.get("x-forwarded-proto", "http").split(",")[0].strip().lower() == "https"
