"""What accounts may enter besides theirs: told as the server decides it."""

import pytest

from providers.authentik.api.queries import HIDDEN
from providers.authentik.isolation import IsolationProvider
from tests.host.conftest import Authentik, HostWith
from tests.host.engine import Host, HostError, Resource

from .conftest import RIGHTS, World


def test_report_names_what_each_account_may_enter_and_writes_nothing(world: World, isolation: Resource) -> None:
    wiki, closed, theirs = world.open(), world.open(), world.open()
    world.bind(closed, group=world.authentik.group()["pk"])
    world.bind(theirs, user=world.two["pk"])
    since = world.authentik.mark()
    isolation.up(world.declared("report", world.one, world.two))
    assert isolation.outs["reachable"] == {
        world.one["username"]: [wiki["slug"]],
        world.two["username"]: sorted([wiki["slug"], theirs["slug"]]),
    }
    assert isolation.outs["unchecked"] == [HIDDEN]
    isolation.refresh()
    assert isolation.up(world.declared("report", world.one, world.two)) == "same"
    isolation.delete()
    assert world.authentik.written(since) == []
    assert world.bindings(wiki) == []


def test_report_costs_two_calls_for_one_account_one_for_each_further_and_one_each_to_read(
    world: World, isolation: Resource
) -> None:
    since = world.authentik.mark()
    isolation.up(world.declared("report"))
    assert world.authentik.asked(since) == ["GET /core/users/me/", "GET /core/applications/"]
    since = world.authentik.mark()
    isolation.up(world.declared("report", world.one, world.two))
    assert world.authentik.asked(since) == ["GET /core/applications/"]
    since = world.authentik.mark()
    isolation.refresh()
    assert world.authentik.asked(since) == ["GET /core/applications/"] * 2
    since = world.authentik.mark()
    isolation.up(world.declared("report", world.two))
    isolation.delete()
    assert world.authentik.asked(since) == []
    assert isolation.outs["reachable"] == {world.two["username"]: []}


def test_an_application_that_is_opened_later_is_drift(world: World, isolation: Resource) -> None:
    isolation.up(world.declared("report"))
    before = isolation.outs
    isolation.refresh()
    assert isolation.outs == before
    assert not isolation.diff(world.declared("report"))[0]
    wiki = world.open()
    isolation.refresh()
    assert isolation.outs == before | {"reachable": {world.one["username"]: [wiki["slug"]]}}
    assert isolation.diff(world.declared("report"))[:2] == (True, [])
    isolation.refresh()
    assert isolation.diff(world.declared("report"))[0], "a second look must not hide what no up has said"
    since = world.authentik.mark()
    assert isolation.up(world.declared("report")) == "updated"
    assert world.authentik.asked(since) == ["GET /core/applications/"]
    assert isolation.outs["reachable"] == {world.one["username"]: [wiki["slug"]]}
    isolation.refresh()
    assert isolation.up(world.declared("report")) == "same"


def test_what_the_run_that_sees_it_mends_is_told_no_more(world: World, isolation: Resource) -> None:
    isolation.up(world.declared("report"))
    wiki = world.open()
    isolation.refresh()
    world.bind(wiki, group=world.authentik.group()["pk"])  # as another resource of the run does
    assert isolation.up(world.declared("report")) == "updated"
    assert isolation.outs["reachable"] == {world.one["username"]: []}
    isolation.refresh()
    assert isolation.up(world.declared("report")) == "same"


def test_a_hidden_application_is_told_to_a_superusers_token_alone(
    world: World, isolation: Resource, superusers: Resource
) -> None:
    hidden, shut = world.open(meta_hide=True), world.open(meta_hide=True)
    world.bind(shut, group=world.authentik.group()["pk"])
    isolation.up(world.declared("report"))
    assert (isolation.outs["reachable"], isolation.outs["unchecked"]) == ({world.one["username"]: []}, [HIDDEN])
    superusers.up(world.declared("report"))
    assert superusers.outs["reachable"] == {world.one["username"]: [hidden["slug"]]}
    assert superusers.outs["unchecked"] == []
    before = superusers.outs
    superusers.refresh()
    assert superusers.outs == before


def test_a_lesser_token_than_the_first_ones_is_noticed_by_a_refresh(
    world: World, superusers: Resource, limited: Host
) -> None:
    superusers.up(world.declared("report"))
    assert superusers.outs["unchecked"] == []
    lesser = Resource(limited, IsolationProvider)
    lesser.id, lesser.outs = superusers.id, superusers.outs
    lesser.refresh()
    assert lesser.outs["unchecked"] == [HIDDEN]
    assert lesser.up(world.declared("report")) == "updated"
    assert lesser.outs["unchecked"] == [HIDDEN]


def test_a_lesser_token_that_asks_for_a_further_account_says_what_it_is_not_told(
    world: World, superusers: Resource, limited: Host
) -> None:
    superusers.up(world.declared("report"))
    lesser = Resource(limited, IsolationProvider)
    lesser.id, lesser.outs = superusers.id, superusers.outs
    world.open(meta_hide=True)
    assert lesser.up(world.declared("report", world.one, world.two)) == "updated"
    assert lesser.outs["unchecked"] == [HIDDEN]


def test_without_the_right_report_says_so_and_close_stops_before_it_writes(
    world: World, authentik: Authentik, host_with: HostWith
) -> None:
    world.open()
    host = host_with({"authentik:url": authentik.url}, authentik.limited_token(*RIGHTS[1:]))
    report, close = Resource(host, IsolationProvider), Resource(host, IsolationProvider)
    report.up(world.declared("report"))
    assert report.outs["reachable"] == {}
    assert any(RIGHTS[0] in each for each in report.outs["unchecked"])
    since = authentik.mark()
    with pytest.raises(HostError, match=f"{world.one['username']}.*{RIGHTS[0]}"):
        close.up(world.declared("close"))
    assert authentik.written(since) == []


def test_more_applications_than_a_page_holds_are_all_told(world: World, isolation: Resource) -> None:
    slugs = [world.open()["slug"] for _ in range(103)]
    isolation.up(world.declared("report"))
    assert isolation.outs["reachable"] == {world.one["username"]: sorted(slugs)}
