"""The recording played against the stand-in, exchange by exchange, over real HTTP."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests

from lab.authentik import StandIn
from tests.contract.likeness import INT_IDS, UUID, Ids, Unlike, compare, compare_headers

RECORDING = Path(__file__).parent / "recordings" / "2026.8.0-rc1.jsonl"
EXCHANGES: list[dict[str, Any]] = [json.loads(line) for line in RECORDING.read_text().splitlines()]
OUTPOST = "forward auth: "
LIMITED = "limited: "
NO_RIGHTS = "limited: no rights"
TIMEOUT = 10
CACHE_SECONDS = 1.0

# The rights of the recorded role: what the reference stack takes, without view_user_applications.
LIMITED_RIGHTS = [
    *(f"authentik_core.{verb}_{name}" for verb in ("add", "delete", "view")
      for name in ("user", "group", "application")),
    "authentik_core.add_token", "authentik_core.set_token_key",
    *(f"authentik_providers_proxy.{verb}_proxyprovider" for verb in ("add", "delete", "view")),
    *(f"authentik_policies.{verb}_policybinding" for verb in ("add", "delete", "view")),
    "authentik_outposts.view_outpost", "authentik_outposts.change_outpost", "authentik_flows.view_flow",
]  # fmt: skip
INT_PATHS = (
    (r"(?<=core/users/)(\d+)", "user"),
    (r"(?<=user=)(\d+)", "user"),
    (r"(?<=providers/proxy/)(\d+)", "provider"),
    (r"(?<=providers/oauth2/)(\d+)", "provider"),
)
# ids that the recording names before it shows them: the two scopes every proxy provider gets
UNSEEN_SCOPES = {
    "ece3ad6f-648b-4768-a4c7-c6fd909b11c5": "ak_proxy",
    "36dd3b72-29b9-4fd7-86d6-7bf1c07d951f": "entitlements",
}
# what existed on that server before the recording began
LIMITED_USER, LIMITED_GROUP = 11, "cf0638aa-d828-43db-99c8-228d7cde8027"


@dataclass
class Outcome:
    """What the stand-in answered to one exchange, or why it could not be asked."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    unlike: Unlike | None = None


