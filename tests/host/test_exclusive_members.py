"""Who else is in a group or below it: refused when found first, seen when they came later, taken off by up."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from providers.authentik.exclusive_members import ExclusiveMembersProvider
from tests.faults import reset_after
from tests.proxy import Proxy

from .conftest import Authentik, Make
from .engine import Host, HostError, Props, Resource

GROUPS = "/core/groups/"
STACK = "immich/ours"


@dataclass
class World:
    """A group with two accounts, as a stack declares it."""

    authentik: Authentik
    group: dict[str, Any] = field(init=False)
    users: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        body = {"name": self.authentik.name("phones"), "attributes": {"pulumi": f"{STACK}/immich-phones"}}
        self.group = self.authentik.call("POST", GROUPS, body)
        self.users = [self.member(), self.member()]

    @property
    def declared(self) -> Props:
        return {"group": self.group["pk"], "users": [str(each["pk"]) for each in self.users]}

    def member(self, **fields: Any) -> dict[str, Any]:
        return self.authentik.user(groups=[self.group["pk"]], **fields)

    def below(self, *parents: str) -> dict[str, Any]:
        body = {"name": self.authentik.name("below"), "parents": [self.group["pk"], *parents]}
        made: dict[str, Any] = self.authentik.call("POST", GROUPS, body)
        return made

    def add(self, what: str) -> tuple[str, str]:
        """Whom somebody puts there by hand: the key, and what a message must call it."""
        if what == "user":
            user = self.member()
            return str(user["pk"]), f"user {user['username']!r}"
        group = self.below()
        return group["pk"], f"group {group['name']!r} below it"

    def now(self) -> tuple[set[int], list[str]]:
        """Who is in it, and what is below it."""
        seen = self.authentik.call("GET", f"{GROUPS}{self.group['pk']}/")
        return set(seen["users"]), seen["children"]

    @property
    def alone(self) -> tuple[set[int], list[str]]:
        return {each["pk"] for each in self.users}, []


@pytest.fixture
def world(authentik: Authentik) -> World:
    return World(authentik)


@pytest.fixture
def exclusive(host: Host) -> Resource:
    return Resource(host, ExclusiveMembersProvider)


FURTHER = pytest.mark.parametrize("what", ["user", "group"])


def test_where_nobody_else_is_it_costs_one_call_to_make_one_to_read_and_writes_nothing(
    world: World, exclusive: Resource
) -> None:
    since = world.authentik.mark()
    exclusive.up(world.declared)
    exclusive.refresh()
    assert exclusive.up(world.declared) == "same"
    assert exclusive.up(world.declared | {"users": [world.users[0]["pk"]]}) == "updated"
    exclusive.delete()
    assert [each.partition("?")[0] for each in world.authentik.asked(since)] == [
        f"GET {GROUPS}{world.group['pk']}/"
    ] * 2


def test_a_group_that_this_run_made_is_not_asked_for(authentik: Authentik, resource: Make, exclusive: Resource) -> None:
    group = resource("Group")
    group.up({"name": authentik.name("group")})
    since = authentik.mark()
    exclusive.up({"group": group.id, "users": []})
    assert authentik.asked(since) == []


@FURTHER
def test_who_comes_later_is_seen_by_refresh_and_taken_off_by_up_and_nobody_else_is(
    what: str, world: World, exclusive: Resource
) -> None:
    exclusive.up(world.declared)
    key, words = world.add(what)
    exclusive.refresh()
    assert exclusive.outs["others"] == {key: words}
    since = world.authentik.mark()
    assert exclusive.up(world.declared) == "updated"
    assert world.authentik.written(since) == [f"PATCH {GROUPS}{world.group['pk'] if what == 'user' else key}/"]
    assert world.now() == world.alone
    exclusive.refresh()
    assert exclusive.up(world.declared) == "same"


def test_a_group_below_it_keeps_its_users_and_what_else_is_above_it(world: World, exclusive: Resource) -> None:
    exclusive.up(world.declared)
    other = world.authentik.group()
    below = world.below(other["pk"])
    user = world.authentik.user(groups=[below["pk"]])
    exclusive.refresh()
    exclusive.up(world.declared)
    seen = world.authentik.call("GET", f"{GROUPS}{below['pk']}/")
    assert (seen["parents"], seen["users"]) == ([other["pk"]], [user["pk"]])


@FURTHER
def test_who_is_found_there_when_it_is_made_is_named_and_left(what: str, world: World, exclusive: Resource) -> None:
    _, words = world.add(what)
    before, since = world.now(), world.authentik.mark()
    with pytest.raises(HostError) as refused:
        exclusive.up(world.declared)
    assert words in str(refused.value)
    assert world.group["name"] in str(refused.value)
    assert "belongs in another group" in str(refused.value)
    assert world.authentik.written(since) == []
    assert world.now() == before


@pytest.mark.parametrize(("owner", "taken"), [(STACK, True), ("immich/theirs", False)])
def test_an_account_of_the_same_stack_that_is_about_to_go_is_no_stranger(
    owner: str, taken: bool, world: World, exclusive: Resource
) -> None:
    world.member(attributes={"pulumi": f"{owner}/immich-phone"})
    if not taken:
        with pytest.raises(HostError, match="who would be let in"):
            exclusive.up(world.declared)
        return
    exclusive.up(world.declared)
    assert exclusive.outs["others"] == {}


def test_an_account_that_is_replaced_is_in_it_until_it_has_gone(world: World, exclusive: Resource) -> None:
    exclusive.up(world.declared)
    key, _ = world.add("user")
    exclusive.refresh()
    former, kept = world.users
    world.users = [world.member(), kept]
    assert exclusive.up(world.declared) == "updated"
    assert exclusive.outs["others"] == {}
    users, _ = world.now()
    assert users == {former["pk"], *(each["pk"] for each in world.users)}
    assert int(key) not in users


def test_who_is_declared_by_now_stays(world: World, exclusive: Resource) -> None:
    exclusive.up(world.declared)
    added = world.member()
    exclusive.refresh()
    world.users.append(added)
    assert exclusive.up(world.declared) == "updated"
    assert world.now() == world.alone
    assert exclusive.outs["others"] == {}


def test_no_more_is_taken_off_than_a_refresh_saw(world: World, exclusive: Resource) -> None:
    exclusive.up(world.declared)
    world.add("user")
    exclusive.refresh()
    since_then = dict([world.add("user"), world.add("group")])
    exclusive.up(world.declared)
    assert exclusive.outs["others"] == since_then
    users, below = world.now()
    assert {str(each) for each in users - world.alone[0]} | {*below} == since_then.keys()
    assert exclusive.up(world.declared) == "updated"
    assert world.now() == world.alone


def test_who_goes_meanwhile_is_fine(world: World, exclusive: Resource) -> None:
    exclusive.up(world.declared)
    key, _ = world.add("user")
    below, _ = world.add("group")
    exclusive.refresh()
    world.authentik.call("DELETE", f"/core/users/{key}/")
    world.authentik.call("DELETE", f"{GROUPS}{below}/")
    assert exclusive.up(world.declared) == "updated"
    assert exclusive.outs["others"] == {}


def test_a_removal_whose_answer_is_lost_is_done(world: World, proxied_host: Host, proxy: Proxy) -> None:
    lost = Resource(proxied_host, ExclusiveMembersProvider)
    lost.up(world.declared)
    world.add("user")
    lost.refresh()
    proxy.on(rf"PATCH {GROUPS}.*", reset_after)
    assert lost.up(world.declared) == "updated"
    assert proxy.met
    proxy.clear()
    assert world.now() == world.alone


def test_it_is_gone_with_its_group(world: World, exclusive: Resource) -> None:
    exclusive.up(world.declared)
    world.add("user")
    exclusive.refresh()
    world.authentik.call("DELETE", f"{GROUPS}{world.group['pk']}/")
    with pytest.raises(HostError, match="gone from Authentik"):
        exclusive.up(world.declared)
    assert not exclusive.refresh()
