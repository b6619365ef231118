"""Every call of every kind meets every fault: what passes is survived, the rest ends in one clear message.

A case is one call of one operation on one kind, and one fault. The seed says which are run; with --torture all are.
"""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.authentik import StandIn
from providers.authentik.exclusive_bindings import ExclusiveBindingsProvider
from providers.authentik.exclusive_members import ExclusiveMembersProvider
from providers.authentik.isolation import IsolationProvider
from providers.caddy.config import CaddyConfigProvider
from tests import faults
from tests.proxy import Fault, Proxy

from .caddy import Caddy
from .conftest import VERSION, Authentik, of_kind
from .engine import Host, HostError, Props, Resource
from .samples import SAMPLES, sample
from .test_calls import CHANGED
from .test_errors import message

SEED, SHARE = 7, 0.1
PATIENCE = 3
"""Percent: 0.9 s for an answer, 1.8 s for a server that does not serve."""
HANGING = 1.1
KINDS = (*SAMPLES, "ExclusiveBindings", "ExclusiveMembers", "Isolation: report", "Isolation: close", "CaddyConfig")
"""Not AccessProof: it asks Authentik only why a proof failed, and what it is not told there fails nothing."""
BINDINGS, GROUPS = "/policies/bindings/", "/core/groups/"
OPERATIONS = ("create", "read", "update", "delete")
SECRET = "secret-of-the-login-page"
LOGIN_PAGE = f"<html><form value='{SECRET}'></html>".encode()

PASSING: dict[str, Fault] = {
    "429": faults.status(429, Retry_After="0"),
    "502": faults.status(502),
    "503": faults.status(503),
    "504": faults.status(504),
    "reset before": faults.reset_before,
    "reset after": faults.reset_after,
    "time-out before": faults.hang_before(HANGING),
    "time-out after": faults.hang_after(HANGING),
}
BUSY = r"answered (429|50[234]): .*(try again later|Run the command again later)"
SILENT = r"does not answer.* Check (authentik:url|caddy:admin)"
NO_API = r"answered \d+ with .*, which is no.* Check (that authentik:url|caddy:admin)"
LASTING = {
    **dict.fromkeys(("429", "502", "503", "504"), BUSY),
    **dict.fromkeys(("reset before", "reset after", "time-out before", "time-out after"), SILENT),
    "HTML with 200": NO_API,
    "truncated JSON": NO_API,
    "redirect": r"answered 302.*(authentik:url must be Authentik's own address|Check caddy:admin)",
    "expired token": r"answered 403: Token invalid/expired\. Check AUTHENTIK_TOKEN",
    "no right": r"right authentik_\w+\.\w+|Only a superuser's token",
}
"""What the message says of each fault that does not pass: reason and remedy."""


