"""An Authentik stand-in, the host of dynamic providers, and what objects need around them."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.authentik import StandIn
from lab.authentik.seed import new_uuid
from lab.toolchain import Progress, Sources
from lab.toolchain.getting import Getter
from lab.toolchain.versions import CADDY, ROOT
from providers.authentik.resource import every_resource
from providers.caddy.config import CaddyConfigProvider
from setup.rights import LOGIN_RIGHTS, RIGHTS
from tests.proxy import Proxy

from .caddy import Caddy
from .engine import Host, Resource

_numbers = itertools.count(1)

VERSION = "/admin/version/"
"""What a process asks once, at the first proxy provider that it makes or changes and where it is refused."""
QUICK = {"immich:timeoutPercent": "30"}
"""No less: on a busy machine the stand-in takes its time, too."""
BEYOND = ("authentik_rbac.view_role", "authentik_rbac.change_role", "authentik_core.enable_group_superuser")
"""What kinds can do that the program itself never does: find roles by name and give them, make superusers."""


class Authentik:
    """The stand-in as an administrator uses it, and what objects need around them."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self.url, self.token = standin.url, standin.token
        self._session = requests.Session()
        self._session.trust_env = False

    def call(self, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        """A call of the administrator's, or of the token's; what it answers must be good."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        response = self._session.request(method, f"{self.standin.api}{path}", json=body, headers=headers, timeout=10)
        assert response.ok, f"{method} {path} answered {response.status_code}: {response.text}"
        return response.json() if response.content else None

    def status(self, path: str) -> int:
        """The status that an object's path answers."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._session.get(f"{self.standin.api}{path}", headers=headers, timeout=10).status_code

    def asked(self, since: int = 0) -> list[str]:
        """What was asked since then: method and path, without the version, which each process asks for once."""
        return [f"{each['method']} {each['path']}" for each in self.standin.requests[since:] if each["path"] != VERSION]

    def mark(self) -> int:
        """A point in what was asked."""
        return len(self.standin.requests)

    def written(self, since: int) -> list[str]:
        """What was asked since then that is no reading."""
        return [each for each in self.asked(since) if not each.startswith("GET ")]

    def name(self, word: str = "x") -> str:
        """A name that nothing else has."""
        return f"{word}-{next(_numbers)}"

    def group(self) -> dict[str, Any]:
        """A group of its own."""
        made: dict[str, Any] = self.call("POST", "/core/groups/", {"name": self.name("group")})
        return made

    def user(self, **fields: Any) -> dict[str, Any]:
        """A user of its own."""
        username = self.name("user")
        made: dict[str, Any] = self.call("POST", "/core/users/", {"username": username, "name": username, **fields})
        return made

    def role(self) -> dict[str, Any]:
        """A role of its own."""
        made: dict[str, Any] = self.call("POST", "/rbac/roles/", {"name": self.name("role")})
        return made

    def oauth_source(self) -> str:
        """The primary key of an OAuth source, of which the stand-in knows only that it exists."""
        made: str = self.standin.authentik.store.put("source", {"pk": new_uuid()})["pk"]
        return made

    def flow(self, slug: str) -> str:
        """The primary key of a flow."""
        return str(self.call("GET", f"/flows/instances/{slug}/")["pk"])

    def provider(self, kind: str = "proxy", **fields: Any) -> dict[str, Any]:
        """A proxy provider of its own, or one of another kind."""
        name = self.name("provider")
        own: dict[str, Any] = {"mode": "forward_single", "external_host": f"https://{name}.example.org"}
        body = {
            "name": name,
            "authorization_flow": self.flow("default-provider-authorization-implicit-consent"),
            "invalidation_flow": self.flow("default-provider-invalidation-flow"),
            **(own if kind == "proxy" else {"redirect_uris": []}),
            **fields,
        }
        made: dict[str, Any] = self.call("POST", f"/providers/{kind}/", body)
        return made

    def application(self, **fields: Any) -> dict[str, Any]:
        """An application of its own."""
        name = self.name("application")
        made: dict[str, Any] = self.call("POST", "/core/applications/", {"name": name, "slug": name, **fields})
        return made

    def outpost(self) -> dict[str, Any]:
        """An outpost of its own with one provider of somebody else's."""
        body = {"name": self.name("outpost"), "type": "proxy", "providers": [self.provider()["pk"]], "config": {}}
        made: dict[str, Any] = self.call("POST", "/outposts/instances/", body)
        return made

    @cached_property
    def least_token(self) -> str:
        """The key of a token that may do what docs/security.md lists and look names up, and no more."""
        return self.limited_token(*{*RIGHTS, *LOGIN_RIGHTS, *BEYOND})

    def limited_token(self, *rights: str) -> str:
        """The key of a token whose user has these rights and no others."""
        user, role, identifier = self.user(), self.role(), self.name("token")
        path = f"/rbac/permissions/assigned_by_roles/{role['pk']}/assign/"
        self.call("POST", path, {"permissions": list(rights)})
        self.call("POST", f"/rbac/roles/{role['pk']}/add_user/", {"pk": user["pk"]})
        self.call("POST", "/core/tokens/", {"identifier": identifier, "user": user["pk"], "expiring": False})
        return str(self.call("GET", f"/core/tokens/{identifier}/view_key/")["key"])


@pytest.fixture(scope="session")
def authentik() -> Iterator[Authentik]:
    with StandIn(token_lifetime="days=3650") as standin:
        yield Authentik(standin)


@pytest.fixture(autouse=True)
def few_objects(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each new provider is compared with all that are there, each application asked about: many would take long."""
    if "authentik" not in request.fixturenames:
        yield
        return
    authentik: Authentik = request.getfixturevalue("authentik")
    assert authentik.least_token  # made once, and kept
    before = authentik.standin.snapshot()
    yield
    authentik.standin.restore(before)


@pytest.fixture(scope="session")
def host(authentik: Authentik) -> Iterator[Host]:
    """The host with the least-privilege token."""
    with Host({"authentik:url": authentik.url} | QUICK, {"AUTHENTIK_TOKEN": authentik.least_token}) as host:
        yield host


@pytest.fixture(scope="session")
def superusers_host(authentik: Authentik) -> Iterator[Host]:
    """The host with the administrator's token, for the kinds that need one."""
    with Host({"authentik:url": authentik.url} | QUICK, {"AUTHENTIK_TOKEN": authentik.token}) as host:
        yield host


HostWith = Callable[[Mapping[str, str], str], Host]


@pytest.fixture
def host_with() -> Iterator[HostWith]:
    """A host of the test's own, of its configuration and token: a host keeps them for good."""
    with ExitStack() as stack:
        yield lambda config, token: stack.enter_context(
            Host(QUICK | dict(config), {"AUTHENTIK_TOKEN": token} if token else {})
        )


@pytest.fixture(scope="session")
def proxy(authentik: Authentik) -> Iterator[Proxy]:
    """A proxy before Authentik in which calls can meet faults."""
    with Proxy(authentik.url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def proxied_host(authentik: Authentik, proxy: Proxy) -> Iterator[Host]:
    """The host that reaches Authentik by that proxy."""
    with Host({"authentik:url": proxy.url} | QUICK, {"AUTHENTIK_TOKEN": authentik.least_token}) as host:
        yield host


Make = Callable[[str], Resource]


@pytest.fixture
def proxied(proxied_host: Host, proxy: Proxy) -> Iterator[Make]:
    """A resource whose calls go by the proxy."""
    yield lambda name: of_kind(proxied_host, name)
    proxy.clear()


@pytest.fixture
def resource(host: Host) -> Make:
    """A resource of a kind, by its name, that is not made yet."""
    return lambda name: of_kind(host, name)


def of_kind(host: Host, name: str) -> Resource:
    """A resource of a kind, on a host."""
    return Resource(host, every_resource()[name].provider_class)


@pytest.fixture(scope="session")
def caddy_program() -> Path:
    """The real Caddy, from PATH or from the lab."""
    tool = Getter(ROOT / ".lab", Sources.of(os.environ), Progress()).get(CADDY)
    assert tool is not None, "Caddy could not be had: run make tools"
    return tool.path


@pytest.fixture
def caddy(caddy_program: Path, tmp_path: Path) -> Iterator[Caddy]:
    with Caddy(caddy_program, tmp_path) as caddy:
        yield caddy


@pytest.fixture(scope="module")
def caddy_host() -> Iterator[Host]:
    """A host that knows nothing of an Authentik."""
    with Host({}, {}) as host:
        yield host


@pytest.fixture
def site(caddy_host: Host) -> Resource:
    return Resource(caddy_host, CaddyConfigProvider)
