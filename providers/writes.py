"""Whether this run has written anything yet: the provider's host is one process for all resources of a run.

What depends on everything else asks here, for a written resource may come back with the values that it had before.
"""

import threading

_written = threading.Event()


def note() -> None:
    """Say that a resource was made or changed."""
    _written.set()


def any_so_far() -> bool:
    """Whether one was."""
    return _written.is_set()
