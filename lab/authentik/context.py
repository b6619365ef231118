"""What a request is answered with: the server's settings, its store, and who calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from starlette.datastructures import QueryParams

from lab.authentik.clock import duration, expired, moment, now, stamp
from lab.authentik.errors import Forbidden, Invalid, Refusal
from lab.authentik.fields import Row
from lab.authentik.rights import Rights, attributes_of
from lab.authentik.store import Store
from lab.authentik.validation import not_a_dict
from lab.authentik.versions import VERSION

MAXIMUM_LIFETIME = "goauthentik.io/user/token-maximum-lifetime"


@dataclass(frozen=True)
class Settings:
    """How this stand-in runs; the real server's own numbers are the defaults."""

    state: Path | None = None
    requests: Path | None = None
    public_url: str = ""
    cache_seconds: float = 60.0  # the outpost's cache of header values
    load_seconds: float = 0.0  # the real outpost takes 0 to 10 s
    token_lifetime: str = "minutes=30"  # noqa: S105 - a duration
    clean_expired_seconds: float = 3600.0  # how often expired tokens are swept
    # the documentation says that an expired app password gets a new key, the code that it is deleted
    expired_passwords: Literal["rotate", "delete"] = "rotate"
    version: str = VERSION  # how old a server it acts as


@dataclass
class Call:
    """One API request of a known user."""

    store: Store
    settings: Settings
    base_url: str
    user: Row
    method: str
    query: QueryParams
    body: bytes = b""
    content_type: str = ""
    rights: Rights = field(init=False)

    def __post_init__(self) -> None:
        self.rights = Rights(self.store, self.user)

    def data(self) -> Any:
        """The parsed body: read only after rights were checked, as the real server does."""
        if not self.body:
            return {}
        if self.content_type.partition(";")[0].strip().lower() != "application/json":
            raise Refusal(415, {"detail": f'Unsupported media type "{self.content_type}" in request.'})
        try:
            return json.loads(self.body)
        except ValueError as wrong:
            raise Invalid({"detail": f"JSON parse error - {wrong}"}) from None

    def fields(self) -> Row:
        """A body that must be a dictionary."""
        data = self.data()
        if not isinstance(data, dict):
            raise Invalid({"non_field_errors": [not_a_dict(data)]})
        return data

    def require(self, *rights: str) -> None:
        if not all(self.rights.has(right) for right in rights):
            raise Forbidden

    def flag(self, name: str, default: bool = False) -> bool:
        return str(self.query.get(name, default)).lower() == "true"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None


Handler = Callable[[Call, str], Answer]


def default_expiry(settings: Settings) -> str:
    return stamp(now() + duration(settings.token_lifetime))


def latest_expiry(call: Call, user: Row) -> str:
    """How long an app password of the user may live at most; groups and users can say otherwise."""
    own = attributes_of(call.store, user).get(MAXIMUM_LIFETIME)
    if isinstance(own, str):
        try:
            return stamp(now() + duration(own))
        except ValueError:
            pass
    return default_expiry(call.settings)


def bearer(store: Store, header: str | None) -> Row:
    """The user of an API token. App passwords do not open the API."""
    scheme, _, key = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Forbidden("Authentication credentials were not provided.")
    if not key:
        raise Forbidden("Malformed header")
    for token in store.rows("token", lambda row: row["key"] == key and row["intent"] == "api"):
        user = store.get("user", token["user"])
        if not expired(token) and user and user["is_active"]:
            return user
    raise Forbidden("Token invalid/expired")


def later(one: str, other: str) -> bool:
    return moment(one) > moment(other)
