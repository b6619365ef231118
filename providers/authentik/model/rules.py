"""Rules for the values of fields: each answers what was expected, or None where the value is right. Pure."""

import re
from urllib.parse import urlsplit


def slug(value: str) -> str | None:
    """letters, digits, hyphens and underscores, as Authentik's slugs and token identifiers."""
    if re.fullmatch(r"[-a-zA-Z0-9_]+", value):
        return None
    return "expected only letters, digits, hyphens and underscores"


def no_colon(value: str) -> str | None:
    """the first colon of a Basic header ends the username (RFC 7617, section 2)."""
    return "expected no colon: RFC 7617 allows none in the username of a Basic header" if ":" in value else None


def web_url(value: str) -> str | None:
    """http(s)://host[:port], without credentials, query or fragment. Blank passes."""
    if not value:
        return None
    expected = "expected a URL such as https://photos.example.org"
    if not re.fullmatch(r"[\x21-\x7e]+", value):  # urlsplit drops what it does not like, such as a line break
        return expected
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return expected
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return expected
    if not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]", _bare_host(parts.netloc)):
        return f"{expected}, with letters, digits, dots and hyphens in the host"
    if "@" in parts.netloc or parts.query or parts.fragment or value.endswith(("?", "#")):
        return f"{expected}, without user, query or fragment"
    return None


def numbers_by_name(value: dict[str, object]) -> str | None:
    """primary keys that are numbers, by names."""
    right = all(name and re.fullmatch(r"[0-9]{1,10}", str(each)) for name, each in value.items())
    return None if right else "expected the primary key of each account, a number, by its name"


def duration(value: str) -> str | None:
    """Authentik's way to write a duration, such as hours=1;minutes=30."""
    number = r"[0-9]+(?:\.[0-9]+)?"
    units = "microseconds|milliseconds|seconds|minutes|hours|days|weeks"
    if re.fullmatch(rf"(?:{units})={number}(?:;(?:{units})={number})*", value):
        return None
    return "expected a duration such as hours=1;minutes=30"


def regular_expressions(value: str) -> str | None:
    """one regular expression a line; the outpost takes those of Go's RE2, which has no look-around."""
    for number, line in enumerate(value.splitlines(), start=1):
        try:
            re.compile(line)
        except re.error as error:
            return f"expected a regular expression in line {number}: {error.msg} at position {error.pos}"
    return None


def _bare_host(netloc: str) -> str:
    host = netloc.rpartition("@")[2]
    return re.sub(r":[0-9]*$", "", host)
