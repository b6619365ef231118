"""What accounts may enter besides theirs: told as the server decides it, shut where that is safe, given back."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.authentik.isolation import IsolationProvider
from providers.authentik.survey import HIDDEN
from tests.faults import first, reset_after, then
from tests.proxy import Proxy

from .conftest import Authentik, HostWith
from .engine import UNKNOWN, Host, HostError, Props, Resource

RIGHTS = (
    "authentik_core.view_user_applications",
    "authentik_core.view_application",
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


@pytest.fixture(scope="module")
def limited(authentik: Authentik) -> Any:
    """A host with a token that has the rights for it and is no superuser's."""
    with Host({"authentik:url": authentik.url}, {"AUTHENTIK_TOKEN": authentik.limited_token(*RIGHTS)}) as host:
        yield host


@pytest.fixture
def isolation(limited: Host) -> Resource:
    return Resource(limited, IsolationProvider)


@pytest.fixture
def superusers(superusers_host: Host) -> Resource:
    return Resource(superusers_host, IsolationProvider)


# --- report ---


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
    assert isolation.outs["untold"] == [HIDDEN]
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
    assert (isolation.outs["reachable"], isolation.outs["untold"]) == ({world.one["username"]: []}, [HIDDEN])
    superusers.up(world.declared("report"))
    assert superusers.outs["reachable"] == {world.one["username"]: [hidden["slug"]]}
    assert superusers.outs["untold"] == []
    before = superusers.outs
    superusers.refresh()
    assert superusers.outs == before


def test_a_lesser_token_than_the_first_ones_is_noticed_by_a_refresh(
    world: World, superusers: Resource, limited: Host
) -> None:
    superusers.up(world.declared("report"))
    assert superusers.outs["untold"] == []
    lesser = Resource(limited, IsolationProvider)
    lesser.id, lesser.outs = superusers.id, superusers.outs
    lesser.refresh()
    assert lesser.outs["untold"] == [HIDDEN]
    assert lesser.up(world.declared("report")) == "updated"
    assert lesser.outs["untold"] == [HIDDEN]


def test_without_the_right_report_says_so_and_close_stops_before_it_writes(
    world: World, authentik: Authentik, host_with: HostWith
) -> None:
    world.open()
    host = host_with({"authentik:url": authentik.url}, authentik.limited_token(*RIGHTS[1:]))
    report, close = Resource(host, IsolationProvider), Resource(host, IsolationProvider)
    report.up(world.declared("report"))
    assert report.outs["reachable"] == {}
    assert any(RIGHTS[0] in each for each in report.outs["untold"])
    since = authentik.mark()
    with pytest.raises(HostError, match=f"{world.one['username']}.*{RIGHTS[0]}"):
        close.up(world.declared("close"))
    assert authentik.written(since) == []


def test_more_applications_than_a_page_holds_are_all_told(world: World, isolation: Resource) -> None:
    slugs = [world.open()["slug"] for _ in range(103)]
    isolation.up(world.declared("report"))
    assert isolation.outs["reachable"] == {world.one["username"]: sorted(slugs)}


# --- close ---


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


def test_a_binding_of_ours_beside_another_is_drift_and_goes(world: World, isolation: Resource) -> None:
    wiki, family = world.open(), world.authentik.group()["pk"]
    isolation.up(world.declared("close"))
    theirs = world.bind(wiki, group=family)
    assert world.enters(world.person, wiki)  # which theirs alone would not let them
    isolation.refresh()
    assert isolation.outs["pending"] == [f"take our binding off {wiki['slug']}"]
    isolation.up(world.declared("close"))
    assert [each["pk"] for each in world.bindings(wiki)] == [theirs["pk"]]
    assert not world.enters(world.person, wiki)
    assert not world.enters(world.one, wiki)
    assert isolation.outs["bindings"] == {}


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
    assert world.bindings(wiki) == []
    assert isolation.outs["reachable"] == {world.one["username"]: [wiki["slug"]]}


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


def test_what_was_bound_by_hand_stays_on_destroy_where_it_was_adopted(world: World, limited: Host) -> None:
    by_hand, wiki = world.open(), world.open()
    world.bind(by_hand, group=world.group, negate=True)
    isolation = Resource(limited, IsolationProvider)
    isolation.up(world.declared("close") | {"adopt": True})
    isolation.delete()
    assert len(world.bindings(by_hand)) == 1
    assert world.bindings(wiki) == []


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


def test_somebody_who_binds_at_the_same_moment_keeps_out_whom_theirs_keeps_out(
    world: World, proxied_host: Host, proxy: Proxy
) -> None:
    wiki, family, isolation = world.open(), world.authentik.group()["pk"], Resource(proxied_host, IsolationProvider)
    proxy.on("POST /policies/bindings/", then(lambda: world.bind(wiki, group=family)))
    isolation.up(world.declared("close"))
    proxy.clear()
    assert [each["group"] for each in world.bindings(wiki)] == [family]
    assert not world.enters(world.person, wiki)


# --- what the engine asks for ---


HOSTILE: dict[str, list[Any]] = {
    "accounts": ["x", 7, [], {"a": "b"}, {"a": "1/../2"}, {"a": ["1"]}, {"": "1"}],
    "action": ["", "open", 7, ["close"]],
    "group": ["", " ", "a\nb", 7],
    "application": ["", "a\0", {}],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in HOSTILE.items() for value in values])
def test_hostile_arguments_are_refused_by_name(isolation: Resource, field: str, value: Any) -> None:
    good = {"group": "g", "application": "a", "accounts": {"x": "1"}, "action": "report"}
    _, failures = isolation.check(good | {field: value})
    assert list(failures) == [field]


def test_accounts_that_are_not_known_yet_are_passed_on_and_count_as_changed(world: World, isolation: Resource) -> None:
    declared = world.declared("report")
    isolation.up(declared)
    unknown = declared | {"accounts": {"new": UNKNOWN}}
    assert isolation.check(unknown)[1] == {}
    assert isolation.diff(unknown)[:2] == (True, [])


def test_without_accounts_nothing_is_asked(world: World, isolation: Resource) -> None:
    since = world.authentik.mark()
    isolation.up(world.declared("report") | {"accounts": {}})
    isolation.refresh()
    assert world.authentik.asked(since) == []
    assert (isolation.outs["reachable"], isolation.outs["untold"]) == ({}, [])


# --- whatever there is ---

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
    assert shut == {each["slug"] for each, (_, bindings) in zip(made, applications, strict=True) if not bindings}
    told = set(isolation.outs["reachable"][world.one["username"]]) & {each["slug"] for each in made}
    assert told == {slug for user, slug in after if user == world.one["username"]}
    isolation.delete()
    assert entering() == before
    assert [world.bindings(each) for each in made] == bound
