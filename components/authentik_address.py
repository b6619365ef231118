"""Where the API token goes, as a preview shows it. Pure."""

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit


def origin(url: str) -> str:
    """scheme://host[:port] of a URL, and nothing else that may stand in one."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}" + (f":{port}" if port is not None else "")


def in_clear(url: str) -> bool:
    """Whether what is sent there can be read on the way: plain http, but to this machine or another container.

    A name without a dot is one of a network of Compose, unless it is a number, which is an address in another spelling.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    if parts.scheme != "http" or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return "." in host or bool(re.fullmatch(r"0x[0-9a-f]*|[0-9]*", host))
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return not address.is_loopback


def warning(url: str) -> str:
    """What the operator has to know of authentik:url, or nothing."""
    if not in_clear(url):
        return ""
    return (
        f"authentik:url is {origin(url)}: over plain http AUTHENTIK_TOKEN and the phones' passwords can be read by "
        "everybody on the way. Use https, or an address of this machine or of its Compose network."
    )
