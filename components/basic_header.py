"""The header that the phone sends: RFC 7617. Pure."""

import base64
import unicodedata

HEADER_NAME = "Authorization"


def basic_header(username: str, password: str) -> str:
    """`Basic ` and the standard base64 of `username:password` in UTF-8, without line breaks.

    Raises ValueError where RFC 7617 allows no such header: a colon in the username, control characters, nothing.
    The message never holds the password.
    """
    if not username or not password:
        raise ValueError("expected a username and a password for the Basic header, got an empty one")
    if ":" in username:
        raise ValueError(f"expected no colon in the username {username!r} of the Basic header (RFC 7617)")
    if any(unicodedata.category(character) == "Cc" for character in username + password):
        raise ValueError("expected no control characters in the username and password of the Basic header (RFC 7617)")
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
