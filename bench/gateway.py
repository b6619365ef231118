"""A gateway that answers as late as a real Authentik, and notes what it was asked when."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.latencies import AT_WORK, seconds
from lab.gateway import Calls
from tests.proxy import Exchange, Proxy


class Gateway(Proxy):
    """A proxy that delays each call by `lasts` seconds and lets at most at_work through at the same time."""

    def __init__(self, target: str, *, lasts: Callable[[str], float] = seconds, at_work: int = AT_WORK) -> None:
        super().__init__(target)
        self._lasts, self._at_work = lasts, threading.BoundedSemaphore(at_work)
        self._calls = Calls()
        self.on(".*", self._delay, times=float("inf"))

    @contextmanager
    def counted(self) -> Iterator[Calls]:
        """The calls made inside the with block, in the order of their answers; times are of time.monotonic."""
        self._calls = Calls()
        yield self._calls
        self.settle()

    def _delay(self, exchange: Exchange) -> None:
        begun, calls = time.monotonic(), self._calls
        with self._at_work:
            over = time.monotonic() + self._lasts(exchange.call)
            _ = exchange.answer
            time.sleep(max(0.0, over - time.monotonic()))
        method, _, path = exchange.call.partition(" ")
        with self._lock:
            calls.made.append((method, path))
            calls.spans.append((begun, time.monotonic()))
        exchange.pass_back()
