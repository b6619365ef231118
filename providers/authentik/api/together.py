"""Several calls at the same time, within one operation of a resource."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

AT_ONCE: Final = 4
"""Calls at most. A server of two cores answers no faster for more: they wait there instead."""


def together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls, and answer what they answer, in their order.

    Raises what the first of them that failed raised, once all have ended.
    """
    if len(calls) < 2:
        return [call() for call in calls]
    with ThreadPoolExecutor(min(len(calls), AT_ONCE)) as pool:
        made = [pool.submit(call) for call in calls]
    return [each.result() for each in made]