class Replay:
    def __init__(self, server: StandIn) -> None:
        self.server = server
        self.ids = Ids()
        self._limited_token = ""
        self._role = ""
        self._reloaded = False
        self._prepare()

    def api(self, method: str, path: str, token: str | None = None, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.server.token}"}
        return requests.request(method, f"{self.server.api}{path}", headers=headers, timeout=TIMEOUT, **more)

    def _made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        made = self.api("POST", path, json=body)
        made.raise_for_status()
        answer: dict[str, Any] = made.json()
        return answer

    def _prepare(self) -> None:
        """What the recorded server held already: a logged-in administrator, and lab-app with its provider."""
        for recorded, scope in UNSEEN_SCOPES.items():
            found = self.api("GET", f"/propertymappings/provider/scope/?scope_name={scope}").json()["results"]
            self.ids.learn(recorded, found[0]["pk"])
        self.ids.learn("http://127.0.0.1:9000", "http://localhost")
        flow = f"{self.server.url}/if/flow/default-authentication-flow/"
        login = {"username": "akadmin", "password": self.server.password}
        assert requests.post(flow, data=login, allow_redirects=False, timeout=TIMEOUT).status_code == 302
        flows = {row["slug"]: row["pk"] for row in self.api("GET", "/flows/instances/").json()["results"]}
        provider = self._made("/providers/proxy/", {
            "name": "lab-proxy", "mode": "forward_single", "external_host": "http://lab.example.invalid",
            "authorization_flow": flows["default-provider-authorization-implicit-consent"],
            "invalidation_flow": flows["default-provider-invalidation-flow"],
        })  # fmt: skip
        self._made("/core/applications/", {"name": "lab-app", "slug": "lab-app", "provider": provider["pk"]})

    def _prepare_limited(self) -> None:
        """The account of the `limited:` cases: its group's role holds its rights, none at first."""
        role = self._made("/rbac/roles/", {"name": "pulumi-481051"})
        group = self._made("/core/groups/", {"name": "pulumi-481051", "roles": [role["pk"]]})
        account = {"username": "pulumi-481051", "name": "op", "type": "service_account", "groups": [group["pk"]]}
        user = self._made("/core/users/", account)
        token = {"identifier": "pulumi-481051", "user": user["pk"], "intent": "api", "expiring": False}
        self._made("/core/tokens/", token)
        self._limited_token = self.api("GET", "/core/tokens/pulumi-481051/view_key/").json()["key"]
        self._role = role["pk"]
        self.ids.learn(LIMITED_USER, user["pk"], "user")
        self.ids.learn(LIMITED_GROUP, group["pk"])

    def play(self, exchange: dict[str, Any]) -> Outcome:
        """Ask as the recording asked, and hold the answer to what it answered."""
        case = exchange["case"]
        self._before(case)
        outcome = self._ask_outpost(exchange) if case.startswith(OUTPOST) else self._ask_api(exchange)
        try:
            self._check(exchange, outcome)
        except Unlike as unlike:
            outcome.unlike = unlike
        return outcome

    def _before(self, case: str) -> None:
        if case.startswith(LIMITED) and not self._limited_token:
            self._prepare_limited()
        if case.startswith(LIMITED) and not case.startswith(NO_RIGHTS) and self._role:
            path = f"/rbac/permissions/assigned_by_roles/{self._role}/assign/"
            self.api("POST", path, json={"permissions": LIMITED_RIGHTS}).raise_for_status()
            self._role = ""
        if case == "forward auth: good Basic again (cached)":
            # the recorded outpost reloaded once more in between: its answer sets a new session and token
            (outpost,) = self.api("GET", "/outposts/instances/?managed__icontains=embedded").json()["results"]
            self.api("PATCH", f"/outposts/instances/{outpost['pk']}/", json={"providers": outpost["providers"]})
        if case == "forward auth: deactivated user, after the cache":
            time.sleep(CACHE_SECONDS + 0.1)

    def _ask_api(self, exchange: dict[str, Any]) -> Outcome:
        case, body = exchange["case"], exchange["request"]
        headers = {"Authorization": f"Bearer {self.server.token}"}
        if case == "no token":
            headers = {}
        elif case == "wrong token":
            headers = {"Authorization": "Bearer wrong"}
        elif case.startswith(LIMITED):
            headers = {"Authorization": f"Bearer {self._limited_token}"}
        answer = requests.request(
            exchange["method"], f"{self.server.api}{self._path(exchange['path'])}", headers=headers,
            json=None if body is None else self._body(body), timeout=TIMEOUT,
        )  # fmt: skip
        return Outcome(answer.status_code, answer.json() if answer.content else None)

    def _ask_outpost(self, exchange: dict[str, Any]) -> Outcome:
        # the recorded user agent was the phone's; requests would add Accept headers of its own
        answer = requests.request(
            exchange["method"], f"{self.server.url}{exchange['path']}", headers=exchange["request_headers"],
            allow_redirects=False, timeout=TIMEOUT,
        )  # fmt: skip
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
        if isinstance(recorded, int) and not isinstance(recorded, bool) and name in INT_IDS:
            return self.ids.actual(recorded, INT_IDS[name])
        return self.ids.actual(recorded) if isinstance(recorded, str) else recorded

    def _check(self, exchange: dict[str, Any], outcome: Outcome) -> None:
        if outcome.status != exchange["status"]:
            raise Unlike(f"status {exchange['status']} recorded, {outcome.status} actual: {outcome.body}")
        if exchange["case"].startswith(OUTPOST):
            compare_headers(self.ids, exchange["response_headers"], outcome.headers)
            _compare_pages(exchange["response"], outcome.body)
        else:
            compare(self.ids, exchange["response"], outcome.body)


def _compare_pages(recorded: str, actual: str) -> None:
    """A link, an HTML page of authentik's, or nothing: pages were recorded cut, and are not copied."""
    start = recorded.strip()[:9]
    if bool(recorded) != bool(actual) or not actual.strip().startswith(start):
        raise Unlike(f"page: {recorded[:60]!r} recorded, {actual[:60]!r} actual")
    if "<!DOCTYPE" in recorded and not re.search(r"<title>\s*authentik\s*</title>", actual):
        raise Unlike("page: no title 'authentik'")
