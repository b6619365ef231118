"""Short words for the tests: ask the stand-in's API, and knock at its outpost."""

from __future__ import annotations

import base64
import itertools
from dataclasses import dataclass
from typing import Any

import requests

from lab.authentik import StandIn

TIMEOUT = 10
_numbers = itertools.count(1)


def fresh(prefix: str) -> str:
    """A name that no other test took; later ones are sorted after earlier ones."""
    return f"{prefix}-{next(_numbers):06}"


@dataclass
class Api:
    """The API with one token; an empty one is sent, None means the administrator's."""

    server: StandIn
    token: str | None = None

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        token = self.server.token if self.token is None else self.token
        headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
        url = f"{self.server.api}{path}"
        return requests.request(method, url, json=body, headers=headers, timeout=TIMEOUT, **more)

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, path: str) -> list[Any]:
        results: list[Any] = self.get(path)["results"]
        return results

    def make(self, path: str, **body: Any) -> Any:
        answer = self.ask("POST", path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def change(self, path: str, **body: Any) -> Any:
        answer = self.ask("PATCH", path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def delete(self, path: str) -> None:
        answer = self.ask("DELETE", path)
        assert answer.status_code == 204, answer.text

    def refused(self, method: str, path: str, body: Any = None, *, status: int = 400) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def flow(self, slug: str) -> str:
        (found,) = self.rows(f"/flows/instances/?slug={slug}")
        pk: str = found["pk"]
        return pk

    def proxy_body(self, host: str, **more: Any) -> dict[str, Any]:
        return {
            "name": fresh("provider"), "mode": "forward_single", "external_host": host,
            "authorization_flow": self.flow("default-provider-authorization-implicit-consent"),
            "invalidation_flow": self.flow("default-provider-invalidation-flow"), **more,
        }  # fmt: skip

    def application(self, **more: Any) -> Any:
        name = fresh("app")
        return self.make("/core/applications/", **{"name": name, "slug": name} | more)

    def account(self, **more: Any) -> Any:
        return self.make("/core/users/service_account/", **{"name": fresh("svc"), "expiring": False} | more)

    def embedded(self) -> Any:
        (found,) = self.rows("/outposts/instances/?managed__iexact=goauthentik.io/outposts/embedded")
        return found

    def limited(self, *rights: str) -> Api:
        """The API with the token of a role that has just these rights."""
        role = self.make("/rbac/roles/", name=fresh("role"))
        if rights:
            self.make(f"/rbac/permissions/assigned_by_roles/{role['pk']}/assign/", permissions=list(rights))
        group = self.make("/core/groups/", name=fresh("operators"), roles=[role["pk"]])
        name = fresh("operator")
        user = self.make("/core/users/", username=name, name=name, type="service_account", groups=[group["pk"]])
        self.make("/core/tokens/", identifier=name, user=user["pk"], intent="api", expiring=False)
        return Api(self.server, self.get(f"/core/tokens/{name}/view_key/")["key"])


class Site:
    """An application behind the outpost, and an account with an app password for it."""

    def __init__(self, api: Api, scheme: str = "https", **provider: Any) -> None:
        self.api = api
        self.host = f"{fresh('immich')}.example.test"
        self.external = f"{scheme}://{self.host}"
        self.provider = api.make("/providers/proxy/", **api.proxy_body(self.external, **provider))
        self.application = api.application(provider=self.provider["pk"])
        self.group = api.make("/core/groups/", name=fresh("phones"))
        api.make("/policies/bindings/", target=self.application["pk"], group=self.group["pk"], order=0)
        made = api.account()
        self.username, self.key, self.user = made["username"], made["token"], made["user_pk"]
        api.change(f"/core/users/{self.user}/", groups=[self.group["pk"]])
        self.token = f"/core/tokens/service-account-{self.username}-password/"
        self.attach()

    def attach(self) -> None:
        outpost = self.api.embedded()
        attached = sorted({*outpost["providers"], self.provider["pk"]})
        self.api.change(f"/outposts/instances/{outpost['pk']}/", providers=attached)

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.username}:{self.key}".encode()).decode()

    def knock(
        self, authorization: str | None = None, cookie: str | None = None, uri: str = "/", host: str = ""
    ) -> requests.Response:
        headers = {
            "X-Forwarded-Host": host or self.host, "X-Forwarded-Proto": "https", "X-Forwarded-Uri": uri,
            "X-Forwarded-Method": "GET",
        }  # fmt: skip
        if authorization is not None:
            headers["Authorization"] = authorization
        if cookie is not None:
            headers["Cookie"] = cookie
        url = f"{self.api.server.url}/outpost.goauthentik.io/auth/caddy"
        return requests.get(url, headers=headers, allow_redirects=False, timeout=TIMEOUT)

    def enters(self, authorization: str | None = None, **more: Any) -> bool:
        """Let in, or sent to the login page: the outpost knows nothing else."""
        answer = self.knock(authorization, **more)
        assert answer.status_code in (200, 302), answer.text
        return answer.status_code == 200
