"""What the phone's header says, and what is wrong with one that came through hands and papers. Pure."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from providers.access.findings import Finding

_ALPHABET = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def wrong_header(account: str) -> str:
    """A header that is well formed and nobody's. account: what the phones' accounts begin with, as this one does:

    any other is refused unasked. No phone's name begins with a hyphen.
    """
    return "Basic " + base64.b64encode(f"{account}--proof:no-such-password".encode()).decode()


@dataclass(frozen=True)
class Header:
    """A header taken apart. fault: what is wrong with its form, or None; username: empty where it cannot be read."""

    value: str = field(repr=False)
    fault: Finding | None
    username: str


def take_apart(value: str) -> Header:
    """A header's value as it was given, `Basic …`; a space or a line break at its ends is a fault like another."""
    fault, username = _judge(value)
    return Header(value, fault, username)


def _judge(value: str) -> tuple[Finding | None, str]:
    stripped = value.strip()
    scheme, _, encoded = stripped.partition(" ")
    username = _username(re.sub(r"\s", "", encoded))
    if not stripped:
        return Finding.HEADER_EMPTY, ""
    if re.search(r"[\r\n\v\f\x85\u2028\u2029]", value):
        return Finding.HEADER_LINE_BREAK, username
    if scheme.lower() != "basic":
        return Finding.HEADER_SCHEME, ""
    if value != stripped or re.search(r"\s", encoded):
        return Finding.HEADER_SPACE, username
    if not _ALPHABET.fullmatch(encoded) or len(encoded) % 4:
        return Finding.HEADER_ALPHABET, username
    if not username:
        return Finding.HEADER_NO_COLON, ""
    return None, username


def _username(encoded: str) -> str:
    """What stands before the colon, or nothing."""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    username, colon, password = text.partition(":")
    return username if colon and password and username.isprintable() else ""
