"""Caddy's admin API: https://caddyserver.com/docs/api."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from providers.errors import ProviderError

SERVERS = "/config/apps/http/servers"
TIMEOUT = (3.0, 30.0)
BOUND = 10.0
"""Seconds within which a Caddy that does not answer is asked again."""


class CaddyError(ProviderError):
    """A call failed; the message names the call, the reason and the remedy."""


class Changed(CaddyError):
    """412: the configuration was changed since it was read."""


class Unreachable(CaddyError):
    """Nothing answers at that address."""


class NotThere(CaddyError):
    """400: the configuration has no such part."""


class Admin:
    """One Caddy's admin API. Every call is safe to send again: writes carry If-Match."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()

    def adapt(self, caddyfile: str) -> dict[str, Any]:
        """The Caddyfile as JSON configuration. Nothing is changed."""
        response = self._send("POST", "/adapt", data=caddyfile.encode(), headers={"Content-Type": "text/caddyfile"})
        return _objects(response, lambda answer: answer["result"])

    def servers(self) -> tuple[dict[str, Any], str]:
        """The HTTP servers by name, and the ETag to write against."""
        try:
            response = self._send("GET", SERVERS)
        except NotThere:
            return {}, ""
        return _objects(response, lambda answer: {} if answer is None else answer), response.headers.get("Etag", "")

    def write(self, method: str, path: str, value: object, etag: str) -> None:
        """Put, patch or delete a part of the configuration as it was read with etag. Raises Changed."""
        self._send(method, path, json=value, headers={"If-Match": etag})

    def _send(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        retrying = Retrying(
            retry=retry_if_exception_type(requests.ConnectionError),
            wait=wait_exponential_jitter(multiplier=0.2, max=2, jitter=0.2),
            stop=stop_after_delay(BOUND),
            reraise=True,
        )
        what = f"cannot set up Caddy: {method} {path}"
        try:
            response = retrying(
                self._session.request, method, self._url + path, timeout=TIMEOUT, allow_redirects=False, **kwargs
            )
        except requests.RequestException as error:
            address = urlsplit(self._url).netloc.rpartition("@")[2]
            raise Unreachable(
                f"{what}: {address} does not answer ({type(error).__name__}). Check caddy:admin, and that Caddy runs "
                "and listens there (`admin` in its global options)."
            ) from None
        if response.status_code == 412:
            raise Changed(f"{what}: somebody else changed the configuration")
        if response.status_code != 200:
            said = _said(response)
            kind = NotThere if "invalid traversal path" in said else CaddyError
            raise kind(f"{what} answered {response.status_code}: {said}")
        return response


def _objects(response: requests.Response, part: Callable[[Any], Any]) -> dict[str, Any]:
    """A part of an answer that is an object of objects. Raises CaddyError where it is not: no Caddy answered."""
    try:
        found = part(response.json())
        if isinstance(found, dict) and all(isinstance(each, dict) for each in found.values()):
            return found
    except (ValueError, KeyError, TypeError):
        pass
    raise CaddyError(
        f"cannot set up Caddy: {urlsplit(response.url).path} answered {response.status_code} with "
        f"{response.headers.get('Content-Type') or 'nothing'}, which is no configuration of Caddy's. Check caddy:admin."
    )


def _said(response: requests.Response) -> str:
    try:
        return str(response.json()["error"])[:300]
    except (ValueError, KeyError, TypeError):
        return response.headers.get("Content-Type") or "an empty answer"