@dataclass
class Bench:
    """A host whose calls to Authentik and Caddy all go by proxies, and what it makes."""

    authentik: Authentik
    caddy: Caddy
    proxies: dict[str, Proxy]
    host: Host
    superusers: Host
    token: str
    powerless: str
    calls: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """The calls of each kind's operations when nothing goes wrong."""

    def fault(self, name: str) -> Fault:
        """A fault by its name."""
        return (
            PASSING.get(name)
            or {
                "HTML with 200": faults.page(LOGIN_PAGE),
                "truncated JSON": faults.truncated,
                "redirect": faults.redirect(f"https://sso.example.org/login?token={SECRET}"),
                "expired token": faults.with_token("expired-token"),
                "no right": faults.with_token(self.powerless),
            }[name]
        )

    def proxy(self, kind: str) -> Proxy:
        """The proxy that a kind's calls go by."""
        return self.proxies["Caddy" if kind == "CaddyConfig" else "Authentik"]

    def new(self, kind: str) -> "Thing":
        """An object that is not made yet."""
        if kind == "CaddyConfig":
            name = self.authentik.name("photos")
            site = f"http://{name}.example.org:{self.caddy.port} {{\n\trespond {{}}\n}}\n"
            declared: Props = {
                "admin": self.proxies["Caddy"].url,
                "route_id": name,
                "host": f"{name}.example.org",
                "port": self.caddy.port,
                "caddyfile": site.replace("{}", "one"),
                "upstream": "http://immich:2283",
                "other_doors": [],
            }
            return Thing(Resource(self.host, CaddyConfigProvider), declared, {"caddyfile": site.replace("{}", "two")})
        if kind.startswith("Isolation"):
            return self.isolation(kind.partition(": ")[2])
        if kind == "ExclusiveBindings":
            return self.exclusive_bindings()
        if kind == "ExclusiveMembers":
            return self.exclusive_members()
        each = sample(self.authentik, kind)
        changed = CHANGED.get(kind, "name")
        other = {changed: each.other[changed]} if changed in each.other else {}
        return Thing(of_kind(self.host, kind), each.declared, other)

    def isolation(self, action: str) -> "Thing":
        """Of an account for which one application is open besides its own; an update takes a second account."""
        group = self.authentik.group()["pk"]
        one, two = self.authentik.user(groups=[group]), self.authentik.user(groups=[group])
        own, opened = self.authentik.application(), self.authentik.application()
        self.authentik.call("POST", BINDINGS, {"target": own["pk"], "group": group, "order": 0})
        declared: Props = {
            "group": group,
            "application": own["pk"],
            "accounts": {one["username"]: str(one["pk"])},
            "action": action,
        }
        other = {"accounts": {each["username"]: str(each["pk"]) for each in (one, two)}}
        return Thing(
            Resource(self.host, IsolationProvider),
            declared,
            other,
            named={one["username"], two["username"], opened["slug"], "the phones", "AUTHENTIK_TOKEN"},
            is_gone=lambda: not self.authentik.call("GET", f"{BINDINGS}?target={opened['pk']}")["results"],
        )

    def exclusive_bindings(self) -> "Thing":
        """Of an application; an update takes off what was bound to it by hand."""
        application = self.authentik.application(policy_engine_mode="any")["pk"]

        def bind() -> str:
            body = {"target": application, "group": self.authentik.group()["pk"], "order": 0}
            return str(self.authentik.call("POST", BINDINGS, body)["pk"])

        declared: Props = {"target": application, "bindings": [bind()]}
        return Thing(Resource(self.host, ExclusiveBindingsProvider), declared, declared, drift=bind)

    def exclusive_members(self) -> "Thing":
        """Of a group; an update takes out a user and a group below it, put there by hand."""
        group = self.authentik.group()["pk"]
        user = self.authentik.user(groups=[group])["pk"]

        def add() -> None:
            self.authentik.user(groups=[group])
            self.authentik.call("POST", GROUPS, {"name": self.authentik.name("below"), "parents": [group]})

        declared: Props = {"group": group, "users": [user]}
        return Thing(Resource(self.host, ExclusiveMembersProvider), declared, declared, drift=add, is_gone=lambda: True)


@dataclass
class Thing:
    """An object, its declaration, and what an update changes in it."""

    made: Resource
    declared: Props
    other: Props
    named: set[str] = field(default_factory=set)
    """What a message may call it besides what is declared."""
    drift: Callable[[], object] | None = None
    """What somebody does by hand before an update."""
    is_gone: Callable[[], bool] | None = None
    """Whether nothing of it is left, where reading does not tell."""

    def ready_for(self, operation: str) -> None:
        """Make it, where the operation takes one that is there."""
        if operation != "create":
            self.made.create(self.declared)
        if operation == "update" and self.drift:
            self.drift()
            assert self.made.refresh()

    def do(self, operation: str) -> None:
        """Carry out an operation."""
        match operation:
            case "create":
                self.made.create(self.declared)
            case "read":
                assert self.made.refresh()
            case "update":
                self.made.update(self.declared | self.other)
            case "delete":
                self.made.delete()

    def is_done(self, operation: str) -> None:
        """It stands as the operation should leave it."""
        if operation == "delete":
            assert self.is_gone() if self.is_gone else not self.made.refresh()
        else:
            assert self.made.refresh()
            assert self.made.up(self.declared | (self.other if operation == "update" else {})) == "same"


