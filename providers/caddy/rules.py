"""Rules of what a site may be made of: each answers what was expected of a value, or None where it is right. Pure.

They let through nothing that means something to a Caddyfile (spaces, quotes, braces, backslashes, commas).
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_network
from urllib.parse import urlsplit

PRIVATE_RANGES = "private_ranges"
"""Caddy's own word for the networks that are not reached from the internet."""

SOCKET = "unix//"
"""How the address of a Unix socket begins in a Caddyfile; the second slash is the path's first."""

_HOST = r"[A-Za-z0-9](?:[-A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"(?:{_HOST}\.)*{_HOST}")
_UPSTREAM_HOST = re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_FILE = re.compile(r"(?:/(?!\.\.?(?:/|$))[-\w.+@~]+)+", re.ASCII)
_PATH = re.compile(r"(?:/\.?[-\w~][-\w.~]*)+", re.ASCII)
_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(?:/(?:0|[1-9][0-9]{0,2}))?")
_ID = re.compile(r"[-\w.]{1,200}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_OWNER = re.compile(r"[-\w./]+", re.ASCII)


def web_origin(value: str) -> str | None:
    """https://host[:port], what browsers and phones call."""
    expected = "expected https://host or https://host:port, such as https://photos.example.org"
    host = _host_in(value)
    if not value.isascii():
        return f"{expected}; a name with other letters in its ASCII form (xn--…), as DNS has it"
    if host is None or not value.lower().startswith("https://") or not _HOST_NAME.fullmatch(host) or len(host) > 253:
        return f"{expected}; no user, path, query or slash at the end"
    if value.endswith(":443"):
        return f"{expected}; without :443, which browsers leave out, so that the outpost would not know the host"
    return None


def account_name(value: str) -> str | None:
    """What the names of the phones' accounts begin with.

    Without dots and underscores: Authentik names the password's token by what is left without them.
    """
    if re.fullmatch(r"[a-z0-9](?:[-a-z0-9]{0,78}[a-z0-9])?", value):
        return None
    return "expected a-z, 0-9 and hyphens, at most 80, and no hyphen at an end"


def upstream_url(value: str) -> str | None:
    """http(s)://host[:port], where Caddy reaches a server."""
    host = _host_in(value)
    if host is None or not is_host(host):
        return "expected http(s)://host or http(s)://host:port; no user, path, query or slash at the end"
    return None


def admin_address(value: str) -> str | None:
    """Where Caddy's admin API listens: http(s)://host[:port], or unix//path, as Caddy writes it."""
    if value.startswith(SOCKET) and file_path(value.removeprefix("unix/")) is None:
        return None
    expected = upstream_url(value)
    return expected and f"{expected}; or a socket such as unix//run/caddy/admin.sock"


def origin(url: str) -> tuple[str, int]:
    """The host and the port that a URL leads to, in lower case."""
    parts = urlsplit(url.lower())
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def host_name(value: str) -> str | None:
    """A site's host, in the lower case that Caddy compares it in."""
    if _HOST_NAME.fullmatch(value) and len(value) <= 253 and value == value.lower():
        return None
    return "expected a host such as photos.example.org, in lower case"


def door(value: str) -> str | None:
    """An address at which a Caddy serves, as host:port; * for any host."""
    if re.fullmatch(r"(?:[-a-z0-9*.]{1,253}):[0-9]{1,5}(?:-[0-9]{1,5})?", value):
        return None
    return "expected host:port as the program names it, such as photos.lan:8080, in lower case"


def route_id(value: str) -> str | None:
    """The @id of a route, which stands in the admin API's paths."""
    return None if _ID.fullmatch(value) else "expected at most 200 letters, digits and ._-, such as immich-prod"


def caddyfile(value: str) -> str | None:
    """The text of a Caddyfile."""
    if value.strip() and not _CONTROL.search(value) and len(value) <= 100_000:
        return None
    return "expected a Caddyfile of at most 100000 characters, without control characters"


def file_path(value: str) -> str | None:
    """An absolute path of a file on Caddy's host."""
    if _FILE.fullmatch(value):
        return None
    return "expected an absolute path on Caddy's host, such as /etc/caddy/outpost-ca.pem, of letters, digits and ._+@~-"


def open_path(value: str) -> str | None:
    """A path of Immich's that is served to everybody: one path, not all that begins with it."""
    if _PATH.fullmatch(value) and len(value) <= 200:
        return None
    return "expected whole paths such as /api/oauth/mobile-redirect, of letters, digits and ._~-, without a wildcard"


def network(value: str) -> str | None:
    """A network in CIDR notation, one address, or private_ranges."""
    expected = "expected networks such as 192.168.0.0/16 or fd00::/8 (no bits set behind the prefix), or private_ranges"
    if value == PRIVATE_RANGES:
        return None
    try:
        ip_network(value)
    except ValueError:
        return expected
    return None if _NETWORK.fullmatch(value) else expected


def proxies(value: str) -> str | None:
    """A network of proxies: not so wide that everybody is in it, for who is trusted says where a request comes from."""
    if expected := network(value):
        return expected
    if value == PRIVATE_RANGES or (wide := ip_network(value)).prefixlen >= (8 if wide.version == 4 else 7):
        return None
    return "expected the networks of the proxies in front: a trusted one can claim any client address"


def is_host(value: str) -> bool:
    """A host name, an IPv4 address, or an IPv6 address in brackets."""
    try:
        if value.startswith("["):
            return bool(value.endswith("]") and _UPSTREAM_HOST.fullmatch(value) and IPv6Address(value[1:-1]))
        if re.fullmatch(r"[0-9.]+", value):
            return bool(IPv4Address(value))
    except ValueError:
        return False
    return bool(_UPSTREAM_HOST.fullmatch(value)) and ".." not in value


def owner(value: str) -> str | None:
    """What wrote a file, such as project/stack."""
    return None if _OWNER.fullmatch(value) else "expected a name of letters, digits and ._/-"


def _host_in(value: str) -> str | None:
    """The host of http(s)://host[:port], or None if value is anything else."""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if not value.isascii() or (parts.scheme, port) in (("http", 443), ("https", 80)):
        return None  # the Kelvin sign is a k in lower case; the ports Caddy would refuse
    bare = f"[{host}]" if ":" in host else host
    whole = f"{parts.scheme}://{bare}" + (f":{port}" if port is not None else "")
    return bare if parts.scheme in ("http", "https") and host and port != 0 and value.lower() == whole else None
