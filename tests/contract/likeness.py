"""When an answer is like a recorded one: the same keys, kinds and, where they are not of the moment, values."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DATETIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
FAILING_ROW = re.compile(r"(?<=Failing row contains ).*", re.S)
KINDS = (
    ("uuid", UUID),
    ("hex", re.compile(r"[0-9a-f]{32}")),
    ("datetime", DATETIME),
    ("jwt", re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*")),
    ("sha256", re.compile(r"[0-9a-f]{64}")),
    ("key", re.compile(r"[A-Za-z0-9]{40,128}")),
    ("fingerprint", re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2})+")),
    ("data url", re.compile(r"data:.*", re.S)),
    ("url", re.compile(r"https?://\S*")),
)
# values of the moment or of that machine: their kind is compared, not what they say
OF_THE_MOMENT = frozenset({
    "avatar", "date_joined", "last_login", "last_updated", "last_seen", "password_change_date", "expires", "exp",
    "iat", "auth_time", "jti", "num_pk", "cert_expiry", "cert_subject", "fingerprint_sha1", "fingerprint_sha256",
    "cache_count", "version_latest", "version_latest_valid", "golang_version", "openssl_version", "hostname",
    "expression", "sentry_dsn", "request_id", "id", "client_ip", "known_device", "user_agent", "pending_user_avatar",
})  # fmt: skip
# what follows from a key, of whatever form
OPAQUE = frozenset({"kid", "n", "x5c", "x5t", "x5t#S256"})
# sets that a database gives in any order
UNORDERED = frozenset({"property_mappings", "system_permissions", "children", "parents", "scopes_supported"})
INT_IDS = {"user": "user", "users": "user", "provider": "provider", "providers": "provider", "user_pk": "user"}


class Unlike(AssertionError):
    """Where the answer differs from the recording, and how."""


def kind(value: Any) -> str:
    if isinstance(value, str):
        return next((name for name, pattern in KINDS if pattern.fullmatch(value)), "text")
    return type(value).__name__


class Ids:
    """Which actual id stands for which recorded one: learned where they first appear, then held to it."""

    def __init__(self) -> None:
        self._actual: dict[tuple[str, Any], Any] = {}
        self._recorded: dict[tuple[str, Any], Any] = {}

    def learn(self, recorded: Any, actual: Any, space: str = "") -> None:
        known = self._actual.setdefault((space, recorded), actual)
        taken = self._recorded.setdefault((space, actual), recorded)
        if known != actual or taken != recorded:
            raise Unlike(f"{space or 'id'} {recorded}: {known} before (for {taken}), now {actual}")

    def actual(self, recorded: Any, space: str = "") -> Any:
        return self._actual.get((space, recorded), recorded)

    def knows(self, recorded: Any, space: str = "") -> bool:
        return (space, recorded) in self._actual

    def text(self, recorded: str) -> str:
        """A text with every known id replaced."""
        recorded = re.sub(r"(?<=--user-)\d+", lambda pk: str(self.actual(int(pk[0]), "user")), recorded)
        for (space, before), after in self._actual.items():
            if not space and isinstance(before, str):
                recorded = recorded.replace(before, str(after))
        return recorded


def compare(ids: Ids, recorded: Any, actual: Any, name: str = "", at: str = "$") -> None:
    """Raises Unlike at the first difference; learns ids on the way."""
    if isinstance(recorded, dict) and "__text__" in recorded:
        compare_pages(recorded["__text__"], str(actual))
    elif isinstance(recorded, dict) and isinstance(actual, dict):
        if "__cut__" in recorded:  # too long to be recorded
            return
        space = "provider" if "verbose_name" in recorded else "user" if "username" in recorded else ""
        if "pk" in recorded and "pk" in actual:  # first, for what comes later names it whatever else is unlike
            compare(ids, recorded["pk"], actual["pk"], space or "pk", f"{at}.pk")
        _same_keys(recorded, actual, at)
        for key, value in recorded.items():
            if key != "pk":
                compare(ids, value, actual[key], key, f"{at}.{key}")
    elif isinstance(recorded, list) and isinstance(actual, list):
        _compare_lists(ids, recorded, actual, name, at)
    else:
        _compare_values(ids, recorded, actual, name, at)


def _same_keys(recorded: dict[str, Any], actual: dict[str, Any], at: str) -> None:
    if recorded.keys() != actual.keys():
        missing, extra = recorded.keys() - actual.keys(), actual.keys() - recorded.keys()
        raise Unlike(f"{at}: missing {sorted(missing)}, beyond the recording {sorted(extra)}")


def _compare_lists(ids: Ids, recorded: list[Any], actual: list[Any], name: str, at: str) -> None:
    if len(recorded) != len(actual):
        raise Unlike(f"{at}: {len(recorded)} recorded, {len(actual)} actual: {actual}")
    if name in UNORDERED:
        wanted = {ids.actual(item) for item in recorded if kind(item) != "uuid" or ids.knows(item)}
        if not wanted <= set(actual):
            raise Unlike(f"{at}: {recorded} recorded, {actual} actual")
        return
    for number, (before, after) in enumerate(zip(recorded, _aligned(ids, recorded, actual), strict=True)):
        compare(ids, before, after, name, f"{at}[{number}]")


def _aligned(ids: Ids, recorded: list[Any], actual: list[Any]) -> list[Any]:
    """Rows in the recording's order: ties are ordered by random ids, on the real server too."""
    left = list(actual)
    known: dict[int, Any] = {}
    for number, before in enumerate(recorded):
        found = next((after for after in left if _same_row(ids, before, after)), None)
        if found is not None:
            left.remove(found)
            known[number] = found
    return [known[number] if number in known else left.pop(0) for number in range(len(recorded))]


