"""Shutting accounts out while runs are killed, answers get lost and others write."""

from contextlib import suppress

import pytest

from providers.authentik.isolation import IsolationProvider
from tests.faults import first, reset_after, then
from tests.host.conftest import HostWith
from tests.host.engine import Host, HostError, Resource
from tests.proxy import Exchange, Proxy

from .conftest import RIGHTS, World


def test_what_a_killed_run_bound_is_taken_over_and_not_bound_twice(world: World, limited: Host) -> None:
    wiki = world.open()
    killed, again = Resource(limited, IsolationProvider), Resource(limited, IsolationProvider)
    killed.up(world.declared("close"))
    since = world.authentik.mark()
    again.up(world.declared("close"))
    assert world.authentik.written(since) == []
    assert list(again.outs["bindings"].values()) == list(killed.outs["bindings"].values())
    again.delete()
    assert world.bindings(wiki) == []


def test_a_second_binding_that_a_call_of_a_killed_run_made_late_is_drift_and_goes(world: World, limited: Host) -> None:
    wiki, isolation = world.open(), Resource(limited, IsolationProvider)
    isolation.up(world.declared("close"))
    (ours,) = world.bindings(wiki)
    world.bind(wiki, group=world.group, negate=True)
    isolation.refresh()
    assert isolation.outs["pending"] == [f"take our second binding off {wiki['slug']}"]
    isolation.up(world.declared("close"))
    assert [each["pk"] for each in world.bindings(wiki)] == [ours["pk"]]
    assert not world.enters(world.one, wiki)
    isolation.delete()
    assert world.bindings(wiki) == []


def test_what_was_bound_by_hand_stays_on_destroy_where_it_was_adopted(world: World, limited: Host) -> None:
    by_hand, wiki = world.open(), world.open()
    ours = world.bind(by_hand, group=world.group, negate=True)
    isolation = Resource(limited, IsolationProvider)
    isolation.up(world.declared("close") | {"adopt": True})
    assert (world.mode(by_hand), world.mode(wiki)) == ("all", "all")
    isolation.delete()
    assert world.bindings(by_hand) == [ours]
    assert world.bindings(wiki) == []
    assert (world.mode(by_hand), world.mode(wiki)) == ("any", "any")


def test_a_binding_whose_answer_got_lost_is_not_made_twice(world: World, proxied_host: Host, proxy: Proxy) -> None:
    wiki, isolation = world.open(), Resource(proxied_host, IsolationProvider)
    proxy.on("POST /policies/bindings/", reset_after)
    isolation.up(world.declared("close"))
    proxy.clear()
    assert len(world.bindings(wiki)) == 1
    assert not world.enters(world.one, wiki)


def test_a_binding_that_is_gone_when_we_come_to_take_it_away_is_fine(
    world: World, proxied_host: Host, proxy: Proxy
) -> None:
    """As after a DELETE whose answer got lost: it is sent again, and meets 404."""
    wiki, isolation = world.open(), Resource(proxied_host, IsolationProvider)
    isolation.up(world.declared("close"))
    theirs = world.bind(wiki, group=world.authentik.group()["pk"])
    isolation.refresh()
    proxy.on("DELETE .*", reset_after)
    isolation.up(world.declared("close"))
    assert [each["pk"] for each in world.bindings(wiki)] == [theirs["pk"]]
    world.authentik.call("DELETE", f"/policies/bindings/{theirs['pk']}/")
    isolation.refresh()
    isolation.up(world.declared("close"))
    proxy.on("DELETE .*", reset_after)
    isolation.delete()
    assert proxy.met
    proxy.clear()
    assert world.bindings(wiki) == []


def test_a_disabled_binding_of_ours_that_somebody_takes_away_meanwhile_is_made_anew(
    world: World, proxied_host: Host, proxy: Proxy
) -> None:
    wiki, isolation = world.open(), Resource(proxied_host, IsolationProvider)
    isolation.up(world.declared("close"))
    (ours,) = world.bindings(wiki)
    path = f"/policies/bindings/{ours['pk']}/"
    world.authentik.call("PUT", path, {**ours, "enabled": False})
    isolation.refresh()
    proxy.on("PUT .*", first(lambda: world.authentik.call("DELETE", path)))
    isolation.up(world.declared("close"))
    assert proxy.met
    proxy.clear()
    assert not world.enters(world.one, wiki)


@pytest.mark.parametrize("goal", ["closed", "aside", "gone"])
@pytest.mark.parametrize("at", range(3))
def test_a_run_that_is_killed_at_any_write_converges_and_lets_nobody_in_who_is_kept_out(
    goal: str, at: int, world: World, limited: Host, host_with: HostWith, proxy: Proxy
) -> None:
    """Without what the killed run kept, too: the first run's state is lost."""
    wiki, again = world.open(), Resource(limited, IsolationProvider)
    theirs = []
    if goal != "closed":
        again.up(world.declared("close"))
    if goal == "aside":
        theirs = [world.bind(wiki, group=world.authentik.group()["pk"])]
        again.refresh()
    host = host_with({"authentik:url": proxy.url}, world.authentik.limited_token(*RIGHTS))
    killed = Resource(host, IsolationProvider)
    killed.id, killed.outs = again.id, dict(again.outs)

    def kill(exchange: Exchange) -> None:
        host.kill()
        exchange.reset()

    proxy.on("(POST|PUT|PATCH|DELETE) .*", kill, skip=at)
    with suppress(HostError):  # where it takes fewer writes
        killed.delete() if goal == "gone" else killed.up(world.declared("close"))
    proxy.clear()
    assert world.enters(world.person, wiki) == (goal != "aside")
    if goal == "gone":
        again.delete()
        assert (world.mode(wiki), world.bindings(wiki)) == ("any", [])
        return
    if goal == "aside":
        again.refresh()
    again.up(world.declared("close"))
    assert not world.enters(world.one, wiki)
    assert world.mode(wiki) == ("all" if goal == "closed" else "any")
    again.delete()
    assert (world.mode(wiki), world.bindings(wiki)) == ("any", theirs)


def test_somebody_who_binds_at_the_same_moment_keeps_out_whom_theirs_keeps_out(
    world: World, proxied_host: Host, proxy: Proxy
) -> None:
    wiki, family, isolation = world.open(), world.authentik.group()["pk"], Resource(proxied_host, IsolationProvider)
    proxy.on("POST /policies/bindings/", then(lambda: world.bind(wiki, group=family)))
    isolation.up(world.declared("close"))
    proxy.clear()
    assert [each["group"] for each in world.bindings(wiki)] == [family]
    assert not world.enters(world.person, wiki)