@pytest.fixture(scope="module")
def bench(caddy_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as stack:
        authentik = Authentik(stack.enter_context(StandIn(token_lifetime="days=3650")))
        token, powerless = authentik.least_token, authentik.limited_token()
        caddy = stack.enter_context(Caddy(caddy_program, tmp_path_factory.mktemp("caddy")))
        proxies = {
            "Authentik": stack.enter_context(Proxy(authentik.url)),
            "Caddy": stack.enter_context(Proxy(caddy.admin)),
        }
        config = {"authentik:url": proxies["Authentik"].url, "immich:timeoutPercent": str(PATIENCE)}
        host, superusers = (
            stack.enter_context(Host(config, {"AUTHENTIK_TOKEN": each})) for each in (token, authentik.token)
        )
        yield Bench(authentik, caddy, proxies, host, superusers, token, powerless)


@pytest.fixture(autouse=True)
def few_objects(bench: Bench) -> Iterator[None]:
    """Each new provider is compared with all that are there, each application asked about: many would take long."""
    yield
    for proxy in bench.proxies.values():
        proxy.clear()  # what a case that failed left behind
    for path, key in (("/providers/proxy/", "pk"), ("/providers/oauth2/", "pk"), ("/core/applications/", "slug")):
        for each in bench.authentik.call("GET", f"{path}?page_size=500&superuser_full_list=true")["results"]:
            bench.authentik.call("DELETE", f"{path}{each[key]}/")


def calls_of(bench: Bench, kind: str, operation: str) -> list[str]:
    """The calls that an operation makes when nothing goes wrong."""
    if (kind, operation) in bench.calls:
        return bench.calls[kind, operation]
    thing, proxy = bench.new(kind), bench.proxy(kind)
    thing.ready_for(operation)
    proxy.clear()
    if operation != "update" or thing.other:
        thing.do(operation)
    bench.calls[kind, operation] = [call for call in proxy.calls if not call.endswith(VERSION)]
    return bench.calls[kind, operation]


def cases(bench: Bench, kind: str, fault: str, *, torture: bool) -> Iterator[tuple[str, int, str]]:
    """The operations and the number and name of each call of theirs that meets the fault: all, or a sample of them."""
    every = [
        (operation, number, call)
        for operation in OPERATIONS
        for number, call in enumerate(calls_of(bench, kind, operation))
        if not (fault == "truncated JSON" and call.startswith("DELETE"))  # its answer has none
    ]
    sample = random.Random(f"{SEED} {kind} {fault}")  # noqa: S311  # the same in every run; no secret hangs on it
    yield from every if torture else sample.sample(every, max(1, round(len(every) * SHARE)))


EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@EVERY_KIND
@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_is_survived_at_every_call(kind: str, fault: str, bench: Bench, torture: bool) -> None:
    proxy = bench.proxy(kind)
    for operation, number, call in cases(bench, kind, fault, torture=torture):
        thing = bench.new(kind)
        thing.ready_for(operation)
        proxy.clear()
        proxy.on(".*", bench.fault(fault), skip=number)
        try:
            thing.do(operation)
            assert proxy.met
            proxy.clear()
            thing.is_done(operation)
        except (HostError, AssertionError) as error:
            raise AssertionError(f"{operation}, call {number}, {call}") from error


@EVERY_KIND
@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_lasts_ends_in_one_message_and_the_same_again_without_it_converges(
    kind: str, fault: str, bench: Bench, torture: bool
) -> None:
    if kind == "CaddyConfig" and fault in ("expired token", "no right"):
        return  # Caddy's admin API knows no tokens
    if kind.startswith("Isolation") and fault == "no right":
        return  # what it may not be told, it says: tests/host/isolation
    proxy = bench.proxy(kind)
    for operation, number, call in cases(bench, kind, fault, torture=torture):
        thing = bench.new(kind)
        thing.ready_for(operation)
        proxy.clear()
        proxy.on(".*", bench.fault(fault), skip=number, times=float("inf"))
        try:
            with pytest.raises(HostError) as caught:
                thing.do(operation)
            told(caught, thing, kind, fault, bench)
            proxy.clear()
            thing.do(operation)
            thing.is_done(operation)
        except (HostError, AssertionError, pytest.fail.Exception) as error:
            raise AssertionError(f"{operation}, call {number}, {call}") from error


def told(caught: pytest.ExceptionInfo[HostError], thing: Thing, kind: str, fault: str, bench: Bench) -> None:
    """The message names object, call, reason and remedy, and no secret."""
    kept = [str(thing.made.outs[name]) for name in ("key", "client_secret") if name in thing.made.outs]
    said = message(caught, bench.token, bench.powerless, bench.authentik.token, SECRET, *kept, "expired-token")
    assert said.startswith("cannot ")
    declared = thing.declared | thing.made.outs
    names = thing.named | {str(value) for name, value in declared.items() if value and name != "order"}
    assert kind == "CaddyConfig" or any(name in said for name in names)
    assert re.search(r": (GET|POST|PUT|PATCH|DELETE) /[\w/*.-]+", said)
    assert re.search(LASTING[fault], said)
