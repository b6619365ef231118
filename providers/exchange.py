"""One HTTP exchange, bounded in bytes and in time whatever the server does. Loads the HTTP library."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from json import loads
from typing import Any, Final

import requests

from providers.retry import WHOLE, RetryPolicy, within

MOST: Final = 64 * 1024 * 1024
"""Bytes at most of an answer, unpacked. A list of a hundred users with their groups has some hundred thousand."""


class TooLong(Exception):
    """An answer is longer than MOST."""


@dataclass(frozen=True)
class Answer:
    """What a server answered, read to its end."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @cached_property
    def json(self) -> Any:
        """The JSON in it, or None where it is none."""
        try:
            return loads(self.content)
        except (ValueError, RecursionError):
            return None


class Session(requests.Session):
    """A session that does not look where a redirect leads to: it would read that answer to its end, however long."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


def exchange(session: Session, method: str, url: str, policy: RetryPolicy, **sent: Any) -> Answer:
    """Send a request and read its answer. Redirects are not followed.

    Raises Overdue, TooLong, and the exceptions of requests.
    """
    return within(policy.scaled(WHOLE), _exchange, session, method, url, policy.timeout, sent)


def _exchange(session: Session, method: str, url: str, timeout: tuple[float, float], sent: Mapping[str, Any]) -> Answer:
    with session.request(method, url, timeout=timeout, allow_redirects=False, stream=True, **sent) as response:
        content = bytearray()
        for part in response.iter_content(64 * 1024):
            content += part
            if len(content) > MOST:
                raise TooLong
        return Answer(response.status_code, response.headers, bytes(content))
