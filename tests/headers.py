"""What would give a header away."""

import base64
from collections.abc import Iterable


def forms(headers: Iterable[str]) -> list[str]:
    """Each header whole, its encoded part, and the password in it."""
    told = []
    for header in headers:
        encoded = header.split()[1]
        password = base64.b64decode(encoded).decode().partition(":")[2]
        assert len(password) > 20
        told += [header, encoded, password]
    return told
