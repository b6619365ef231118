"""What accounts may enter besides theirs: shut where that is safe, and given back."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.authentik import StandIn
from providers.authentik.isolation import IsolationProvider
from providers.authentik.isolation_steps import MARK, is_marked
from tests.host.conftest import Authentik, HostWith
from tests.host.engine import Host, HostError, Props, Resource

from .conftest import RIGHTS, World


def test_close_shuts_the_group_out_of_what_is_open_and_nobody_else(world: World, isolation: Resource) -> None:
    wiki = world.open()
    isolation.up(world.declared("close", world.one, world.two))
    assert not world.enters(world.one, wiki)
    assert not world.enters(world.two, wiki)
    assert world.enters(world.person, wiki)
    assert isolation.outs["reachable"] == {each["username"]: [] for each in (world.one, world.two)}
    assert list(isolation.outs["bindings"]) == [wiki["slug"]]
    before = isolation.outs
    isolation.refresh()
    assert isolation.outs == before
    assert isolation.up(world.declared("close", world.one, world.two)) == "same"


def test_taking_an_account_away_asks_nothing_even_where_it_is_shut_out(world: World, isolation: Resource) -> None:
    wiki = world.open()
    isolation.up(world.declared("close", world.one, world.two))
    bound, since = isolation.outs["bindings"], world.authentik.mark()
    assert isolation.up(world.declared("close", world.two)) == "updated"
    assert world.authentik.asked(since) == []
    assert isolation.outs["reachable"] == {world.two["username"]: []}
    assert isolation.outs["bindings"] == bound
    isolation.refresh()
    assert isolation.up(world.declared("close", world.two)) == "same"
    isolation.delete()
    assert world.bindings(wiki) == []


def test_close_leaves_what_has_bindings_of_others_as_it_is_and_names_it(world: World, isolation: Resource) -> None:
    theirs, disabled, both = world.open(), world.open(), world.open(policy_engine_mode="all")
    world.bind(theirs, user=world.one["pk"])
    world.bind(disabled, group=world.authentik.group()["pk"], enabled=False)
    world.bind(both, user=world.one["pk"])
    since = world.authentik.mark()
    isolation.up(world.declared("close"))
    assert world.authentik.written(since) == []
    assert isolation.outs["reachable"][world.one["username"]] == sorted(
        each["slug"] for each in (theirs, disabled, both)
    )


def test_an_application_that_is_opened_later_is_shut_by_the_next_up(world: World, isolation: Resource) -> None:
    isolation.up(world.declared("close"))
    wiki = world.open()
    isolation.refresh()
    assert isolation.outs["pending"] == [f"shut out of {wiki['slug']}"]
    assert isolation.up(world.declared("close")) == "updated"
    assert not world.enters(world.one, wiki)
    assert isolation.outs["pending"] == []


def test_a_group_that_somebody_binds_later_narrows_until_ours_steps_aside(world: World, isolation: Resource) -> None:
    wiki, family, friends = world.open(), world.authentik.group()["pk"], world.authentik.group()["pk"]
    member = world.authentik.user(groups=[family])
    isolation.up(world.declared("close"))
    theirs = [world.bind(wiki, group=family)]
    assert world.enters(member, wiki)
    assert not world.enters(world.person, wiki)
    theirs.append(world.bind(wiki, group=friends))
    assert not world.enters(member, wiki)  # who is in both would
    isolation.refresh()
    assert isolation.outs["pending"] == [f"take our binding off {wiki['slug']}"]
    isolation.up(world.declared("close"))
    assert world.bindings(wiki) == theirs
    assert world.mode(wiki) == "any"
    assert world.enters(member, wiki)
    assert not world.enters(world.person, wiki)
    assert not world.enters(world.one, wiki)
    assert isolation.outs["bindings"] == {}


def test_a_binding_of_a_former_version_is_marked_and_its_application_hardened(
    world: World, isolation: Resource
) -> None:
    wiki = world.open()
    ours = world.bind(wiki, group=world.group, negate=True)
    isolation.up(world.declared("close"))
    assert (world.mode(wiki), world.bindings(wiki)) == ("all", [{**ours, "order": MARK}])
    isolation.delete()
    assert (world.mode(wiki), world.bindings(wiki)) == ("any", [])


def test_a_mode_that_is_set_back_is_drift(world: World, isolation: Resource) -> None:
    """As by a blueprint that declares it."""
    wiki = world.open()
    isolation.up(world.declared("close"))
    world.authentik.call("PATCH", f"/core/applications/{wiki['slug']}/", {"policy_engine_mode": "any"})
    isolation.refresh()
    assert isolation.outs["pending"] == [f"set policy engine mode all on {wiki['slug']}"]
    isolation.up(world.declared("close"))
    assert world.mode(wiki) == "all"


def test_destroy_beside_a_group_that_was_bound_later_gives_the_mode_back(world: World, isolation: Resource) -> None:
    wiki, family = world.open(), world.authentik.group()["pk"]
    isolation.up(world.declared("close"))
    theirs = world.bind(wiki, group=family)
    isolation.delete()
    assert (world.mode(wiki), world.bindings(wiki)) == ("any", [theirs])


def test_a_binding_of_ours_that_was_disabled_or_removed_is_mended(world: World, isolation: Resource) -> None:
    wiki = world.open()
    isolation.up(world.declared("close"))
    (ours,) = world.bindings(wiki)
    world.authentik.call("PUT", f"/policies/bindings/{ours['pk']}/", {**ours, "enabled": False})
    isolation.refresh()
    assert isolation.outs["pending"] == [f"enable our binding on {wiki['slug']}"]
    isolation.up(world.declared("close"))
    assert not world.enters(world.one, wiki)
    world.authentik.call("DELETE", f"/policies/bindings/{ours['pk']}/")
    isolation.refresh()
    isolation.up(world.declared("close"))
    assert not world.enters(world.one, wiki)
    assert len(world.bindings(wiki)) == 1


def test_in_mode_all_a_binding_of_ours_stays_beside_others_for_it_only_narrows(
    world: World, isolation: Resource
) -> None:
    wiki = world.open(policy_engine_mode="all")
    isolation.up(world.declared("close"))
    world.bind(wiki, user=world.one["pk"])
    isolation.refresh()
    assert isolation.outs["pending"] == []
    assert not any(map(is_marked, world.bindings(wiki)))
    world.authentik.call("PATCH", f"/core/applications/{wiki['slug']}/", {"policy_engine_mode": "any"})
    isolation.refresh()
    assert isolation.outs["pending"] == [f"take our binding off {wiki['slug']}"]


def test_destroy_takes_away_our_bindings_and_nothing_else(world: World, isolation: Resource) -> None:
    wiki, made_over, theirs = world.open(), world.open(), world.open()
    isolation.up(world.declared("close"))
    kept = world.bind(theirs, group=world.authentik.group()["pk"])
    (changed,) = world.bindings(made_over)
    other = {**changed, "group": world.authentik.group()["pk"], "negate": False}
    world.authentik.call("PUT", f"/policies/bindings/{changed['pk']}/", other)
    isolation.delete()
    assert world.bindings(wiki) == []
    assert [each["pk"] for each in world.bindings(made_over)] == [changed["pk"]]
    assert [each["pk"] for each in world.bindings(theirs)] == [kept["pk"]]
    isolation.delete()


def test_going_back_to_report_opens_what_was_shut(world: World, isolation: Resource) -> None:
    wiki = world.open()
    isolation.up(world.declared("close"))
    assert isolation.up(world.declared("report")) == "replaced"
    assert (world.mode(wiki), world.bindings(wiki)) == ("any", [])
    assert isolation.outs["reachable"] == {world.one["username"]: [wiki["slug"]]}


def test_a_mode_that_our_token_is_not_told_leaves_what_shuts_out_and_is_said(
    world: World, isolation: Resource, authentik: Authentik, host_with: HostWith
) -> None:
    wiki, family = world.open(), world.authentik.group()["pk"]
    isolation.up(world.declared("close"))
    world.bind(wiki, group=family)
    bound = world.bindings(wiki)
    rights = [each for each in RIGHTS if each != "authentik_core.view_application"]
    blind = Resource(host_with({"authentik:url": authentik.url}, authentik.limited_token(*rights)), IsolationProvider)
    blind.id, blind.outs = isolation.id, isolation.outs
    blind.refresh()
    assert any(wiki["slug"] in each and "view_application" in each for each in blind.outs["unchecked"])
    blind.up(world.declared("close"))
    assert world.bindings(wiki) == bound
    assert world.mode(wiki) == "all"


def test_the_right_to_change_applications_is_named_where_it_is_missing(
    world: World, authentik: Authentik, host_with: HostWith
) -> None:
    wiki = world.open()
    rights = [each for each in RIGHTS if each != "authentik_core.change_application"]
    host = host_with({"authentik:url": authentik.url}, authentik.limited_token(*rights))
    with pytest.raises(HostError, match=f"{wiki['slug']}.*authentik_core.change_application"):
        Resource(host, IsolationProvider).up(world.declared("close"))
    assert not world.enters(world.one, wiki)


def test_where_mode_all_does_not_hold_ours_goes_even_if_the_operator_chose_it() -> None:
    """On 2025.8 to 2026.2 one group or user is enough in mode all, too."""
    with StandIn(version="2025.8.1", cache_seconds=0) as standin:
        authentik = Authentik(standin)
        with Host({"authentik:url": authentik.url}, {"AUTHENTIK_TOKEN": authentik.token}) as host:
            group = authentik.group()["pk"]
            one, own = authentik.user(groups=[group]), authentik.application()
            world = World(authentik, group, one, authentik.user(), authentik.user(), own["pk"])
            world.bind(own, group=group)
            wiki, isolation = world.open(policy_engine_mode="all"), Resource(host, IsolationProvider)
            isolation.up(world.declared("close"))
            theirs = world.bind(wiki, group=authentik.group()["pk"])
            assert world.enters(world.person, wiki)
            isolation.refresh()
            isolation.up(world.declared("close"))
            assert (world.mode(wiki), world.bindings(wiki)) == ("all", [theirs])
            assert not world.enters(world.person, wiki)


BOUND = st.fixed_dictionaries(
    {"bound": st.sampled_from(["phones", "people", "one", "person", "policy"])},
    optional={"negate": st.booleans(), "enabled": st.booleans(), "failure_result": st.booleans()},
)
APPLICATIONS = st.lists(st.tuples(st.sampled_from(["any", "all"]), st.lists(BOUND, max_size=3)), max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(APPLICATIONS, st.lists(st.sampled_from(["people", "none"]), min_size=2, max_size=2))
def test_close_lets_nobody_in_anywhere_and_destroy_leaves_everything_as_it_was(
    world: World, limited: Host, applications: list[tuple[str, list[Props]]], memberships: list[str]
) -> None:
    people = world.authentik.group()["pk"]
    everything = world.authentik.call("GET", "/policies/bindings/?page_size=100")["results"]
    policy = next(each["policy"] for each in everything if each["policy"])
    users = [world.one, *(world.authentik.user(groups=[people] if each == "people" else []) for each in memberships)]
    targets: dict[str, Props] = {
        "phones": {"group": world.group, "negate": False},
        "people": {"group": people},
        "one": {"user": world.one["pk"]},
        "person": {"user": users[1]["pk"]},
        "policy": {"policy": policy},
    }
    made = []
    for mode, bindings in applications:
        made.append(world.open(policy_engine_mode=mode))
        for each in bindings:
            fields = {name: value for name, value in each.items() if name != "bound"}
            world.bind(made[-1], **(fields | targets[each["bound"]]))

    def entering() -> set[tuple[str, str]]:
        return {(user["username"], each["slug"]) for user in users for each in made if world.enters(user, each)}

    before, isolation = entering(), Resource(limited, IsolationProvider)
    bound = [world.bindings(each) for each in made]
    isolation.up(world.declared("close"))
    after = entering()
    assert after <= before
    shut = {slug for user, slug in before - after}
    assert before - after == {(world.one["username"], slug) for slug in shut}
    closed = [each for each, (_, bindings) in zip(made, applications, strict=True) if not bindings]
    assert shut == {each["slug"] for each in closed}
    assert {world.mode(each) for each in closed} <= {"all"}
    told = set(isolation.outs["reachable"][world.one["username"]]) & {each["slug"] for each in made}
    assert told == {slug for user, slug in after if user == world.one["username"]}
    isolation.delete()
    assert entering() == before
    assert [world.bindings(each) for each in made] == bound
    assert [world.mode(each) for each in made] == [mode for mode, _ in applications]
