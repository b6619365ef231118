"""A recording played against the stand-in that acts as its version, exchange by exchange, over real HTTP."""

from __future__ import annotations

import base64
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests

from lab.authentik import StandIn
from lab.authentik.clock import now, stamp
from tests.contract.api import Api
from tests.contract.between import EXPIRES_IN, STEPS
from tests.contract.likeness import INT_IDS, UUID, Ids, Unlike, compare, compare_headers, compare_pages

Exchange = dict[str, Any]
RECORDINGS = Path(__file__).with_name("recordings")
VERSIONS = tuple(sorted(path.stem for path in RECORDINGS.glob("*.jsonl")))
OUTPOST = "forward auth: "
LIMITED = "limited: "
TOKEN_ENDPOINT = "/application/o/token/"
TIMEOUT = 10
SENT_IDS = INT_IDS | {"pk": "user"}
INT_PATHS = (
    (r"(?<=core/users/)(\d+)", "user"),
    (r"(?<=user=)(\d+)", "user"),
    (r"(?<=providers/proxy/)(\d+)", "provider"),
    (r"(?<=providers/oauth2/)(\d+)", "provider"),
    (r"(?<=providers=)(\d+)", "provider"),
)
SENT_TOKENS = {
    "service account's own api token: me": "rec3-api-renamed",
    "app password used as api token": "rec3-app",
    "api token of a deactivated user": "rec3-api-renamed",
}
"""The identifier of the token that was sent, where it was not the administrator's."""


@dataclass(frozen=True)
class Before:
    """What a recorded server was before its recording began."""

    own_url: str
    public_url: str
    operator: str
    operator_pk: int
    lived: bool = False  # somebody had logged in, and made lab-app with its provider
    reloads: bool = False


BEFORE = {
    "2025.8.1": Before("http://127.0.0.1:9100", "http://127.0.0.1:9100", "pulumi-757566", 12),
    "2026.5.0-rc1": Before("http://127.0.0.1:9600", "http://localhost", "pulumi-760703", 9),
    "2026.8.0-rc1": Before("http://127.0.0.1:9000", "http://localhost", "pulumi-481051", 11, lived=True, reloads=True),
}


@cache
def exchanges(version: str) -> tuple[Exchange, ...]:
    """The recording of a version, in order; line n is the one before index n."""
    return tuple(json.loads(line) for line in (RECORDINGS / f"{version}.jsonl").read_text().splitlines())


@cache
def by_case(version: str) -> dict[str, Exchange]:
    """The exchanges whose case stands for one alone."""
    times = Counter(exchange["case"] for exchange in exchanges(version))
    return {each["case"]: each for each in exchanges(version) if times[each["case"]] == 1}


