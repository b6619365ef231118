"""Killed at any call: the provider host dies by SIGKILL, and a new one goes on with what the engine has kept.

Each way between two states of the stack is gone once, and its calls to Authentik and Caddy are counted. Then it is
gone again for each of them from a snapshot of both servers, killed at that very call, and gone once more with a new
host. The seed says which calls are met before the server hears of them and which after it has acted; with --torture all
are met on both sides. tests/e2e/test_killed.py kills the engine, too.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest
import requests

from lab.authentik import StandIn
from lab.authentik_admin import Admin
from tests.headers import forms
from tests.proxy import Exchange, Proxy
from tests.reference import STACK

from .caddy import Caddy
from .conftest import QUICK, Authentik
from .engine import Host, HostError
from .program import Stack

SEED = 7
FAMILY, OTHERS = "family", "others"
KINDS = ("proxy", "oauth2")
PHONES = [{"name": "phone"}, {"name": "anna"}]
WHOLE = {"immich:phones": PHONES}
CHANGED = {
    "immich:phones": PHONES[:1],
    "immich:enabled": False,
    "immich:applicationName": "Photos",
    "immich:upstream": "http://127.0.0.1:2283",
}
ROTATED = {"immich:phones": [{"name": "phone", "generation": 2}, PHONES[1]]}
HOUSE = {
    "immich:phones": PHONES[:1],
    "immich:isolation": "close",
    "immich:login": True,
    "immich:adopt": True,
}
ELSEWHERE = {**WHOLE, "immich:outpost": "elsewhere"}
GONE: dict[str, Any] = {}
WAYS = {
    "up": (GONE, WHOLE),
    "destroy": (WHOLE, GONE),
    "update": (WHOLE, CHANGED),
    "update back": (CHANGED, WHOLE),
    "rotation": (WHOLE, ROTATED),
    "rotation back": (ROTATED, WHOLE),
    "up with login, isolation and an adopted group": (GONE, HOUSE),
    "destroy of the same": (HOUSE, GONE),
    "to another outpost": (WHOLE, ELSEWHERE),
    "back from it": (ELSEWHERE, WHOLE),
}


@dataclass(frozen=True)
class Case:
    """Where a run is killed: before a server hears of a call or after it acted. alike: how many such pass first."""

    server: str
    call: str
    alike: int
    when: Literal["before", "after"]


@dataclass
class Snapshot:
    """Both servers, and what the engine keeps of the stack."""

    authentik: Any
    caddy: Any
    stack: Stack


@dataclass
class World:
    """Authentik and Caddy behind proxies, and the stack between runs."""

    authentik: Authentik
    caddy: Caddy
    proxies: dict[str, Proxy]
    stack: Stack = field(default_factory=Stack)

    @property
    def admin(self) -> Admin:
        """Authentik with all rights."""
        return Admin(self.authentik.url, self.authentik.token)

    @contextmanager
    def host(self) -> Iterator[Host]:
        """A new provider host."""
        config = {"authentik:url": self.proxies["Authentik"].url} | QUICK
        with Host(config, {"AUTHENTIK_TOKEN": self.authentik.least_token}) as host:
            yield host

    def go(self, settings: Mapping[str, Any], host: Host, *, refresh: bool = False) -> dict[str, str]:
        """Run the program with settings, or destroy the stack without any; answers what was done with each resource."""
        if not settings:
            self.stack.destroy(host)
            return {}
        ours = {
            "authentik:url": self.proxies["Authentik"].url,
            "caddy:admin": self.proxies["Caddy"].url,
            "immich:url": f"https://photos.example.org:{self.caddy.port}",
            "immich:outpostUrl": self.authentik.url,
            "immich:verify": False,
        }
        config = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in {**STACK, **ours, **settings}.items()
        }
        return self.stack.up(host, config, refresh=refresh)

    def calls(self) -> list[Case]:
        """Both cases of each call since the proxies were cleared."""
        cases = []
        for server, proxy in self.proxies.items():
            alike = {call: count() for call in proxy.calls}
            made = [(call, next(alike[call])) for call in proxy.calls if not call.endswith("/admin/version/")]
            cases += [Case(server, *each, when) for each in made for when in ("before", "after")]
        return cases

    def clear(self) -> None:
        """Let every call pass, and forget those that did, when all have ended."""
        for proxy in self.proxies.values():
            proxy.settle()
            proxy.clear()

    def snapshot(self) -> Snapshot:
        """All of it as it is now."""
        self.clear()
        return Snapshot(self.authentik.standin.snapshot(), self.caddy.get("/config/"), self.stack.copy())

    def restore(self, snapshot: Snapshot) -> None:
        """Bring all of it back."""
        self.clear()
        self.authentik.standin.restore(snapshot.authentik)
        self.caddy.call("POST", "/load", snapshot.caddy)
        self.stack = snapshot.stack.copy()

    def picture(self) -> dict[str, Any]:
        """All that there is at both servers, by names in place of keys, and whose headers the outpost takes."""
        admin = self.admin
        groups, users = (
            {each["pk"]: each for each in admin.call("GET", f"/core/{kind}/", query={"page_size": "500"})["results"]}
            for kind in ("groups", "users")
        )
        applications = {
            each["pk"]: each
            for each in admin.call("GET", "/core/applications/", query={"superuser_full_list": "true"})["results"]
        }
        providers = {each["pk"]: each for kind in KINDS for each in admin.call("GET", f"/providers/{kind}/")["results"]}
        bindings = admin.call("GET", "/policies/bindings/", query={"page_size": "500"})["results"]
        outposts = admin.call("GET", "/outposts/instances/")["results"]
        tokens = admin.call("GET", "/core/tokens/", query={"page_size": "500"})["results"]
        return {
            "groups": sorted(
                [each["name"], each["attributes"], sorted(users[user]["username"] for user in each["users"])]
                for each in groups.values()
            ),
            "users": sorted(
                [each["username"], each["name"], each["is_active"], each["attributes"]] for each in users.values()
            ),
            "tokens": sorted([users[each["user"]]["username"], each["intent"]] for each in tokens),
            "applications": sorted(
                [
                    each["slug"],
                    each["name"],
                    each["provider"] and providers[each["provider"]]["name"],
                    each["policy_engine_mode"],
                ]
                for each in applications.values()
            ),
            "providers": sorted(each["name"] for each in providers.values()),
            "bindings": sorted(
                [applications[each["target"]]["slug"], (each["group_obj"] or {}).get("name", ""), each["negate"]]
                for each in bindings
                if each["target"] in applications  # the others are those of flows
            ),
            "outposts": {
                each["name"]: sorted(providers[key]["name"] for key in each["providers"]) for each in outposts
            },
            "Caddy": self.caddy.get("/config/"),
            "let in": {phone: self.passes(header) for phone, header in self.stack.headers.items()},
        }

    def passes(self, header: str) -> bool:
        """Whether the outpost lets a header in."""
        asked = {
            "Authorization": header,
            "X-Forwarded-Host": f"photos.example.org:{self.caddy.port}",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Uri": "/",
        }
        url = f"{self.authentik.url}/outpost.goauthentik.io/auth/caddy"
        return requests.get(url, headers=asked, allow_redirects=False, timeout=10).status_code == 200

    def take_away_what_was_taken_for_found(self, expected: Mapping[str, Any]) -> None:
        """With immich:adopt what the killed run wrote, and could not note, is taken for found: an object or two."""
        admin, left = self.admin, self.picture()
        slugs = [each[0] for each in left["applications"] if each not in expected["applications"]]
        names = [each for each in left["providers"] if each not in expected["providers"]]
        bindings = [each for each in left["bindings"] if each not in expected["bindings"] and each[0] not in slugs]
        assert len(slugs) + len(names) + len(bindings) <= 2, left
        for slug, group, _ in bindings:
            target = admin.call("GET", f"/core/applications/{slug}/")["pk"]
            for each in admin.call("GET", "/policies/bindings/", query={"target": target})["results"]:
                if (each["group_obj"] or {}).get("name") == group:
                    admin.call("DELETE", f"/policies/bindings/{each['pk']}/")
        for slug in slugs:
            admin.call("DELETE", f"/core/applications/{slug}/")
        for name in names:
            for kind in KINDS:
                if provider := admin.one(f"/providers/{kind}/", name=name):
                    admin.call("DELETE", f"/providers/{kind}/{provider['pk']}/")
        group = admin.one("/core/groups/", name=STACK["immich:phonesGroup"])
        before = [each for each in expected["groups"] if each[0] == STACK["immich:phonesGroup"]]
        if group and before:
            admin.call("PATCH", f"/core/groups/{group['pk']}/", {"attributes": before[0][1]})


@pytest.fixture(scope="module")
def world(caddy_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        authentik = Authentik(stack.enter_context(StandIn(token_lifetime="days=3650", cache_seconds=0)))
        caddy = stack.enter_context(Caddy(caddy_program, tmp_path_factory.mktemp("caddy")))
        targets = {"Authentik": authentik.url, "Caddy": caddy.admin}
        proxies = {name: stack.enter_context(Proxy(target)) for name, target in targets.items()}
        world, admin = World(authentik, caddy, proxies), Admin(authentik.url, authentik.token)
        admin.group(FAMILY)
        theirs = authentik.application(slug="theirs", name="theirs")["pk"]
        authentik.call("POST", "/policies/bindings/", {"target": theirs, "group": admin.group(OTHERS), "order": 0})
        body = {"name": "elsewhere", "type": "proxy", "providers": [authentik.provider()["pk"]], "config": {}}
        authentik.call("POST", "/outposts/instances/", body)
        assert authentik.least_token
        yield world


@pytest.fixture(autouse=True)
def empty(world: World) -> Iterator[None]:
    """Every test begins with no stack."""
    before = world.snapshot()
    yield
    world.restore(before)


@pytest.mark.parametrize("way", WAYS)
def test_a_run_whose_host_is_killed_at_any_call_converges_when_run_again(way: str, world: World, torture: bool) -> None:
    start, goal = WAYS[way]
    adopted = HOUSE in (start, goal)
    if adopted:
        body = {"name": STACK["immich:phonesGroup"], "attributes": {"by": "hand"}}
        world.authentik.call("POST", "/core/groups/", body)
        world.authentik.application(slug="open", name="open")
    empty = world.picture()
    with world.host() as host:
        world.go(start, host)
        before, former = world.snapshot(), world.stack.headers
        world.go(goal, host)
    cases, expected = world.calls(), world.picture()
    assert goal or expected == empty
    assert cases
    for case in cases if torture else one_side(cases):
        world.restore(before)
        try:
            killed_at(case, goal, world)
            with world.host() as host:
                world.go(goal, host)
                if adopted and not goal:
                    world.take_away_what_was_taken_for_found(expected)
                assert world.picture() == expected
                stands(goal, former, world, host)
        except (HostError, AssertionError) as error:
            raise AssertionError(str(case)) from error


def one_side(cases: list[Case]) -> list[Case]:
    """For each call the one of both cases that the seed says."""
    chosen = random.Random(SEED)  # noqa: S311  # no secret hangs on it
    return [chosen.choice(both) for both in zip(cases[::2], cases[1::2], strict=True)]


def killed_at(case: Case, goal: Mapping[str, Any], world: World) -> None:
    """Set out for a goal, and let the host be killed on the way."""
    with world.host() as host:

        def kill(exchange: Exchange) -> None:
            if case.when == "after":
                assert exchange.answer is not None
            host.kill()
            exchange.reset()

        proxy = world.proxies[case.server]
        proxy.on(re.escape(case.call), kill, skip=case.alike)
        with pytest.raises(HostError):
            world.go(goal, host)
        assert proxy.met, "the run ended without it"
    world.clear()


def stands(goal: Mapping[str, Any], former: Mapping[str, str], world: World, host: Host) -> None:
    """Nothing is left to do, and no header of an account that is gone is let in."""
    if not goal:
        assert not world.stack.kept
    else:
        world.clear()
        assert set(world.go(goal, host, refresh=True).values()) == {"same"}
        assert {case.call for case in world.calls() if not case.call.startswith("GET ")} <= {"POST /adapt"}
        assert forms(world.stack.headers.values())
    for header in set(former.values()) - set(world.stack.headers.values()):
        assert not world.passes(header)
