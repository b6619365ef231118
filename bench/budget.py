"""How many calls to Authentik an operation may take, and how many times the floor's seconds. More is a regression.

Goals say how long it should take on a real server; a run may miss one, which is printed.
"""

from typing import Final, Literal, NamedTuple

Operation = Literal["preview", "up", "up again", "refresh", "rotate", "destroy"]
OPERATIONS: Final[tuple[Operation, ...]] = ("preview", "up", "up again", "refresh", "rotate", "destroy")

REFERENCE_UP: Final = 21
"""One phone and one group of people; three of them look, at the end, whether the people's groups are bound and no
other provider is for the host."""
PAGE: Final = 100
"""How many objects a list answers at once."""


def budget(operation: Operation, phones: int, groups: int, objects: int) -> int:
    """The most calls of an operation. objects: how many resources of the stack stand for something in Authentik."""
    pages = groups // PAGE  # further ones of what is bound to Immich's application, which are the groups and one more
    more = {
        "preview": 0,
        # A further phone: its account in two calls, what it can enter. A further group: look-up, binding.
        "up": REFERENCE_UP + 3 * (phones - 1) + 2 * (groups - 1) + 2 * pages,
        "up again": 0,
        # One read an object, but none for the outpost's confirmation; the isolation asks once for each account what it
        # may enter, for its own bindings count.
        "refresh": objects - 1 + phones - 1 + pages,
        # The same three for each new account, and the end of the old one; and the three looks of the proof.
        "rotate": 4 * phones + 3 + pages,
        # One write for each account, the group, the provider, and the application, whose slug is looked at: bindings go
        # with their application, the place on the outpost with the provider.
        "destroy": phones + 4,
    }
    return more[operation]


def slowest(operation: Operation, phones: int) -> float | None:
    """The most times the seconds of as many resources that do nothing, or None where nothing is said."""
    return {"preview": 1.2, "up": 2.0}.get(operation) if phones == 1 else None


class Goal(NamedTuple):
    """terraform: seconds that the Terraform provider took for the same objects; most, aim: parts of that."""

    terraform: float
    most: float
    aim: float


_GOALS: Final[dict[tuple[Operation, int], Goal]] = {
    ("up", 1): Goal(7.0, 1.15, 1.0),
    ("up", 10): Goal(17.9, 0.8, 0.6),
    ("refresh", 1): Goal(2.6, 0.9, 0.8),
    ("refresh", 10): Goal(6.8, 0.7, 0.6),
    ("destroy", 1): Goal(8.7, 0.7, 0.6),
    ("destroy", 10): Goal(17.6, 0.6, 0.5),
}
"""With the latencies of bench/latencies.py, beside OpenTofu 1.11.0 with terraform-provider-authentik 2026.2.1 there."""
CHAIN: Final = 4.9
"""Seconds of answers that an up of one phone has one after the other: flow, provider, application, binding, outpost."""


def goal(operation: Operation, phones: int) -> Goal | None:
    """What an operation should take on a real server, or None where nothing is said."""
    return _GOALS.get((operation, phones))
