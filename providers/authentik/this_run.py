"""What this process made itself, known so that a call is saved and for nothing else.

Nobody else can have put anything on an object in the moments since it was made here, so a look at what stands on it
would find nothing. A process that did not make it looks, and comes to the same outcome: what is written and deleted
never depends on what is noted here.
"""

from collections import defaultdict
from typing import Final

from providers.fields import Json


class ThisRun:
    """The objects that this process made, by the path of their kind and their primary key."""

    def __init__(self) -> None:
        self._made: set[tuple[str, str]] = set()
        self._orders: defaultdict[str, set[int]] = defaultdict(set)

    def note(self, path: str, key: Json) -> None:
        """Note that an object was made here."""
        self._made.add((path, str(key)))

    def made(self, path: str, key: Json) -> bool:
        """Whether an object was made here, so that nobody else has anything on it."""
        return (path, str(key)) in self._made

    def forget(self, path: str, key: Json) -> None:
        """Have an object looked at from here on, because an answer about it got lost."""
        self._made.discard((path, str(key)))

    def orders(self, target: str) -> set[int]:
        """The orders of the bindings that this process put on an application that it made."""
        return self._orders[target]


THIS_RUN: Final = ThisRun()
