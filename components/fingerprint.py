"""A fingerprint tells which header it is, in logs and on paper, and gives nothing of it away. Pure."""

import hmac

_KEY = b"immich-mobile-access fingerprint"
"""Public: anybody who holds a header can tell its fingerprint. What keeps a header from being found again is that its
password is some sixty random characters, and that of their hash only 32 bits are told."""


def fingerprint(header: str) -> str:
    """8 hexadecimal digits for a header's value: the start of its HMAC-SHA-256 (RFC 2104)."""
    return hmac.digest(_KEY, header.encode(), "sha256")[:4].hex()
