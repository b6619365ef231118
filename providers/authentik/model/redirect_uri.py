"""RedirectUri: an address that an OAuth2 provider may send a browser back to. Pure."""

import re
from dataclasses import dataclass

from providers.fields import Field, Json

MATCHING_MODES = ("strict", "regex")
TYPES = ("authorization", "logout")
_KEYS = {"matching_mode", "url", "redirect_uri_type"}


@dataclass(frozen=True, kw_only=True)
class RedirectUri(Field):
    """{matching_mode: strict or regex, url, redirect_uri_type: authorization (if left out) or logout}.

    The type came with Authentik 2026.5; an older server does not tell it, and has those of authorization alone.
    """

    def convert(self, value: Json) -> dict[str, str]:
        if not isinstance(value, dict) or not {"matching_mode", "url"} <= value.keys() <= _KEYS:
            raise ValueError("expected each with matching_mode, url and perhaps redirect_uri_type")
        mode, url, kind = value["matching_mode"], value["url"], value.get("redirect_uri_type", TYPES[0])
        if mode not in MATCHING_MODES:
            raise ValueError(f"expected matching_mode {' or '.join(MATCHING_MODES)}")
        if kind not in TYPES:
            raise ValueError(f"expected redirect_uri_type {' or '.join(TYPES)}")
        if not isinstance(url, str) or not (_is_expression(url) if mode == "regex" else _is_absolute(url)):
            raise ValueError(
                "expected a regular expression as url"
                if mode == "regex"
                else "expected an absolute URI as url, such as https://photos.example.org/auth/login"
            )
        return {"matching_mode": mode, "url": url, "redirect_uri_type": kind}

    def identity(self, value: Json) -> str:
        return f"{value['matching_mode']} {value.get('redirect_uri_type', TYPES[0])} {value['url']}"


def _is_absolute(url: str) -> bool:
    """A scheme and something behind it (RFC 3986), without a fragment (RFC 6749, section 3.1.2)."""
    return re.fullmatch(r"[A-Za-z][-A-Za-z0-9+.]*:[\x21\x22\x24-\x7e]+", url) is not None


def _is_expression(url: str) -> bool:
    try:
        return bool(url.strip()) and url == url.strip() and bool(re.compile(url))
    except re.error:
        return False
