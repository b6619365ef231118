"""A person at Authentik: logs in and goes where it leads, without a browser, by the API that its login page uses."""

from collections.abc import Mapping
from http.cookies import SimpleCookie
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests

from lab.authentik_admin import Admin
from lab.web import Web

LOGIN_FLOW = "default-authentication-flow"
PASSWORD = "a-long-enough-pass-phrase-of-the-lab"  # noqa: S105  # of an account that lives as long as a test
_STEPS = 12


BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


class Lost(Exception):
    """The way led nowhere."""


def as_the_app_reads(url: str) -> str:
    """Where a login led to, as Immich's app hands it on (mobile/lib/services/oauth.service.dart).

    Authentik puts the address together with urlunsplit, which takes an empty authority out of it.
    """
    return url.replace("app.immich:/oauth-callback", "app.immich:///oauth-callback")


class Person:
    """An account of its own in Authentik, in a group, for as long as the with block runs."""

    def __init__(self, admin: Admin, authentik_url: str, username: str, group: str) -> None:
        self.username, self.password = username, PASSWORD
        self.email = f"{username}@lab.test"
        self._admin, self._url, self._group = admin, authentik_url, group
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        self._admin.remove_user(self.username)
        body = {"username": self.username, "name": self.username.title(), "email": self.email}
        made = self._admin.call("POST", "/core/users/", {**body, "groups": [self._group] if self._group else []})
        self._admin.call("POST", f"/core/users/{made['pk']}/set_password/", {"password": self.password})
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._session.close()
        self._admin.remove_user(self.username)

    def log_in(self) -> None:
        """Answer the challenges of the login flow. Raises Lost where there is one that only a browser can answer."""
        answers = {
            "ak-stage-identification": {"uid_field": self.username, "password": self.password},
            "ak-stage-password": {"password": self.password},
        }
        challenge = self._flow(LOGIN_FLOW, "")
        for _ in range(_STEPS):
            component = str(challenge.get("component"))
            if component == "xak-flow-redirect":
                return
            if component not in answers or challenge.get("response_errors"):
                raise Lost(f"the login flow stops at {component}: {challenge.get('response_errors') or 'unknown'}")
            challenge = self._flow(LOGIN_FLOW, "", {"component": component, **answers[component]})
        raise Lost("the login flow does not end")

    def follow(self, url: str) -> str:
        """Where a URL of Authentik's leads to at last: an address outside of it, such as an app's.

        Raises Lost where it ends at Authentik, as for somebody who may not enter.
        """
        for _ in range(_STEPS):
            parts = urlsplit(url)
            if parts.netloc != urlsplit(self._url).netloc:
                return url
            if parts.path.startswith("/if/flow/"):
                challenge = self._flow(parts.path.split("/")[3], parts.query)
                if challenge.get("component") != "xak-flow-redirect":
                    raise Lost(f"{parts.path} stops at {challenge.get('component')}")
                url = urljoin(url, str(challenge["to"]))
                continue
            answer = self._session.get(url, allow_redirects=False, timeout=30)
            if not answer.is_redirect and "Location" not in answer.headers:
                raise Lost(f"{parts.path} answered {answer.status_code}")
            url = urljoin(url, answer.headers["Location"])
        raise Lost("too many redirects")

    def enter(self, web: Web) -> dict[str, str]:
        """Log in by the way that Immich's site sends a browser; the answer is the cookie that lets in from then on."""
        self.log_in()
        cookies: dict[str, str] = {}
        path = "/"
        for _ in range(_STEPS):
            answer = web.get(path, BROWSER | _cookie(cookies))
            for each in answer.headers.getlist("Set-Cookie"):
                cookies |= {name: morsel.value for name, morsel in SimpleCookie(each).items()}
            if answer.status != 302:
                return BROWSER | _cookie(cookies)
            to = urlsplit(self.follow(urljoin(f"https://{web.host}/", answer.headers["Location"])))
            path = urlunsplit(("", "", to.path, to.query, ""))
        raise Lost("too many redirects")

    def _flow(self, slug: str, query: str, told: dict[str, str] | None = None) -> dict[str, Any]:
        """The challenge of a flow, or the next one after an answer."""
        url = f"{self._url}/api/v3/flows/executor/{slug}/"
        answer = self._session.request(
            "POST" if told else "GET", url, params={"query": query}, json=told, timeout=30, allow_redirects=False
        )
        if answer.status_code == 302:
            return self._flow(slug, query)
        answer.raise_for_status()
        challenge: dict[str, Any] = answer.json()
        return challenge


def _cookie(cookies: Mapping[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