def _same_row(ids: Ids, before: Any, after: Any) -> bool:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return False
    if "policy_obj" in before and before["policy_obj"] and after.get("policy_obj"):
        return bool(before["policy_obj"]["name"] == after["policy_obj"]["name"])
    return ids.knows(before.get("pk")) and ids.actual(before.get("pk")) == after.get("pk")


def _compare_values(ids: Ids, recorded: Any, actual: Any, name: str, at: str) -> None:
    if name in OPAQUE:
        return
    if kind(recorded) != kind(actual):
        raise Unlike(f"{at}: {kind(recorded)} {recorded!r} recorded, {kind(actual)} {actual!r} actual")
    if name in OF_THE_MOMENT:
        return
    if name == "scope":
        compare(ids, sorted(recorded.split()), sorted(actual.split()), at=at)
    elif isinstance(recorded, int) and not isinstance(recorded, bool) and name in INT_IDS:
        ids.learn(recorded, actual, INT_IDS[name])
    elif kind(recorded) == "jwt":
        compare_tokens(ids, recorded, actual, at)
    elif kind(recorded) in ("uuid", "hex", "sha256", "key"):
        ids.learn(recorded, actual)
    else:
        before, after = (FAILING_ROW.sub("", DATETIME.sub("<time>", str(text))) for text in (recorded, actual))
        if ids.text(before) != after:
            raise Unlike(f"{at}: {recorded!r} recorded, {actual!r} actual")


TOKEN_HEADERS = {"x-authentik-jwt"}
FREE_HEADERS = frozenset({"date", "x-authentik-id"})
# how long a body is told to be follows from who sends it
OF_THE_TRANSPORT = ("content-length", "transfer-encoding")


def compare_headers(ids: Ids, recorded: dict[str, str], actual: dict[str, str]) -> None:
    """The same names, and values alike: cookies by their shape, tokens by their claims."""
    before = {name.lower(): value for name, value in recorded.items()}
    after = {name.lower(): value for name, value in actual.items()}
    for name in OF_THE_TRANSPORT:
        before.pop(name, None)
        after.pop(name, None)
    _same_keys(before, after, "headers")
    for name, value in before.items():
        if name == "set-cookie":
            compare_cookies(value, after[name])
        elif name == "location":
            compare_locations(ids, value, after[name])
        elif name in TOKEN_HEADERS:
            compare_tokens(ids, value, after[name], name)
        elif name not in FREE_HEADERS and ids.text(value) != after[name]:
            raise Unlike(f"{name}: {value!r} recorded, {after[name]!r} actual")


def compare_tokens(ids: Ids, recorded: str, actual: str, at: str) -> None:
    for read in (jwt.get_unverified_header, _claims):
        compare(ids, read(recorded), read(actual), at=at)


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


COOKIE_VALUES = tuple(
    map(re.compile, (r"authentik_proxy_session_" + UUID.pattern, r"[A-Z2-7]{52}", r"[A-Z2-7]{103}", r"AAAA"))
)


def compare_cookies(recorded: str, actual: str) -> None:
    """Attributes in the same order and, but for the date, alike; a value of the same shape."""
    (name, *attributes), (own_name, *own) = (cookie.split("; ") for cookie in (recorded, actual))
    undated, own_undated = (
        ["Expires" if part.startswith("Expires=") else part for part in parts] for parts in (attributes, own)
    )
    if undated != own_undated:
        raise Unlike(f"cookie: {attributes} recorded, {own} actual")
    shapes = [_cookie_shape(pair) for pair in (name, own_name)]
    if shapes[0] != shapes[1]:
        raise Unlike(f"cookie: {name} recorded, {own_name} actual")


def _cookie_shape(pair: str) -> tuple[str, int]:
    name, _, value = pair.partition("=")
    fitting = [number for number, pattern in enumerate(COOKIE_VALUES) if pattern.fullmatch(value)]
    return re.sub(r"[0-9a-f]{8}$", "<8 hex>", name), (fitting or [-1])[0]


def compare_locations(ids: Ids, recorded: str, actual: str) -> None:
    before, after = urlsplit(recorded), urlsplit(actual)
    if ids.text(f"{before.scheme}://{before.netloc}{before.path}") != f"{after.scheme}://{after.netloc}{after.path}":
        raise Unlike(f"location: {recorded} recorded, {actual} actual")
    asked, own = parse_qs(before.query), parse_qs(after.query)
    if list(asked) != list(own):
        raise Unlike(f"location: {list(asked)} recorded, {list(own)} actual")
    for name, (value,) in asked.items():
        if name == "scope":
            compare(ids, sorted(value.split()), sorted(own[name][0].split()), at="location.scope")
        elif name == "state":
            _compare_states(ids, value, own[name][0])
        else:
            compare(ids, value, own[name][0], name, f"location.{name}")


def _compare_states(ids: Ids, recorded: str, actual: str) -> None:
    before, after = _claims(recorded), _claims(actual)
    _same_keys(before, after, "location.state")
    for name in ("iss", "redirect"):
        compare(ids, before[name], after[name], name, f"location.state.{name}")
    if [len(before[name]) for name in ("sid", "state")] != [len(after[name]) for name in ("sid", "state")]:
        raise Unlike(f"location.state: {before} recorded, {after} actual")


def compare_pages(recorded: str, actual: str) -> None:
    """A link, an HTML page of authentik's, or nothing: pages were recorded cut, and are not copied."""
    start = recorded.strip()[:9].lower()
    if bool(recorded) != bool(actual) or not actual.strip().lower().startswith(start):
        raise Unlike(f"page: {recorded[:60]!r} recorded, {actual[:60]!r} actual")
    if "<!DOCTYPE" in recorded and not re.search(r"<title>\s*authentik\s*</title>", actual):
        raise Unlike("page: no title 'authentik'")
