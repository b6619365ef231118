"""When a new resource takes over the object of a former one, the former one's delete must leave it alone.

The engine creates the replacement first and deletes the former resource later in the same run, with the same object
behind both. Each taking over is noted here with a token that goes into the new resource's state: a delete that comes
without that token is the former one's.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

HANDOVER: Final = "taken_over"
"""The key of the token in a resource's state."""

_tokens: dict[tuple[str, str], str] = {}


def take(kind: str, key: str) -> dict[str, str]:
    """Note that a resource took over the object key of kind; the answer goes into its state."""
    token = _tokens[(kind, key)] = uuid.uuid4().hex
    return {HANDOVER: token}


def was_taken(kind: str, key: str, state: Mapping[str, Any]) -> bool:
    """Whether another resource than the one of this state took over the object in this run."""
    token = _tokens.get((kind, key))
    return token is not None and state.get(HANDOVER) != token
