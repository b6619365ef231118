"""What else is bound to an application: refused when found first, seen when it came later, taken off by up."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.authentik.exclusive_bindings import ExclusiveBindingsProvider
from tests.faults import reset_after
from tests.proxy import Proxy

from .conftest import Authentik
from .engine import Host, HostError, Props, Resource

BINDINGS = "/policies/bindings/"


@dataclass
class World:
    """An application of mode any to which two groups are bound, as a stack declares it."""

    authentik: Authentik
    application: dict[str, Any] = field(init=False)
    groups: list[dict[str, Any]] = field(init=False)
    ours: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.application = self.authentik.application(policy_engine_mode="any")
        self.groups = [self.authentik.group(), self.authentik.group()]
        self.ours = [self.bind(group=group["pk"]) for group in self.groups]

    @property
    def declared(self) -> Props:
        return {"target": self.application["pk"], "bindings": [each["pk"] for each in self.ours]}

    def bind(self, **fields: Any) -> dict[str, Any]:
        """What somebody binds by hand."""
        body = {"target": self.application["pk"], "order": len(self.bound()), **fields}
        made: dict[str, Any] = self.authentik.call("POST", BINDINGS, body)
        return made

    def bound(self) -> list[dict[str, Any]]:
        path = f"{BINDINGS}?target={self.application['pk']}&page_size=100&ordering=order"
        found: list[dict[str, Any]] = self.authentik.call("GET", path)["results"]
        return found

    def policy(self) -> str:
        """A policy that is there."""
        everything = self.authentik.call("GET", f"{BINDINGS}?page_size=100")["results"]
        return next(str(each["policy"]) for each in everything if each["policy"])

    def enters(self, user: dict[str, Any]) -> bool:
        """What the server decides."""
        path = f"/core/applications/{self.application['slug']}/check_access/?for_user={user['pk']}"
        return bool(self.authentik.call("GET", path)["passing"])


@pytest.fixture
def world(authentik: Authentik) -> World:
    return World(authentik)


@pytest.fixture
def exclusive(host: Host) -> Resource:
    return Resource(host, ExclusiveBindingsProvider)


def test_where_nothing_else_is_bound_it_costs_one_call_to_make_one_to_read_and_writes_nothing(
    world: World, exclusive: Resource
) -> None:
    since = world.authentik.mark()
    exclusive.up(world.declared)
    exclusive.refresh()
    assert exclusive.up(world.declared) == "same"
    assert exclusive.up(world.declared | {"bindings": [world.ours[0]["pk"]]}) == "updated"
    exclusive.delete()
    assert [each.partition("?")[0] for each in world.authentik.asked(since)] == [f"GET {BINDINGS}"] * 2


def by_hand(world: World, what: str) -> tuple[dict[str, Any], str]:
    """A further binding, and what a message must call it."""
    user, group = world.authentik.user(), world.authentik.group()
    fields, words = {
        "group": ({"group": group["pk"]}, f"group {group['name']!r}"),
        "user": ({"user": user["pk"]}, f"user {user['username']!r}"),
        "policy": ({"policy": world.policy()}, "policy '"),
        "negated": ({"group": group["pk"], "negate": True}, f"group {group['name']!r}, negated"),
        "disabled": ({"group": group["pk"], "enabled": False}, f"group {group['name']!r}, disabled"),
        "ours, negated": ({"group": world.groups[0]["pk"], "negate": True}, f"{world.groups[0]['name']!r}, negated"),
    }[what]
    return world.bind(**fields), words


FURTHER = pytest.mark.parametrize("what", ["group", "user", "policy", "negated", "disabled", "ours, negated"])


@FURTHER
def test_what_is_bound_later_is_seen_by_refresh_and_taken_off_by_up_and_nothing_else_is(
    what: str, world: World, exclusive: Resource
) -> None:
    exclusive.up(world.declared)
    added, words = by_hand(world, what)
    exclusive.refresh()
    assert exclusive.outs["others"].keys() == {added["pk"]}
    assert words in exclusive.outs["others"][added["pk"]]
    since = world.authentik.mark()
    assert exclusive.up(world.declared) == "updated"
    assert world.authentik.written(since) == [f"DELETE {BINDINGS}{added['pk']}/"]
    assert world.bound() == world.ours
    exclusive.refresh()
    assert exclusive.up(world.declared) == "same"


@FURTHER
def test_what_is_found_bound_when_it_is_made_is_named_and_left(what: str, world: World, exclusive: Resource) -> None:
    _, words = by_hand(world, what)
    before, since = world.bound(), world.authentik.mark()
    with pytest.raises(HostError) as refused:
        exclusive.up(world.declared)
    assert words in str(refused.value)
    assert "Add a group that may enter to the argument bindings" in str(refused.value)
    assert world.authentik.written(since) == []
    assert world.bound() == before


def test_a_second_binding_of_a_group_that_a_killed_run_left_is_taken_off_when_it_is_made(
    world: World, exclusive: Resource
) -> None:
    world.bind(group=world.groups[0]["pk"])
    exclusive.up(world.declared)
    assert world.bound() == world.ours


def test_what_is_declared_by_now_stays(world: World, exclusive: Resource) -> None:
    exclusive.up(world.declared)
    added, _ = by_hand(world, "group")
    exclusive.refresh()
    world.ours.append(added)
    assert exclusive.up(world.declared) == "updated"
    assert world.bound() == world.ours
    assert exclusive.outs["others"] == {}


def test_no_more_is_taken_off_than_a_refresh_saw(world: World, exclusive: Resource) -> None:
    exclusive.up(world.declared)
    seen, _ = by_hand(world, "group")
    exclusive.refresh()
    since_then, words = by_hand(world, "user")
    exclusive.up(world.declared)
    assert [each["pk"] for each in world.bound()] == [*(each["pk"] for each in world.ours), since_then["pk"]]
    assert exclusive.outs["others"] == {since_then["pk"]: words}
    assert exclusive.up(world.declared) == "updated"
    assert world.bound() == world.ours
    assert seen["pk"] not in exclusive.outs["others"]


def test_nothing_is_taken_off_where_none_of_ours_stands_for_it_would_open_the_application(
    world: World, exclusive: Resource
) -> None:
    exclusive.up(world.declared)
    by_hand(world, "group")
    exclusive.refresh()
    for each in world.ours:
        world.authentik.call("DELETE", f"{BINDINGS}{each['pk']}/")
    before = world.bound()
    with pytest.raises(HostError, match="open to everybody"):
        exclusive.up(world.declared)
    assert world.bound() == before


def test_what_somebody_takes_off_meanwhile_is_fine(world: World, exclusive: Resource) -> None:
    exclusive.up(world.declared)
    added, _ = by_hand(world, "group")
    exclusive.refresh()
    world.authentik.call("DELETE", f"{BINDINGS}{added['pk']}/")
    assert exclusive.up(world.declared) == "updated"
    assert exclusive.outs["others"] == {}


def test_a_removal_whose_answer_is_lost_is_done(world: World, proxied_host: Host, proxy: Proxy) -> None:
    lost = Resource(proxied_host, ExclusiveBindingsProvider)
    lost.up(world.declared)
    by_hand(world, "group")
    lost.refresh()
    proxy.on(rf"DELETE {BINDINGS}\*/", reset_after)
    assert lost.up(world.declared) == "updated"
    assert proxy.met
    proxy.clear()
    assert world.bound() == world.ours


def test_it_is_gone_with_its_application(world: World, exclusive: Resource) -> None:
    exclusive.up(world.declared)
    world.authentik.call("DELETE", f"/core/applications/{world.application['slug']}/")
    assert not exclusive.refresh()


def test_no_bindings_at_all_are_refused_for_that_opens_an_application(exclusive: Resource) -> None:
    _, failures = exclusive.check({"target": "x", "bindings": []})
    assert failures == {"bindings": "bindings: expected at least one: what nothing is bound to is open to everybody"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "bound": st.sampled_from(["first", "other", "member", "stranger", "policy"]),
                "negate": st.booleans(),
                "enabled": st.booleans(),
            }
        ),
        max_size=4,
    )
)
def test_up_lets_nobody_in_and_only_members_of_our_groups_stay(
    authentik: Authentik, host: Host, added: list[dict[str, Any]]
) -> None:
    world, exclusive = World(authentik), Resource(host, ExclusiveBindingsProvider)
    other = authentik.group()
    member, stranger = authentik.user(groups=[world.groups[0]["pk"]]), authentik.user(groups=[other["pk"]])
    targets = {
        "first": {"group": world.groups[0]["pk"]},
        "other": {"group": other["pk"]},
        "member": {"user": member["pk"]},
        "stranger": {"user": stranger["pk"]},
        "policy": {"policy": world.policy()},
    }
    exclusive.up(world.declared)
    for each in added:
        world.bind(negate=each["negate"], enabled=each["enabled"], **targets[each["bound"]])
    before = {each["username"] for each in (member, stranger) if world.enters(each)}
    exclusive.refresh()
    exclusive.up(world.declared)
    after = {each["username"] for each in (member, stranger) if world.enters(each)}
    assert after <= before
    assert after == {member["username"]}
    assert world.bound() == world.ours
