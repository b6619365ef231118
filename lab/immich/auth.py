"""Who is calling: the same places, in the same order, as Immich's server looks in."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request, cookie_parser
from starlette.responses import Response

from lab.immich.errors import forbidden, unauthorized
from lab.immich.models import ApiKey, User
from lab.immich.store import Store

ACCESS_COOKIE = "immich_access_token"


@dataclass(frozen=True)
class Caller:
    user: User
    session_id: str | None = None
    api_key: ApiKey | None = None

    def may(self, permission: str) -> bool:
        """A person may do all; an API key only what it was made for."""
        return self.api_key is None or bool({"all", permission} & set(self.api_key.permissions))


Protected = Callable[[Request, Caller], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def hashed(secret: str) -> bytes:
    """Sessions and keys are kept as hashes, so that the state on disk opens nothing."""
    return hashlib.sha256(secret.encode()).digest()


class Guard:
    def __init__(self, store: Store) -> None:
        self._store = store

    def authenticate(self, headers: Headers, query: QueryParams) -> Caller:
        """Raises ApiError 401. An `Authorization` that is no Bearer counts as absent, Basic above all."""
        if token := session_token(headers, query):
            if found := self._store.session(hashed(token)):
                return Caller(user=found.user, session_id=found.id)
            raise unauthorized("Invalid user token")
        if secret := headers.get("x-api-key") or query.get("apiKey"):
            if key := self._store.api_key(hashed(secret)):
                return Caller(user=self._store.user(key.user_id), api_key=key)
            raise unauthorized("Invalid API key")
        raise unauthorized("Authentication required")

    def protect(self, permission: str | None, handler: Protected) -> Endpoint:
        """The endpoint for people, and for API keys with this permission; None asks keys for none."""

        async def endpoint(request: Request) -> Response:
            caller = self.authenticate(request.headers, request.query_params)
            if permission and not caller.may(permission):
                raise forbidden(f"Missing required permission: {permission}")
            return await handler(request, caller)

        return endpoint

    def admin(self, permission: str, handler: Protected) -> Endpoint:
        async def only_admin(request: Request, caller: Caller) -> Response:
            if not caller.user.is_admin:
                raise forbidden("Forbidden")
            return await handler(request, caller)

        return self.protect(permission, only_admin)


def session_token(headers: Headers, query: QueryParams) -> str | None:
    return (
        headers.get("x-immich-user-token")
        or headers.get("x-immich-session-token")
        or query.get("sessionKey")
        or bearer_token(headers)
        or cookie_parser(headers.get("cookie", "")).get(ACCESS_COOKIE)
        or None
    )


def bearer_token(headers: Headers) -> str | None:
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    return rest.split(" ")[0] if scheme.lower() == "bearer" else None
