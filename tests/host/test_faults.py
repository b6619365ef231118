"""Every call of the reference stack meets every fault: what passes is survived, the rest ends in one clear message.

A case is one call of one operation on one kind, and one fault. The seed says which are run; with --torture all are.
"""

import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.authentik import StandIn
from providers.caddy.config import CaddyConfigProvider
from tests import faults
from tests.proxy import Fault, Proxy

from .caddy import Caddy
from .conftest import VERSION, Authentik, of_kind
from .engine import Host, HostError, Props, Resource
from .samples import sample
from .test_calls import CHANGED
from .test_errors import message

SEED, SHARE = 7, 0.2
PATIENCE = 3
"""Percent: 0.9 s for an answer, 1.8 s for a server that does not serve."""
HANGING = 1.1
KINDS = ("Group", "ServiceAccount", "ProxyProvider", "Application", "PolicyBinding", "OutpostAttachment", "CaddyConfig")
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
    "no right": r"right authentik_\w+\.\w+",
}
"""What the message says of each fault that does not pass: reason and remedy."""


@dataclass
class Bench:
    """A host whose calls to Authentik and Caddy all go by proxies, and what it makes."""

    authentik: Authentik
    caddy: Caddy
    proxies: dict[str, Proxy]
    host: Host
    token: str
    powerless: str

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
            }
            return Thing(Resource(self.host, CaddyConfigProvider), declared, {"caddyfile": site.replace("{}", "two")})
        each = sample(self.authentik, kind)
        field = CHANGED.get(kind, "name")
        other = {field: each.other[field]} if field in each.other else {}
        return Thing(of_kind(self.host, kind), each.declared, other)


@dataclass
class Thing:
    """An object, its declaration, and what an update changes in it."""

    made: Resource
    declared: Props
    other: Props

    def ready_for(self, operation: str) -> None:
        """Make it, where the operation takes one that is there."""
        if operation != "create":
            self.made.create(self.declared)

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
            assert not self.made.refresh()
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
        config = {"authentik:url": proxies["Authentik"].url, "immich:patience": str(PATIENCE)}
        host = stack.enter_context(Host(config, {"AUTHENTIK_TOKEN": token}))
        yield Bench(authentik, caddy, proxies, host, token, powerless)


@pytest.fixture(autouse=True)
def few_providers(bench: Bench) -> Iterator[None]:
    """Each new proxy provider is compared with all that are there: with many, answers would take too long."""
    yield
    for each in bench.authentik.call("GET", "/providers/proxy/?page_size=500")["results"]:
        bench.authentik.call("DELETE", f"/providers/proxy/{each['pk']}/")


def calls_of(bench: Bench, kind: str, operation: str) -> list[str]:
    """The calls that an operation makes when nothing goes wrong."""
    thing, proxy = bench.new(kind), bench.proxy(kind)
    thing.ready_for(operation)
    proxy.clear()
    if operation != "update" or thing.other:
        thing.do(operation)
    return [call for call in proxy.calls if not call.endswith(VERSION)]


def cases(bench: Bench, kind: str, fault: str, *, torture: bool) -> Iterator[tuple[str, int, str]]:
    """The operations and the number and name of each call of theirs that meets the fault."""
    for operation in OPERATIONS:
        for number, call in enumerate(calls_of(bench, kind, operation)):
            if fault == "truncated JSON" and call.startswith("DELETE"):
                continue  # its answer has none
            if torture or random.Random(f"{SEED} {kind} {operation} {number} {fault}").random() < SHARE:  # noqa: S311
                yield operation, number, call


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
    key = str(thing.made.outs.get("key", SECRET))
    said = message(caught, bench.token, bench.powerless, bench.authentik.token, SECRET, key, "expired-token")
    assert said.startswith("cannot ")
    names = {str(value) for name, value in (thing.declared | thing.made.outs).items() if value and name != "order"}
    assert kind == "CaddyConfig" or any(name in said for name in names)
    assert re.search(r": (GET|POST|PUT|PATCH|DELETE) /[\w/*.-]+", said)
    assert re.search(LASTING[fault], said)
