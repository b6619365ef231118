"""Two provider hosts, as of two stacks on two machines, that write one outpost's list or one Caddy at the same time."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier, Event
from typing import Any

import pytest

from bench.latencies import seconds
from providers.authentik import outpost_list
from providers.caddy.config import CaddyConfigProvider
from tests.faults import first, then
from tests.proxy import Exchange, Proxy

from .caddy import SERVERS, Caddy
from .conftest import Authentik, Make, of_kind
from .engine import Host, Props, Resource
from .samples import sample

ROUNDS = 50
OUTPOSTS = 4
"""Raced for at the same time, so that waiting for one costs the others nothing."""


@pytest.fixture
def two(authentik: Authentik) -> Iterator[tuple[tuple[Proxy, Host], tuple[Proxy, Host]]]:
    """Two hosts that are as patient as they are in earnest, each with a proxy of its own before Authentik."""
    with ExitStack() as stack:
        proxies = [stack.enter_context(Proxy(authentik.url)) for _ in range(2)]
        token = {"AUTHENTIK_TOKEN": authentik.least_token}
        hosts = [stack.enter_context(Host({"authentik:url": proxy.url}, token)) for proxy in proxies]
        yield (proxies[0], hosts[0]), (proxies[1], hosts[1])


def at_once(*steps: Callable[[], Any]) -> None:
    """Do all of it at the same time."""
    barrier = Barrier(len(steps))

    def wait_and(step: Callable[[], Any]) -> None:
        barrier.wait(60)
        step()

    with ThreadPoolExecutor(len(steps)) as pool:
        for done in [pool.submit(wait_and, step) for step in steps]:
            done.result()


def attach(host: Host, outpost: str, provider: int, *, deferred: bool) -> Resource:
    """Put a provider on an outpost. deferred: as the program does it, confirmed by another resource."""
    made = of_kind(host, "OutpostAttachment")
    made.create({"outpost": outpost, "provider": provider, **({"confirm": False} if deferred else {})})
    if deferred:
        of_kind(host, "OutpostConfirmation").create(confirmation(made))
    return made


def confirmation(made: Resource) -> Props:
    """What confirms an attachment."""
    return {"outpost": made.outs["outpost_pk"], "provider": made.id, "settles": made.outs["settles"]}


class Racer:
    """One host's attachment, put on the outpost and taken off by turns."""

    def __init__(self, host: Host, outpost: str, provider: int, *, attached: bool, deferred: bool) -> None:
        self._host, self._outpost, self._deferred = host, outpost, deferred
        self._made = of_kind(host, "OutpostAttachment")
        self.provider, self.attached = provider, False
        if attached:
            self.turn()

    def turn(self) -> None:
        """Detach what is attached, attach what is not."""
        if self.attached:
            self._made.delete()
        else:
            self._made = attach(self._host, self._outpost, self.provider, deferred=self._deferred)
        self.attached = not self.attached


def race(authentik: Authentik, hosts: list[Host], rounds: int, *, in_step: bool, deferred: bool = False) -> None:
    """Both turn at the same time, in every round. in_step: both attach or both detach, else one of each."""
    outpost = authentik.outpost()
    racers = [
        Racer(
            host,
            outpost["pk"],
            authentik.provider()["pk"],
            attached=not in_step and host is hosts[0],
            deferred=deferred,
        )
        for host in hosts
    ]
    for _ in range(rounds):
        at_once(*[racer.turn for racer in racers])
        expected = {*outpost["providers"], *[racer.provider for racer in racers if racer.attached]}
        assert set(authentik.call("GET", f"/outposts/instances/{outpost['pk']}/")["providers"]) == expected


