"""The one HTTP session to an Authentik: timeouts, retries, paging, errors.

Retries. A call that cannot do harm twice (GET, PUT, PATCH, DELETE) is sent again after a connection error, a
time-out, 429, 502, 503 or 504, a GET after 500 as well; a POST only where the server cannot have acted (no connection,
429), else it raises AnswerLost and the caller looks. A call sent `once` raises AnswerLost at any of them: what it
writes goes stale. Waits grow with jitter or follow Retry-After, within the bounds of providers.retry. Redirects are
never followed: a login page is no API, and the token goes to authentik:url only. Cookies are not kept. Every answer is
bounded in bytes and time, and a list in pages, bytes and time. The token is masked in every message.

The HTTP library is loaded with the first client: a preview calls nothing, and would wait for it in two processes.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final, Literal

from providers.authentik.api.answers import innermost, printable, reasons, said, superusers_right
from providers.authentik.api.errors import AnswerLost, AuthentikError, Call, Forbidden, NotFound, Refused
from providers.authentik.api.versions import untried
from providers.console import warn
from providers.masking import conceal
from providers.retry import (
    LISTING,
    RETRIED_STATUSES,
    SETTING,
    WHOLE,
    Overdue,
    RetryPolicy,
    Transient,
    never_sent,
    retry_after,
)

if TYPE_CHECKING:
    import requests

    from providers.exchange import Answer

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

PAGE_SIZE: Final = 100
PAGES: Final = 1000
"""Pages at most of a list."""

_TOKEN_DETAILS = ("Token invalid/expired", "Authentication credentials were not provided.")


class Client:
    """Authentik's API v3 at url with token. Threads may share it."""

    def __init__(self, url: str, token: str, policy: RetryPolicy | None = None) -> None:
        self.policy = policy or RetryPolicy()
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise AuthentikError(
                "AUTHENTIK_TOKEN is not a valid token: it contains spaces, line breaks or non-ASCII characters."
            )
        from providers.exchange import Session

        conceal(token)
        self._base = url.rstrip("/") + "/api/v3"
        self._session = Session()
        self._session.auth = _Bearer(token)
        self._session.headers["Accept"] = "application/json"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._version_asked = threading.Lock()
        self.blind_to_tokens = False
        """Whether it was found out that the token does not see the tokens of others; saves asking again."""

    def get(self, path: str, call: Call) -> dict[str, Any]:
        """One object. Raises NotFound."""
        return self._object("GET", path, call)

    def find(self, path: str, query: Mapping[str, str], call: Call) -> list[dict[str, Any]]:
        """All objects of a list, over its pages, that the server's filter lets through."""
        from providers.exchange import MOST

        what, check = _what(call, "GET", path), f"Check that authentik:url ({self._where()}) is Authentik itself."
        found: list[dict[str, Any]] = []
        began, size = time.monotonic(), 0
        for page in range(1, PAGES + 1):
            asked = {**query, "page_size": str(PAGE_SIZE)} | ({"page": str(page)} if page > 1 else {})
            answer = self._send("GET", path, call, asked, None)
            match answer.json:
                case None | list():
                    raise self._no_authentik(answer, "GET", path, call, "a JSON object")
                case {"results": [*results], "pagination": {"next": following}} if all(
                    isinstance(each, dict) for each in results
                ) and following in (0, page + 1):
                    found += results
                case _:
                    raise AuthentikError(f"{what} answered something other than page {page} of a list. {check}")
            if following == 0:
                return found
            size += len(answer.content)
            if size > MOST:
                raise AuthentikError(f"{what} answered more than {MOST >> 20} MiB. {check}")
            if time.monotonic() - began > (bound := self.policy.scaled(LISTING)):
                raise AuthentikError(
                    f"{what} did not come to the end of the list within {bound:.0f} seconds. {check} "
                    f"If it is, and slow, raise {SETTING}."
                )
        raise AuthentikError(f"{what} answered more than {PAGES} pages. {check}")

    def bare_list(self, path: str, call: Call) -> list[Any]:
        """A list that has no pages. Raises NotFound."""
        answer = self._send("GET", path, call, None, None)
        if not isinstance(answer.json, list):
            raise self._no_authentik(answer, "GET", path, call, "a JSON list")
        return answer.json

    def post(self, path: str, body: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Make an object. Raises Refused, AnswerLost."""
        return self._object("POST", path, call, body=body)

    def put(self, path: str, body: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Write a whole object. Raises NotFound, Refused."""
        return self._object("PUT", path, call, body=body)

    def patch(self, path: str, body: Mapping[str, Any], call: Call, *, once: bool = False) -> dict[str, Any]:
        """Write some fields of an object. once: never sent again, for it goes stale. Raises NotFound, Refused."""
        return self._object("PATCH", path, call, body=body, once=once)

    def delete(self, path: str, call: Call) -> None:
        """Delete an object. Raises NotFound."""
        answer = self._send("DELETE", path, call, None, None)
        if answer.status != 204:
            raise self._no_authentik(answer, "DELETE", path, call, "the answer to it")

    def check_visibility(self, path: str, call: Call) -> None:
        """Raise Forbidden where our token may not see a list: whatever is in it seems gone."""
        self.get(f"{path}?page_size=1", call)

    def warn_of_version(self) -> None:
        """Say once if Authentik's version is none that this is made for.

        It is asked once.
        """
        if not self._version_asked.acquire(blocking=False):
            return
        version = self.version()
        if version and (warning := untried(version, self._where())):
            warn(warning)

    def version(self) -> str:
        """Authentik's version. It is asked for once; a server that does not tell it is no failure: ""."""
        try:
            answer = self._once("GET", "/admin/version/", Call("read Authentik's version", ""), None, None).json
        except (AuthentikError, Transient):
            return ""
        told = answer.get("version_current") if isinstance(answer, dict) else None
        return printable(told) if isinstance(told, str) else ""

    def _object(
        self,
        method: Method,
        path: str,
        call: Call,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        once: bool = False,
    ) -> dict[str, Any]:
        answer = self._send(method, path, call, query, body, once=once)
        if not isinstance(answer.json, dict):
            raise self._no_authentik(answer, method, path, call, "a JSON object")
        return answer.json

    def _no_authentik(self, answer: Answer, method: Method, path: str, call: Call, wanted: str) -> AuthentikError:
        kind = printable(answer.headers.get("Content-Type", "no content type"))
        return (AnswerLost if method == "POST" else AuthentikError)(
            f"{_what(call, method, path)} answered {answer.status} with {kind}, which is not {wanted}. "
            f"Check that authentik:url ({self._where()}) is Authentik itself and not a login page in front of it."
        )

    def _send(
        self,
        method: Method,
        path: str,
        call: Call,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        *,
        once: bool = False,
    ) -> Answer:
        if not once:
            return self.policy.call(self._once, method, path, call, query, body)
        try:
            return self._once(method, path, call, query, body)
        except Transient as transient:
            raise AnswerLost(str(transient.reason)) from None

    def _once(
        self,
        method: Method,
        path: str,
        call: Call,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> Answer:
        import requests

        from providers.exchange import MOST, TooLong, exchange

        what = _what(call, method, path)
        try:
            answer = exchange(self._session, method, self._base + path, self.policy, params=query, json=body)
        except Overdue:
            bound = self.policy.scaled(WHOLE)
            overdue = (
                f"{what}: {self._where()} did not finish its answer within {bound:.0f} seconds. Check authentik:url "
                f"and the network; for a slow server raise {SETTING}."
            )
            raise AnswerLost(overdue) if method == "POST" else Transient(AuthentikError(overdue)) from None
        except TooLong:
            raise (AnswerLost if method == "POST" else AuthentikError)(
                f"{what} answered more than {MOST >> 20} MiB. Check that authentik:url ({self._where()}) is Authentik "
                "itself."
            ) from None
        except requests.exceptions.SSLError as error:
            raise AuthentikError(
                f"{what}: TLS with {self._where()} failed: {innermost(error)}. Check the scheme and the port in "
                "authentik:url. If its certificate comes from your own CA, name that CA's PEM file in "
                "REQUESTS_CA_BUNDLE."
            ) from None
        except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
            raise self._unanswered(what, method, error) from None
        except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema, requests.exceptions.InvalidURL):
            raise AuthentikError(f"{what}: authentik:url ({self._where()}) is not the URL of a server.") from None
        except requests.exceptions.RequestException as error:
            broke_off = f"{what}: the answer broke off ({type(error).__name__}). Run the command again."
            if method == "POST":
                raise AnswerLost(broke_off) from None
            raise Transient(AuthentikError(broke_off)) from None
        self._judge(answer, method, path, call)
        return answer

    def _unanswered(self, what: str, method: Method, error: requests.RequestException) -> Exception:
        reason = innermost(error)
        message = f"{what}: {self._where()} does not answer: {reason}. Check authentik:url and the network."
        if method == "GET":
            message += (
                " Where authentik:url was changed, run `pulumi up` once without --refresh: a refresh asks the former."
            )
        reached = not never_sent(error)
        if method == "POST" and reached:
            return AnswerLost(message)
        return Transient(AuthentikError(message), reached=reached)

    def _judge(self, answer: Answer, method: Method, path: str, call: Call) -> None:
        status, what, words = answer.status, _what(call, method, path), said(answer)
        # A worker that is recycled, or lost its database for a moment, says 500, and in plain text: Authentik itself
        # does so on a read, and on a write its page for errors answers 405.
        recycled = answer.headers.get("Content-Type", "").startswith("text/plain")
        if status in RETRIED_STATUSES or (status == 500 and (recycled or method in ("GET", "DELETE"))):
            error = AuthentikError(f"{what} answered {status}: {words}. Authentik is busy or down: try again later.")
            if status != 429 and method == "POST":
                raise AnswerLost(str(error))
            raise Transient(error, after=retry_after(answer.headers))
        if 300 <= status < 400:
            target = re.split(r"[?#]", answer.headers.get("Location", ""))[0]
            place = re.sub(r"//[^/]*@", "//", printable(target))
            raise AuthentikError(
                f"{what} answered {status}, a redirect to {place}. "
                "authentik:url must be Authentik's own address, with https if it has it and no login page in front."
            )
        if status == 403:
            remedy = (
                "Check AUTHENTIK_TOKEN: it must be the key of a token with intent API that has not expired"
                if words in _TOKEN_DETAILS
                else f"The token's user needs the right {call.right}"
            )
            raise Forbidden(f"{what} answered 403: {words.rstrip('.')}. {remedy}.")
        if status == 404 and not isinstance(answer.json, dict):
            raise self._no_authentik(answer, method, path, call, "an answer of its API")
        if status == 404:
            raise NotFound(f"{what} answered 404: {words}")
        if status == 400 and self._base.startswith("http:") and b"HTTPS" in answer.content[:500]:  # Go's servers, nginx
            raise AuthentikError(
                f"{what} answered 400: that port speaks HTTPS. authentik:url ({self._where()}) must begin with https://."
            )
        if status == 400 and answer.content and answer.json is None:
            raise self._no_authentik(answer, method, path, call, "an answer of its API")
        if status == 400:
            raise Refused(f"{what} answered 400: {words}{superusers_right(words)}", reasons(answer.json))
        if status == 405 and not answer.content:
            # Its page for errors takes no writes: so answers every exception of the server's on one.
            failed = Refused(f"{what} answered 405 without a word: the server failed on it. Look into its log.", {})
            # An account that logs in meanwhile gets a token, which the database does not let the account go without.
            raise Transient(failed) if method == "DELETE" else failed
        if not 200 <= status < 300:
            raise AuthentikError(f"{what} answered {status}: {words}. Look into Authentik's own log.")

    def _where(self) -> str:
        return printable(re.sub(r"//[^/]*@", "//", self._base.removesuffix("/api/v3")))


_clients: dict[tuple[str, str], Client] = {}
_clients_lock = threading.Lock()


def shared_client(url: str, token: str, policy: RetryPolicy | None = None) -> Client:
    """The one client of this process for url and token: the kinds' providers share it."""
    with _clients_lock:
        if (url, token) not in _clients:
            _clients[(url, token)] = Client(url, token, policy)
        return _clients[(url, token)]


class _Bearer:
    """Sets the token itself, so that no .netrc entry takes its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _what(call: Call, method: Method, path: str) -> str:
    return f"cannot {call.doing}: {method} {path}"
