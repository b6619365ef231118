"""The pattern of Basic credentials (RFC 7617) that are one of our accounts'. Pure."""

import base64
import string

_ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"


def credentials_of(account: str) -> str:
    """A regular expression of `Basic …` whose username is account, or begins with account and a hyphen.

    account: of a-z, 0-9 and hyphens. The pattern has no space, which would end it in a Caddyfile.
    """
    either = "|".join(_beginning(f"{account}{follows}") for follows in ":-")
    return rf"^(?i:basic)\x20(?:{either})[A-Za-z0-9+/]*=?=?$"


def _beginning(text: str) -> str:
    """How the base64 of all that begins with text begins: the last letter may depend on what follows."""
    whole, bits = divmod(8 * len(text.encode()), 6)
    encoded = base64.b64encode(text.encode()).decode()
    if not bits:
        return encoded
    first = _ALPHABET.index(encoded[whole])
    return f"{encoded[:whole]}[{_ALPHABET[first : first + 2 ** (6 - bits)]}]"
