"""The one HTTP session to an Authentik: timeouts, retries, paging, errors.

Retries. A call that cannot do harm twice (GET, PUT, PATCH, DELETE) is sent again after a connection error, a
time-out, 429, 502, 503 or 504; a POST only where the server cannot have acted (no connection, 429), else it raises
AnswerLost and the caller looks. Waits grow with jitter or follow Retry-After; all is over within UNREACHABLE_BOUND
seconds if nothing answers and BUSY_BOUND seconds if something does. Redirects are never followed: a login page is
no API. Cookies are not kept.
"""

import re
import threading
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, Literal

import requests
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from providers.authentik.errors import AnswerLost, AuthentikError, Call, Forbidden, NotFound, Refused

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

TIMEOUT: Final = (5.0, 30.0)
"""Seconds to connect, and between two bytes of an answer."""
UNREACHABLE_BOUND: Final = 15.0
BUSY_BOUND: Final = 60.0
PAGE_SIZE: Final = 100

_LOST_STATUSES = frozenset({502, 503, 504})
_TOKEN_DETAILS = ("Token invalid/expired", "Authentication credentials were not provided.")


class Client:
    """Authentik's API v3 at url with token. Threads may share it."""

    def __init__(self, url: str, token: str) -> None:
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise AuthentikError("AUTHENTIK_TOKEN is no key of a token: it has spaces, line breaks or other letters.")
        self._base, self._token = url.rstrip("/") + "/api/v3", token
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        self._session.headers["Accept"] = "application/json"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get(self, path: str, call: Call) -> dict[str, Any]:
        """One object. Raises NotFound."""
        return self._object("GET", path, call)

    def find(self, path: str, query: Mapping[str, str], call: Call) -> list[dict[str, Any]]:
        """All objects of a list, over its pages, that the server's filter lets through."""
        found: list[dict[str, Any]] = []
        page, following = 0, 1
        while following > page:
            page = following
            asked = {**query, "page_size": str(PAGE_SIZE)} | ({"page": str(page)} if page > 1 else {})
            answer = self._object("GET", path, call, query=asked)
            try:
                found += answer["results"]
                following = int(answer["pagination"]["next"])
            except (KeyError, TypeError, ValueError):
                following = -1
        if following != 0:
            raise AuthentikError(
                f"{_what(call, 'GET', path)} answered something else than the pages of a list. "
                f"Check that authentik:url ({self._where()}) is Authentik itself."
            )
        return found

    def bare_list(self, path: str, call: Call) -> list[Any]:
        """A list that has no pages. Raises NotFound."""
        response = self._send("GET", path, call, None, None)
        answer = _json(response)
        if not isinstance(answer, list):
            raise self._no_authentik(response, "GET", path, call, "a JSON list")
        return answer

    def post(self, path: str, body: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Make an object. Raises Refused, AnswerLost."""
        return self._object("POST", path, call, body=body)

    def put(self, path: str, body: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Write a whole object. Raises NotFound, Refused."""
        return self._object("PUT", path, call, body=body)

    def patch(self, path: str, body: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Write some fields of an object. Raises NotFound, Refused."""
        return self._object("PATCH", path, call, body=body)

    def delete(self, path: str, call: Call) -> None:
        """Delete an object; one that is gone already is fine."""
        try:
            response = self._send("DELETE", path, call, None, None)
        except NotFound:
            return
        if response.status_code != 204:
            raise self._no_authentik(response, "DELETE", path, call, "the answer to it")

    def _object(
        self,
        method: Method,
        path: str,
        call: Call,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        response = self._send(method, path, call, query, body)
        answer = _json(response)
        if not isinstance(answer, dict):
            raise self._no_authentik(response, method, path, call, "a JSON object")
        return answer

    def _no_authentik(
        self, response: requests.Response, method: Method, path: str, call: Call, wanted: str
    ) -> AuthentikError:
        kind = self._clean(response.headers.get("Content-Type", "no content type"))
        return (AnswerLost if method == "POST" else AuthentikError)(
            f"{_what(call, method, path)} answered {response.status_code} with {kind}, which is not {wanted}. "
            f"Check that authentik:url ({self._where()}) is Authentik itself and not a login page in front of it."
        )

    def _send(
        self,
        method: Method,
        path: str,
        call: Call,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> requests.Response:
        retrying = Retrying(retry=retry_if_exception_type(_Transient), wait=_pause, stop=_bound_reached, reraise=True)
        try:
            return retrying(self._once, method, path, call, query, body)
        except _Transient as transient:
            raise transient.error from None

    def _once(
        self,
        method: Method,
        path: str,
        call: Call,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> requests.Response:
        what = _what(call, method, path)
        try:
            response = self._session.request(
                method, self._base + path, params=query, json=body, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.exceptions.SSLError as error:
            raise AuthentikError(
                f"{what}: TLS with {self._where()} failed: {_innermost(error)}. If its certificate comes from your "
                "own CA, name that CA's PEM file in REQUESTS_CA_BUNDLE."
            ) from None
        except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
            raise self._unanswered(what, method, error) from None
        except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema, requests.exceptions.InvalidURL):
            raise AuthentikError(f"{what}: authentik:url ({self._where()}) is no URL of a server.") from None
        except (requests.exceptions.RequestException, ValueError) as error:  # ValueError: a Location that is no URL
            broke_off = f"{what}: the answer broke off ({type(error).__name__}). Run the command again."
            if method == "POST":
                raise AnswerLost(broke_off) from None
            raise _Transient(AuthentikError(broke_off), bound=BUSY_BOUND) from None
        self._judge(response, what, method, call)
        return response

    def _unanswered(self, what: str, method: Method, error: requests.RequestException) -> Exception:
        reason = _innermost(error)
        message = f"{what}: {self._where()} does not answer: {reason}. Check authentik:url and the network."
        reason_inside = error.args[0].reason if error.args and isinstance(error.args[0], MaxRetryError) else None
        never_sent = isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(
            reason_inside, NewConnectionError | NameResolutionError
        )
        if method == "POST" and not never_sent:
            return AnswerLost(message)
        return _Transient(AuthentikError(message), bound=UNREACHABLE_BOUND if never_sent else BUSY_BOUND)

    def _judge(self, response: requests.Response, what: str, method: Method, call: Call) -> None:
        status = response.status_code
        said = self._clean(_said(response))
        if status == 429 or status in _LOST_STATUSES:
            error = AuthentikError(f"{what} answered {status}: {said}. Authentik is busy or down: try again later.")
            if status != 429 and method == "POST":
                raise AnswerLost(str(error))
            raise _Transient(error, bound=BUSY_BOUND, after=_retry_after(response))
        if 300 <= status < 400:
            target = re.split(r"[?#]", response.headers.get("Location", ""))[0]
            place = re.sub(r"//[^/]*@", "//", self._clean(target))
            raise AuthentikError(
                f"{what} answered {status}, a redirect to {place}. "
                "authentik:url must be Authentik's own address, with https if it has it and no login page in front."
            )
        if status == 403:
            remedy = (
                "Check AUTHENTIK_TOKEN: it must be the key of a token with intent API that has not expired"
                if said in _TOKEN_DETAILS
                else f"The token's user needs the right {call.right}"
            )
            raise Forbidden(f"{what} answered 403: {said.rstrip('.')}. {remedy}.")
        if status == 404:
            raise NotFound(f"{what} answered 404: {said}")
        if status == 400:
            raise Refused(f"{what} answered 400: {said}", _reasons(_json(response)))
        if not 200 <= status < 300:
            raise AuthentikError(f"{what} answered {status}: {said}. Look into Authentik's own log.")

    def _clean(self, text: str) -> str:
        """What a server said, without our token even where it says that."""
        return _printable(text.replace(self._token, "…"))

    def _where(self) -> str:
        return _printable(self._base.removesuffix("/api/v3"))


_clients: dict[tuple[str, str], Client] = {}
_clients_lock = threading.Lock()


def shared_client(url: str, token: str) -> Client:
    """The one client of this process for url and token: the kinds' providers share it."""
    with _clients_lock:
        if (url, token) not in _clients:
            _clients[(url, token)] = Client(url, token)
        return _clients[(url, token)]


class _Bearer(AuthBase):
    """Sets the token itself, so that no .netrc entry takes its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Transient(Exception):
    def __init__(self, error: AuthentikError, *, bound: float, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error, self.bound, self.after = error, bound, after


_growing = wait_exponential_jitter(multiplier=0.2, max=8, jitter=0.3)


def _pause(state: RetryCallState) -> float:
    transient = state.outcome.exception() if state.outcome else None
    if isinstance(transient, _Transient) and transient.after is not None:
        return max(transient.after, _growing(state))
    return _growing(state)


def _bound_reached(state: RetryCallState) -> bool:
    transient = state.outcome.exception() if state.outcome else None
    bound = transient.bound if isinstance(transient, _Transient) else 0.0
    return (state.seconds_since_start or 0.0) + state.upcoming_sleep > bound


def _what(call: Call, method: Method, path: str) -> str:
    return f"cannot {call.doing}: {method} {path}"


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.exceptions.JSONDecodeError:
        return None


def _said(response: requests.Response) -> str:
    """What the server said, short and on one line: its reasons, or the kind of the answer, never a body."""
    answer = _json(response)
    if answer is None:
        return response.headers.get("Content-Type") or "an empty answer"
    return "; ".join(f"{name}: {reason}" if name else reason for name, reason in _reasons(answer).items())


def _reasons(answer: Any) -> dict[str, str]:
    if not isinstance(answer, dict):
        return {}
    reasons = {}
    for name, value in answer.items():
        text = value if isinstance(value, str) else " ".join(map(str, value)) if isinstance(value, list) else "refused"
        key = "" if name in ("detail", "non_field_errors") else _printable(str(name))
        reasons[key] = _printable(text)
    return reasons


def _printable(text: str) -> str:
    return re.sub(r"[^\x20-\x7e\xa0-\u024f\u2010-\u201d]", " ", text)[:300]


def _innermost(error: BaseException) -> str:
    """The reason at the bottom of a pile of exceptions, without addresses of objects in memory."""
    inner: Any = error
    while inner.args and isinstance(inner.args[0], BaseException):
        inner = inner.args[0]
    reason = getattr(inner, "reason", None)
    text = str(reason if reason is not None else inner.args[-1] if inner.args else inner)
    return _printable(re.sub(r"<[^>]*>(?::\s*)?|\w+\(host=.*?\): ", "", text)).strip() or type(error).__name__


def _retry_after(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
