"""The one place that asks the public address, as a phone or a stranger would."""

import ssl
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, SSLError

from providers.access.facts import Answer, NoAnswer, ProbeResult
from providers.access.immich_answers import is_immichs
from providers.caddy.site import VERDICT_HEADER
from providers.errors import ProviderError
from providers.retry import Overdue, within

TIMEOUT = urllib3.Timeout(connect=5, read=15)
PLAIN_TIMEOUT = urllib3.Timeout(connect=2, read=5)
"""Over http:// silence is as good as a refusal, and many routers let nothing through."""
WHOLE = 30.0
"""Seconds for a request and what is read of its answer."""
_MOST = 64 * 1024


class PublicAddress:
    """The public address of Immich: url https://host[:port]. Redirects are not followed, cookies not kept.

    address: host:port to connect to in place of what DNS says; ca: path of the PEM file of a CA that is trusted in
    place of the system's. Empty texts leave both as usual. path: one of ANSWERS. plain_port: where http:// is asked.

    No answer holds anything of a header. Raises ProviderError for a CA that cannot be read.
    """

    def __init__(self, url: str, address: str, ca: str, path: str, plain_port: int = 80) -> None:
        parts, self._path = urlsplit(url), path
        name = parts.hostname or ""
        host, _, port = (address or f"{name}:{parts.port or 443}").rpartition(":")
        self._pool = urllib3.HTTPSConnectionPool(
            host.strip("[]"), int(port), ssl_context=trusting(ca), server_hostname=name, maxsize=1
        )
        self._plain = urllib3.HTTPConnectionPool(host.strip("[]"), plain_port, maxsize=1)
        self._name = name
        self._headers = {"Host": parts.netloc, "User-Agent": "immich-access-proof", "Accept": "application/json"}

    def ask(self, authorization: str | None) -> ProbeResult:
        """One request as an app with that header, or as a browser with none."""
        own = {"Sec-Fetch-Mode": "navigate"} if authorization is None else {"Authorization": authorization}
        return self._ask(self._pool, own, TIMEOUT)

    def ask_as_app(self) -> ProbeResult:
        """One request as the app makes it that was given no header."""
        return self._ask(self._pool, {"User-Agent": "Dart/3.8 (dart:io)"}, TIMEOUT)

    def ask_plainly(self) -> ProbeResult:
        """One request over http:// as a browser, which goes to Immich without the forward auth where Caddy is so."""
        return self._ask(self._plain, {"Host": self._name, "Sec-Fetch-Mode": "navigate"}, PLAIN_TIMEOUT)

    def _ask(self, pool: urllib3.HTTPConnectionPool, own: Mapping[str, str], timeout: urllib3.Timeout) -> ProbeResult:
        sent = {**self._headers, **own}
        try:
            response, body = within(WHOLE, _get, pool, self._path, sent, timeout)
        except Overdue:
            return NoAnswer("connection", f"{pool.host}:{pool.port} did not finish its answer in time")
        except NameResolutionError:
            return NoAnswer("name", f"{pool.host} has no address", passing=False)
        except SSLError as error:
            untrusted = bool(error.args) and isinstance(error.args[0], ssl.SSLCertVerificationError)
            return NoAnswer("certificate", _reason(error), passing=not untrusted)
        except NewConnectionError as error:
            return NoAnswer("connection", f"{pool.host}:{pool.port} {_why(error)}")
        except (HTTPError, OSError) as error:
            return NoAnswer("connection", f"{pool.host}:{pool.port} gave no answer ({type(error).__name__})")
        except ValueError:  # http.client would not send it: a line break, or letters beyond Latin-1
            return NoAnswer("header", "it cannot be sent as it is", passing=False)
        location, _, query = response.headers.get("Location", "").partition("?")
        return Answer(
            status=response.status,
            immich=response.status == 200 and is_immichs(self._path, body),
            verdict=response.headers.get(VERDICT_HEADER, ""),
            location=location[:200],
            client=parse_qs(query).get("client_id", [""])[0][:200],
        )


def _get(
    pool: urllib3.HTTPConnectionPool, path: str, headers: Mapping[str, str], timeout: urllib3.Timeout
) -> tuple[urllib3.BaseHTTPResponse, bytes]:
    response = pool.request(
        "GET", path, headers=headers, redirect=False, retries=False, timeout=timeout, preload_content=False
    )
    try:
        return response, response.read(_MOST, decode_content=True)
    finally:
        response.close()


def _reason(error: SSLError) -> str:
    inner = error.args[0] if error.args else error
    text = getattr(inner, "verify_message", "") or getattr(inner, "reason", "") or type(inner).__name__
    return str(text).replace("_", " ").lower()


def _why(error: NewConnectionError) -> str:
    return "refuses connections" if isinstance(error.__cause__, ConnectionRefusedError) else "cannot be reached"


def trusting(ca: str) -> ssl.SSLContext:
    """What trusts the CA of that PEM file, or the system's for "". Raises ProviderError where it cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise ProviderError(
            f"cannot prove the access: {ca} is not a readable PEM file of a CA ({type(error).__name__}). "
            "Check immich:probeCa."
        ) from None
