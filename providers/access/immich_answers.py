"""How Immich itself is told from a login page, another server and the proxy. Pure."""

import json
from collections.abc import Callable, Mapping
from typing import Any

ANSWERS: Mapping[str, Callable[[Any], bool]] = {
    "/api/server/ping": lambda answer: answer == {"res": "pong"},
    "/api/server/version": lambda answer: {"major", "minor", "patch"} <= answer.keys(),
}
"""What Immich answers anybody whom the proxy lets through, by path."""


def is_immichs(path: str, body: bytes) -> bool:
    """Whether a body is Immich's own answer for path, one of ANSWERS."""
    try:
        return ANSWERS[path](json.loads(body))
    except (ValueError, AttributeError, RecursionError):
        return False
