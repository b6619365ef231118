"""Caddy's admin API: https://caddyserver.com/docs/api.

The HTTP library is loaded with the first client: a preview calls nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from providers.caddy.errors import CaddyError
from providers.caddy.routes import SERVERS
from providers.caddy.rules import SOCKET
from providers.caddy.site import LEAST_VERSION
from providers.retry import RETRIED_STATUSES, Overdue, RetryPolicy, Transient, never_sent, retry_after

if TYPE_CHECKING:
    from providers.exchange import Answer

APPS = "/config/apps"


class Changed(CaddyError):
    """412: the configuration was changed since it was read."""


class Unreachable(CaddyError):
    """Nothing answers at that address."""


class Rejected(CaddyError):
    """Caddy answered with another error."""


class NotThere(Rejected):
    """400: the configuration has no such part."""


class Admin:
    """One Caddy's admin API. Every call is safe to send again: writes carry If-Match.

    address: http(s)://host[:port], or unix//path. doing: what for, in messages.
    """

    def __init__(self, address: str, policy: RetryPolicy | None = None, doing: str = "set up Caddy") -> None:
        from providers.exchange import Session

        self._doing = doing
        self._url = address.rstrip("/")
        self._where = urlsplit(self._url).netloc.rpartition("@")[2]
        self._policy = policy or RetryPolicy()
        self._session = Session()
        if address.startswith(SOCKET):
            from providers.unix_socket import HOST, UnixAdapter

            self._url, self._where = HOST, address
            self._session.mount(HOST, UnixAdapter(address.removeprefix("unix/")))

    def adapt(self, caddyfile: str) -> dict[str, Any]:
        """The Caddyfile as JSON configuration. Nothing is changed."""
        headers = {"Content-Type": "text/caddyfile"}
        try:
            response = self._send("POST", "/adapt", data=caddyfile.encode(), headers=headers)
        except Rejected as error:  # the API does not say its version
            hint = f"If that Caddy is older than {LEAST_VERSION} (`caddy version`), update it."
            raise Rejected(f"{error} {hint}") from None
        return self._objects("POST /adapt", response, lambda answer: answer["result"])

    def servers(self) -> tuple[dict[str, Any], str]:
        """The HTTP servers by name, and the ETag to write against."""
        try:
            response = self._send("GET", SERVERS)
        except NotThere:
            return {}, ""
        none = response.content.strip() == b"null"
        servers = {} if none else self._objects(f"GET {SERVERS}", response, lambda answer: answer)
        return servers, response.headers.get("Etag", "")

    def apps(self) -> dict[str, Any]:
        """The apps by name: all that serves, and what it needs."""
        try:
            response = self._send("GET", APPS)
        except NotThere:
            return {}
        return self._objects(f"GET {APPS}", response, lambda answer: answer or {})

    def write(self, method: str, path: str, value: object, etag: str) -> None:
        """Put, patch or delete a part of the configuration as it was read with etag. Raises Changed."""
        self._send(method, path, json=value, headers={"If-Match": etag})

    def _send(self, method: str, path: str, **kwargs: Any) -> Answer:
        return self._policy.call(self._once, method, path, **kwargs)

    def _once(self, method: str, path: str, **kwargs: Any) -> Answer:
        import requests

        from providers.exchange import TooLong, exchange

        what = f"cannot {self._doing}: {method} {path}"
        try:
            response = exchange(self._session, method, self._url + path, self._policy, **kwargs)
        except requests.exceptions.SSLError:
            raise Unreachable(f"{what}: TLS with {self._where} failed. Check caddy:admin.") from None
        except (requests.ConnectionError, requests.Timeout, Overdue) as error:
            raise Transient(self._unreachable(what, error), reached=not never_sent(error)) from None
        except (requests.RequestException, TooLong) as error:
            raise self._unreachable(what, error) from None
        if response.status in RETRIED_STATUSES:
            busy = CaddyError(f"{what} answered {response.status}: {_said(response)}. Run the command again later.")
            raise Transient(busy, after=retry_after(response.headers))
        if response.status == 412:
            raise Changed(f"{what}: somebody else changed the configuration")
        if response.status != 200:
            said = _said(response)
            kind = NotThere if "invalid traversal path" in said else Rejected
            raise kind(f"{what} answered {response.status}: {said}. Check caddy:admin ({self._where}).")
        return response

    def _objects(self, call: str, response: Answer, part: Callable[[Any], Any]) -> dict[str, Any]:
        """A part of an answer that is an object of objects. Raises CaddyError where it is not: no Caddy answered."""
        try:
            found = part(response.json)
            if isinstance(found, dict) and all(isinstance(each, dict) for each in found.values()):
                return found
        except (KeyError, TypeError):
            pass
        raise CaddyError(
            f"cannot {self._doing}: {call} answered {response.status} with "
            f"{response.headers.get('Content-Type') or 'nothing'}, which is not a Caddy configuration. Check "
            "caddy:admin."
        )

    def _unreachable(self, what: str, error: Exception) -> Unreachable:
        return Unreachable(
            f"{what}: {self._where} does not answer ({type(error).__name__}). Check caddy:admin, and that Caddy runs "
            "and listens there (`admin` in its global options; with `admin off`, deliver by a file)."
        )


def _said(response: Answer) -> str:
    try:
        return str(response.json["error"])[:300]
    except (KeyError, TypeError):
        return response.headers.get("Content-Type") or "an empty answer"