def test_two_stacks_that_attach_and_detach_at_once_lose_nothing_in_fifty_rounds(
    authentik: Authentik, two: tuple[tuple[Proxy, Host], tuple[Proxy, Host]]
) -> None:
    hosts = [host for _, host in two]
    rounds = -(-ROUNDS // OUTPOSTS)
    at_once(*[lambda turn=turn: race(authentik, hosts, rounds, in_step=turn % 2 == 0) for turn in range(OUTPOSTS)])


def late(exchange: Exchange) -> None:
    """As late as a real Authentik at its worst: what is read is old by then, and what is written comes at the end."""
    reading, lasts = exchange.call.startswith("GET"), seconds(exchange.call)
    if reading:
        _ = exchange.answer
    time.sleep(lasts)
    exchange.pass_back()


@pytest.mark.parametrize("deferred", [True, False])
def test_two_stacks_that_attach_and_detach_at_once_lose_nothing_on_a_server_as_slow_as_a_real_one(
    deferred: bool, authentik: Authentik, two: tuple[tuple[Proxy, Host], tuple[Proxy, Host]]
) -> None:
    for proxy, _ in two:
        proxy.on(".*", late, times=float("inf"))
    hosts = [host for _, host in two]
    at_once(
        *[lambda turn=turn: race(authentik, hosts, 1, in_step=turn % 2 == 0, deferred=deferred) for turn in range(2)]
    )


def test_an_attachment_that_is_confirmed_later_returns_at_once_and_what_undid_it_meanwhile_is_made_good(
    authentik: Authentik, proxy: Proxy, proxied: Make
) -> None:
    outpost, ours, theirs = authentik.outpost(), authentik.provider()["pk"], authentik.provider()["pk"]
    path, made = f"/outposts/instances/{outpost['pk']}/", proxied("OutpostAttachment")
    made.create({"outpost": outpost["pk"], "provider": ours, "confirm": False})
    assert proxy.calls == ["GET /outposts/instances/*/", "PATCH /outposts/instances/*/"]
    assert made.outs["settles"] > time.time()
    authentik.call("PATCH", path, {"providers": [*outpost["providers"], theirs]})  # made of a read before ours
    confirmed = proxied("OutpostConfirmation")
    confirmed.create(confirmation(made))
    assert time.time() >= made.outs["settles"]
    assert set(authentik.call("GET", path)["providers"]) == {*outpost["providers"], theirs, ours}
    proxy.clear()
    assert confirmed.refresh()
    assert confirmed.up(confirmation(made)) == "same"
    confirmed.delete()
    assert proxy.calls == []


def test_an_attachment_that_was_there_needs_no_confirmation(authentik: Authentik, proxy: Proxy, proxied: Make) -> None:
    outpost = authentik.outpost()
    made = proxied("OutpostAttachment")
    made.create({"outpost": outpost["pk"], "provider": outpost["providers"][0], "confirm": False})
    proxied("OutpostConfirmation").create(confirmation(made))
    assert made.outs["settles"] == 0
    assert proxy.calls == ["GET /outposts/instances/*/"]


def test_a_confirmation_does_not_wait_longer_than_a_write_settles_where_a_clock_was_set(
    authentik: Authentik, proxied: Make
) -> None:
    outpost = authentik.outpost()
    begun = time.monotonic()
    later = int(time.time()) + 86400
    proxied("OutpostConfirmation").create(
        {"outpost": outpost["pk"], "provider": outpost["providers"][0], "settles": later}
    )
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(("attaching", "deferred"), [(True, False), (True, True), (False, False)])
def test_a_write_made_of_an_older_read_that_arrives_after_ours_is_noticed_and_made_good(
    attaching: bool, deferred: bool, authentik: Authentik, two: tuple[tuple[Proxy, Host], tuple[Proxy, Host]]
) -> None:
    outpost = authentik.outpost()
    path = f"/outposts/instances/{outpost['pk']}/"
    ours, theirs = (authentik.provider()["pk"] for _ in range(2))
    (my_proxy, my_host), (other_proxy, other_host) = two
    mine, other = of_kind(my_host, "OutpostAttachment"), of_kind(other_host, "OutpostAttachment")
    if not attaching:
        mine.create({"outpost": outpost["pk"], "provider": ours})
    they_have_read, ours_is_written, ours_is_read_again = Event(), Event(), Event()

    def hold() -> None:
        they_have_read.set()
        assert ours_is_written.wait(20)
        ours_is_read_again.wait(outpost_list.SETTLE / 2)  # by one who reads at once, and so before theirs is written

    def written() -> None:
        my_proxy.on("GET .*", first(ours_is_read_again.set))
        ours_is_written.set()

    other_proxy.on("PATCH .*", first(hold))
    my_proxy.on("PATCH .*", then(written))
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(other.create, {"outpost": outpost["pk"], "provider": theirs})
        assert they_have_read.wait(20)
        if attaching:
            attach(my_host, outpost["pk"], ours, deferred=deferred)
        else:
            mine.delete()
        later.result()
    listed = authentik.call("GET", path)["providers"]
    assert set(listed) == {*outpost["providers"], theirs, *([ours] if attaching else [])}
    assert my_proxy.calls.count("PATCH /outposts/instances/*/") == (2 if attaching else 3)


def test_a_list_is_read_again_before_it_is_written_again(authentik: Authentik, proxy: Proxy, proxied: Make) -> None:
    """A write whose answer got lost may be old by the time it would be sent again."""
    outpost, added = authentik.outpost(), authentik.provider()["pk"]
    path = f"/outposts/instances/{outpost['pk']}/"

    def they_write(exchange: Any) -> None:
        authentik.call("PATCH", path, {"providers": [*outpost["providers"], added]})
        exchange.reset()

    proxy.on("PATCH .*", they_write)
    ours = authentik.provider()["pk"]
    proxied("OutpostAttachment").create({"outpost": outpost["pk"], "provider": ours})
    assert set(authentik.call("GET", path)["providers"]) == {*outpost["providers"], added, ours}


def test_two_stacks_that_deliver_to_one_caddy_and_take_away_at_once_lose_nothing(
    caddy: Caddy, two: tuple[tuple[Proxy, Host], tuple[Proxy, Host]]
) -> None:
    before = caddy.get()
    sites = [Resource(host, CaddyConfigProvider) for _, host in two]
    declared = [
        {
            "admin": caddy.admin,
            "route_id": f"site-{number}",
            "host": f"photos-{number}.example.org",
            "port": caddy.port,
            "caddyfile": f"http://photos-{number}.example.org:{caddy.port} {{\n\trespond {number}\n}}\n",
            "upstream": "http://immich:2283",
            "other_doors": [],
        }
        for number in range(len(sites))
    ]
    for _ in range(ROUNDS):
        at_once(*[lambda site=site, bag=bag: site.create(bag) for site, bag in zip(sites, declared, strict=True)])
        routes = caddy.get(f"{SERVERS}/main/routes")
        assert {route.get("@id") for route in routes} == {"site-0", "site-1", None}
        assert len(routes) == 3
        at_once(*[site.delete for site in sites])
        assert caddy.get() == before


def test_all_four_workers_of_a_host_have_a_call_under_way_at_the_same_time(
    authentik: Authentik, proxy: Proxy, proxied: Make
) -> None:
    made = [proxied("Group") for _ in range(4)]
    for each in made:
        each.create({"name": authentik.name("group")})
    together = Barrier(len(made))

    def meet(exchange: Exchange) -> None:
        together.wait(30)
        exchange.pass_back()

    proxy.on(".*", meet, times=len(made))
    with ThreadPoolExecutor(len(made)) as pool:
        assert all(pool.map(Resource.refresh, made))
    assert not together.broken


def meeting(proxy: Proxy, call: str, times: int) -> Barrier:
    """Hold so many of these calls until all of them are under way; broken where they do not come."""
    together = Barrier(times)

    def meet(exchange: Exchange) -> None:
        together.wait(20)
        exchange.pass_back()

    proxy.on(call, meet, times=times)
    return together


def test_the_names_in_one_declaration_are_looked_up_side_by_side(
    authentik: Authentik, proxy: Proxy, proxied: Make
) -> None:
    together = meeting(proxy, "GET /flows/instances/.*", 3)
    proxied("ProxyProvider").create(sample(authentik, "ProxyProvider").declared)
    assert not together.broken


def test_the_bindings_of_a_new_application_are_made_side_by_side_with_orders_of_their_own(
    authentik: Authentik, proxy: Proxy, proxied: Make
) -> None:
    application, groups = proxied("Application"), [authentik.group()["pk"] for _ in range(3)]
    application.create({"name": "New", "slug": authentik.name("application")})
    together = meeting(proxy, "POST /policies/bindings/", len(groups))
    made = [proxied("PolicyBinding") for _ in groups]
    at_once(
        *[
            lambda each=each, group=group: each.create({"target": application.id, "group": group})
            for each, group in zip(made, groups, strict=True)
        ]
    )
    assert not together.broken
    listed = authentik.call("GET", f"/policies/bindings/?target={application.id}")["results"]
    assert sorted(each["order"] for each in listed) == [0, 1, 2]


def test_what_accounts_may_enter_is_asked_side_by_side(authentik: Authentik, proxy: Proxy, proxied: Make) -> None:
    accounts = [authentik.user() for _ in range(3)]
    together = meeting(proxy, r"GET /core/applications/\?for_user.*", len(accounts))
    made = proxied("Isolation")
    made.create(
        {
            "group": authentik.group()["pk"],
            "application": authentik.application()["pk"],
            "accounts": {each["username"]: str(each["pk"]) for each in accounts},
        }
    )
    assert not together.broken
    assert made.outs["reachable"].keys() == {each["username"] for each in accounts}


def test_what_is_made_at_once_shares_one_session_and_every_answer_reaches_its_own(
    authentik: Authentik, proxy: Proxy, proxied: Make
) -> None:
    kinds = ["Group", "ServiceAccount", "ProxyProvider", "Application"] * 6
    samples = [sample(authentik, kind) for kind in kinds]
    made = [proxied(kind) for kind in kinds]
    proxy.connections = 0
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each, own: each.create(own.declared), made, samples))
        assert all(pool.map(Resource.refresh, made))
    for each, own in zip(made, samples, strict=True):
        title = next(name for name in ("username", "slug", "name") if name in own.declared)
        assert each.outs[title] == own.declared[title]
    assert len({(kind, each.id) for kind, each in zip(kinds, made, strict=True)}) == len(made)  # numbers, of some kinds
    keys = [each.outs["key"] for each in made if "key" in each.outs]
    assert len(set(keys)) == kinds.count("ServiceAccount")
    assert proxy.connections <= 8 < len(proxy.calls)


def test_a_provider_of_others_that_goes_between_read_and_write_is_left_out(
    authentik: Authentik, proxy: Proxy, proxied: Make
) -> None:
    """A list with a provider that is gone is refused as a whole."""
    outpost, ours, theirs = authentik.outpost(), authentik.provider()["pk"], authentik.provider()["pk"]
    path = f"/outposts/instances/{outpost['pk']}/"
    authentik.call("PATCH", path, {"providers": [*outpost["providers"], theirs]})
    proxy.on("PATCH .*", first(lambda: authentik.call("DELETE", f"/providers/proxy/{theirs}/")))
    proxied("OutpostAttachment").create({"outpost": outpost["pk"], "provider": ours})
    assert set(authentik.call("GET", path)["providers"]) == {*outpost["providers"], ours}