@dataclass
class Outcome:
    """What the stand-in answered to one exchange, and in what that is unlike the recording."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    unlike: Unlike | None = None


class Replay:
    """One recording and the server that it is played against; an answer depends on those before it."""

    def __init__(self, server: StandIn) -> None:
        self.server: StandIn = server
        self.api, self.ids = Api(server), Ids()
        self.before = BEFORE[server.settings.version]
        self._new = server.snapshot()
        self._asked = _session()
        self._browser = requests.Session()
        self._cookies: dict[str, str] = {}
        self._access_token = ""
        self._skipped = 0.0
        self._steps = dict(STEPS)
        self.ids.learn(self.before.own_url, self.before.public_url)
        self._prepare()

    def recorded(self, case: str) -> Exchange:
        return by_case(self.server.settings.version)[case]

    def later(self, seconds: float) -> None:
        """Let time pass for the outpost."""
        self._skipped += seconds
        self.server.authentik.outpost.clock = lambda: time.monotonic() + self._skipped

    def start_again(self) -> None:
        """A new server, and none of the ids of the former."""
        self.server.restore(self._new)
        self.ids = Ids()

    def _prepare(self) -> None:
        (admin,) = self.api.rows("/core/users/?username=akadmin")
        email = self.recorded("who am I")["response"]["user"]["email"]
        self.api.change(f"/core/users/{admin['pk']}/", email=email)
        if self.before.lived:
            flow = f"{self.server.url}/if/flow/default-authentication-flow/"
            login = {"username": "akadmin", "password": self.server.password}
            assert requests.post(flow, data=login, allow_redirects=False, timeout=TIMEOUT).status_code == 302
            body = self.api.proxy_body("http://lab.example.invalid", name="lab-proxy")
            provider = self.api.make("/providers/proxy/", **body)
            self.api.make("/core/applications/", name="lab-app", slug="lab-app", provider=provider["pk"])

    def play(self, exchange: Exchange) -> Outcome:
        """Ask as the recording asked, and hold the answer to what it answered."""
        step = self._steps.pop(exchange["case"], None)
        if step:
            step(self)
        outcome = self._ask_outpost(exchange) if exchange["case"].startswith(OUTPOST) else self._ask_api(exchange)
        try:
            self._check(exchange, outcome)
        except Unlike as unlike:
            outcome.unlike = unlike
        return outcome

    def _ask_api(self, exchange: Exchange) -> Outcome:
        case, path, sent = exchange["case"], self._path(exchange["path"]), self._body(exchange["request"])
        if case in EXPIRES_IN:
            sent["expires"] = stamp(now() + timedelta(seconds=EXPIRES_IN[case]))
        public = path.startswith("/application/")
        asked = self._asked
        headers = {"Authorization": f"Bearer {self._token(case)}"}
        if case.startswith(("flow login", "flow executor")):
            if case.endswith(": start") or case.startswith("flow executor"):
                self._browser = requests.Session()
            asked, headers = self._browser, {}
        elif case == "no token":
            headers = {}
        answer = asked.request(
            exchange["method"], f"{self.server.url if public else self.server.api}{path}", headers=headers,
            data=sent if public else None, json=None if public else sent, timeout=TIMEOUT,
        )  # fmt: skip
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        body: Any = answer.json() if is_json else answer.text or None
        if path == TOKEN_ENDPOINT and answer.ok:
            self._access_token = body["access_token"]
        return Outcome(answer.status_code, body)

    def _token(self, case: str) -> str:
        if case == "wrong token":
            return "wrong"
        identifier = self.before.operator if case.startswith(LIMITED) else SENT_TOKENS.get(case)
        token = self.server.authentik.store.one("token", identifier=identifier) if identifier else None
        return str(token["key"]) if token else self.server.token

    def _ask_outpost(self, exchange: Exchange) -> Outcome:
        # a space at the start of a value is not sent by requests, and taken away by every server
        headers = {name: value.strip() for name, value in exchange["request_headers"].items()}
        if "Cookie" in headers:
            name, _, value = headers["Cookie"].partition("=")
            known = self._cookies.get(headers["Cookie"])
            headers["Cookie"] = known or f"{self._cookies.get(name, name)}={value}"
        if "with an access token" in exchange["case"]:  # which was recorded cut
            scheme, basic = headers["Authorization"].split()[0], f"goauthentik.io/token:{self._access_token}"
            sent = self._access_token if scheme == "Bearer" else base64.b64encode(basic.encode()).decode()
            headers["Authorization"] = f"{scheme} {sent}"
        if "seconds" in exchange:  # the later cases were asked by a client that unzips nothing
            headers["Accept-Encoding"] = "identity"
        answer = self._asked.request(
            exchange["method"], f"{self.server.url}{exchange['path']}", headers=headers, allow_redirects=False,
            timeout=TIMEOUT,
        )  # fmt: skip
        recorded, actual = (
            told.get("Set-Cookie", "").partition(";")[0] for told in (exchange["response_headers"], answer.headers)
        )
        if recorded and actual:
            self._cookies[recorded] = actual
            self._cookies[recorded.partition("=")[0]] = actual.partition("=")[0]
        return Outcome(answer.status_code, answer.text, dict(answer.headers))

    def _path(self, recorded: str) -> str:
        path = UUID.sub(lambda found: str(self.ids.actual(found[0])), recorded)
        for pattern, space in INT_PATHS:
            path = re.sub(pattern, partial(self._int, space), path)
        return path

    def _int(self, space: str, found: re.Match[str]) -> str:
        return str(self.ids.actual(int(found[0]), space))

    def _body(self, recorded: Any, name: str = "") -> Any:
        if isinstance(recorded, dict):
            return {key: self._body(value, key) for key, value in recorded.items()}
        if isinstance(recorded, list):
            return [self._body(value, name) for value in recorded]
        if isinstance(recorded, int) and not isinstance(recorded, bool) and name in SENT_IDS:
            return self.ids.actual(recorded, SENT_IDS[name])
        return self.ids.actual(recorded) if isinstance(recorded, str) else recorded

    def _check(self, exchange: Exchange, outcome: Outcome) -> None:
        if outcome.status != exchange["status"]:
            raise Unlike(f"status {exchange['status']} recorded, {outcome.status} actual: {outcome.body}")
        if exchange["case"].startswith(OUTPOST):
            compare_headers(self.ids, exchange["response_headers"], outcome.headers)
            compare_pages(exchange["response"], outcome.body)
        else:
            compare(self.ids, exchange["response"], outcome.body)


def _session() -> requests.Session:
    """A connection that is kept, without what would be sent with it."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for name in ("Accept", "User-Agent"):
        session.headers.pop(name)
    return session
