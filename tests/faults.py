"""What can happen to a call on its way through tests.proxy."""

import time
from collections.abc import Callable
from typing import Any

from tests.proxy import Exchange, Fault


def status(code: int, **headers: str) -> Fault:
    """An answer of that status in place of the server's, which hears nothing. Headers as Retry_After="1"."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.reply(code, b"", named)


def reset_before(exchange: Exchange) -> None:
    """The connection breaks before the server hears anything."""
    exchange.reset()


def reset_after(exchange: Exchange) -> None:
    """The server acts, and its answer gets lost."""
    assert exchange.answer is not None
    exchange.reset()


def hang_before(seconds: float) -> Fault:
    """No answer for so long, and the server hears nothing."""

    def fault(exchange: Exchange) -> None:
        time.sleep(seconds)
        exchange.reset()

    return fault


def hang_after(seconds: float) -> Fault:
    """The server acts, and no answer comes for so long."""

    def fault(exchange: Exchange) -> None:
        assert exchange.answer is not None
        time.sleep(seconds)
        exchange.reset()

    return fault


def page(body: bytes) -> Fault:
    """An HTML page with status 200 in place of the server's answer, such as a login page."""
    return lambda exchange: exchange.reply(200, body, {"Content-Type": "text/html; charset=utf-8"})


def truncated(exchange: Exchange) -> None:
    """The server acts, and half of its JSON comes back."""
    exchange.pass_back(exchange.answer.content[: len(exchange.answer.content) // 2] or b"{")


def redirect(location: str) -> Fault:
    """A redirect, such as to a login page; the server hears nothing."""
    return lambda exchange: exchange.reply(302, b"", {"Location": location})


def with_token(token: str) -> Fault:
    """The call arrives with another token."""

    def fault(exchange: Exchange) -> None:
        exchange.headers["Authorization"] = f"Bearer {token}"
        exchange.pass_back()

    return fault


def then(do: Callable[[], Any]) -> Fault:
    """Something else happens right after the server has acted and before its answer arrives."""

    def fault(exchange: Exchange) -> None:
        assert exchange.answer is not None
        do()
        exchange.pass_back()

    return fault


def first(do: Callable[[], Any]) -> Fault:
    """Something else happens right before the server hears of the call."""

    def fault(exchange: Exchange) -> None:
        do()
        exchange.pass_back()

    return fault
