"""What can go wrong with a call. Every message names object, call, reason and remedy, and holds no secret."""

from collections.abc import Mapping
from dataclasses import dataclass

from providers.errors import ProviderError


class AuthentikError(ProviderError):
    """A call failed; the message names object, call, reason and remedy."""


class NotFound(AuthentikError):
    """404: there is no such object, or it is hidden from this token."""


class Forbidden(AuthentikError):
    """403: the token is wrong or lacks a right."""


class Refused(AuthentikError):
    """400: the server refused the body. fields: its reasons by field."""

    def __init__(self, message: str, fields: Mapping[str, str]) -> None:
        super().__init__(message)
        self.fields = fields


class AnswerLost(AuthentikError):
    """The answer did not arrive to a POST, or to what is sent once: the server may or may not have acted."""


@dataclass(frozen=True)
class Call:
    """One call in words. doing: "create group 'x'"; right: what it needs, as Authentik names it."""

    doing: str
    right: str


class Conflict(AuthentikError):
    """An object stands where ours would, and it is not as declared."""
