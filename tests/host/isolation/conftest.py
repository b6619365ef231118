"""A world of accounts and applications, and the isolation on the real host."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from providers.authentik.isolation import IsolationProvider
from tests.host.conftest import Authentik
from tests.host.engine import Host, Props, Resource

RIGHTS = (
    "authentik_core.view_user_applications",
    "authentik_core.view_application",
    "authentik_core.change_application",
    *(f"authentik_policies.{verb}_policybinding" for verb in ("add", "change", "delete", "view")),
)


@dataclass
class World:
    """A group with two accounts, and a person; an application of theirs."""

    authentik: Authentik
    group: str
    one: dict[str, Any]
    two: dict[str, Any]
    person: dict[str, Any]
    application: str

    def declared(self, action: str, *accounts: dict[str, Any]) -> Props:
        return {
            "group": self.group,
            "application": self.application,
            "accounts": {each["username"]: str(each["pk"]) for each in accounts or (self.one,)},
            "action": action,
        }

    def open(self, **fields: Any) -> dict[str, Any]:
        """Another application, which nothing is bound to."""
        return self.authentik.application(**fields)

    def bind(self, application: dict[str, Any], **fields: Any) -> dict[str, Any]:
        bindings = len(self.bindings(application))
        body = {"target": application["pk"], "order": bindings, **fields}
        made: dict[str, Any] = self.authentik.call("POST", "/policies/bindings/", body)
        return made

    def bindings(self, application: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.authentik.call(
            "GET", f"/policies/bindings/?target={application['pk']}&page_size=100"
        )["results"]
        return found

    def mode(self, application: dict[str, Any]) -> str:
        """Its policy engine mode."""
        return str(self.authentik.call("GET", f"/core/applications/{application['slug']}/")["policy_engine_mode"])

    def enters(self, user: dict[str, Any], application: dict[str, Any]) -> bool:
        """What the server decides."""
        path = f"/core/applications/{application['slug']}/check_access/?for_user={user['pk']}"
        return bool(self.authentik.call("GET", path)["passing"])


@pytest.fixture
def world(authentik: Authentik) -> World:
    everything = "/core/applications/?superuser_full_list=true&page_size=100"
    while found := authentik.call("GET", everything)["results"]:
        for each in found:
            authentik.call("DELETE", f"/core/applications/{each['slug']}/")
    group = authentik.group()["pk"]
    one, two = authentik.user(groups=[group]), authentik.user(groups=[group])
    own = authentik.application()
    world = World(authentik, group, one, two, authentik.user(), own["pk"])
    world.bind(own, group=group)
    return world


@pytest.fixture(scope="session")
def limited(authentik: Authentik) -> Iterator[Host]:
    """A host with a token that has the rights for it and is no superuser's."""
    with Host({"authentik:url": authentik.url}, {"AUTHENTIK_TOKEN": authentik.limited_token(*RIGHTS)}) as host:
        yield host


@pytest.fixture
def isolation(limited: Host) -> Resource:
    return Resource(limited, IsolationProvider)


@pytest.fixture
def superusers(superusers_host: Host) -> Resource:
    return Resource(superusers_host, IsolationProvider)
