"""RetryPolicy: timeouts, and what is tried again."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final, ParamSpec, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from providers.errors import ProviderError

P = ParamSpec("P")
R = TypeVar("R")

SETTING: Final = "immich:timeoutPercent"
CONNECT: Final = 5.0
"""Seconds to connect."""
READ: Final = 30.0
"""Seconds between two bytes of an answer."""
WHOLE: Final = 120.0
"""Seconds for a request and its whole answer: bytes that trickle in never run into READ."""
LISTING: Final = 300.0
"""Seconds for all pages of a list."""
UNREACHABLE_BOUND: Final = 15.0
"""Seconds after which a server that takes no connection is given up."""
BUSY_BOUND: Final = 60.0
"""Seconds after which a server that answers, but only with what may pass, is given up."""
RETRIED_STATUSES: Final = frozenset({429, 502, 503, 504})
"""Statuses that may pass: busy, or a proxy without its server."""


class Overdue(Exception):
    """It took too long."""


class Transient(Exception):
    """A failure that may pass. reason: what to raise if it does not; after: seconds that the server asked to wait."""

    def __init__(self, reason: ProviderError, *, reached: bool = True, after: float | None = None) -> None:
        super().__init__(str(reason))
        self.reason, self.reached, self.after = reason, reached, after


class RetryPolicy:
    """The timeouts above, scaled by immich:timeoutPercent."""

    def __init__(self, percent: int = 100) -> None:
        self._factor = percent / 100

    @classmethod
    def configured(cls, get: Callable[[str], Any]) -> "RetryPolicy":
        """Read from the stack's configuration, which the program has checked."""
        return cls(int(get(SETTING) or 100))

    @property
    def timeout(self) -> tuple[float, float]:
        """Seconds to connect, and between two bytes of an answer."""
        return self.scaled(CONNECT), self.scaled(READ)

    def scaled(self, seconds: float) -> float:
        """A timeout, scaled."""
        return seconds * self._factor

    def call(self, do: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `do`, again after each Transient with growing pauses, until it succeeds or the time is up."""
        retrying = Retrying(
            retry=retry_if_exception_type(Transient), wait=self._pause, stop=self._bound_reached, reraise=True
        )
        try:
            return retrying(do, *args, **kwargs)
        except Transient as transient:
            raise transient.reason from None

    def _pause(self, state: RetryCallState) -> float:
        after = _transient(state).after
        return max(after or 0.0, self.scaled(_growing(state)))

    def _bound_reached(self, state: RetryCallState) -> bool:
        bound = self.scaled(BUSY_BOUND if _transient(state).reached else UNREACHABLE_BOUND)
        return (state.seconds_since_start or 0.0) + state.upcoming_sleep > bound


def within(seconds: float, do: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do it in a thread of its own, which is left behind when its time is over. Raises Overdue, and what it raises.

    Nothing else bounds an exchange: a socket's time-out begins again with every byte, and looking up a name has none.
    """
    outcome: Future[R] = Future()

    def run() -> None:
        try:
            outcome.set_result(do(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  # raised again where the outcome is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():  # its own
            raise
        raise Overdue from None


_growing = wait_exponential_jitter(multiplier=0.2, max=8, jitter=0.3)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer's Retry-After asks for, or None."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def never_sent(error: Exception) -> bool:
    """Whether a request failed before anything of it can have reached the server."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError  # here, as in the clients

    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError | ConnectTimeoutError)


def _transient(state: RetryCallState) -> Transient:
    failure = state.outcome.exception() if state.outcome else None
    if not isinstance(failure, Transient):  # no other is retried
        raise TypeError(f"retried after {type(failure).__name__}")
    return failure
