"""What a request can end with instead of an answer, in the words of the real server."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A status and the JSON body that goes with it."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class Invalid(Refusal):
    """400: a field's name and what is wrong with it, or `non_field_errors`."""

    def __init__(self, errors: Any) -> None:
        super().__init__(400, errors)


class NotFound(Refusal):
    def __init__(self, noun: str = "") -> None:
        super().__init__(404, {"detail": f"No {noun} matches the given query." if noun else "Not found."})


class Forbidden(Refusal):
    """403: also where other servers say 401."""

    def __init__(self, detail: str = "You do not have permission to perform this action.") -> None:
        super().__init__(403, {"detail": detail})


class Crashed(Refusal):
    """An exception of the server's: the page that tells of it is for GET alone, so that anything else gets this."""

    def __init__(self) -> None:
        super().__init__(405, None)


class NotAllowed(Refusal):
    def __init__(self, method: str) -> None:
        super().__init__(405, {"detail": f'Method "{method}" not allowed.'})


def on_field(name: str, message: str) -> Invalid:
    return Invalid({name: [message]})


def on_object(message: str) -> Invalid:
    return Invalid({"non_field_errors": [message]})
