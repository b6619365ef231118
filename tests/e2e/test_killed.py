"""Killed anywhere: engine and provider host die by SIGKILL, and the same command again converges.

Run again as docs/operations.md tells: `pulumi cancel`, the same command, and `pulumi refresh --clear-pending-creates`,
for the engine keeps a note of each create that it does not know the end of. Here are a few writes, with the real
engine; tests/host/test_killed.py kills the host at any call. With --torture the engine dies at each call, too: each way
between two states is gone once, its calls to Authentik and Caddy are counted, and it is gone again for each of them,
before the server hears of it and after it has acted.
"""

import signal
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import pytest

from lab.driver import Driver
from tests.e2e.killing import Case, Killable, State, between, own
from tests.logins import login_rights

PHONES = [{"name": "phone"}, {"name": "anna"}]
WHOLE = State({"phones": PHONES, "enabled": True, "applicationName": "Immich"}, ("", "-anna"))
CHANGED = State({"phones": PHONES[:1], "enabled": False, "applicationName": "Photos"}, ("",))
ROTATED = State({**WHOLE.settings, "phones": [{"name": "phone", "generation": 2}, PHONES[1]]}, ("-g2", "-anna"))
GONE = State()
ONE = State({"phones": PHONES[:1], "enabled": True, "applicationName": "Immich"}, ("",))
WAYS = {"up and destroy": (WHOLE, GONE), "update": (CHANGED, WHOLE), "rotation": (ROTATED, WHOLE)}
WRITES = ("POST", "PUT", "PATCH")
ACCOUNT, REMOVAL = "POST /core/users/service_account/", "DELETE /core/users/*/"
# Before the provider goes, the application is gone with its bindings, and the outpost still has the provider.
BINDING, PROVIDER = "POST /policies/bindings/", "DELETE /providers/proxy/*/"
ROUTE = "/config/apps/http/servers/*/routes/*"
KILLS = [
    ((WHOLE, Case("Authentik", ACCOUNT, 1, "after")), (GONE, Case("Authentik", PROVIDER, 0, "before"))),
    ((WHOLE, Case("Authentik", BINDING, 0, "after")), (GONE, Case("Authentik", REMOVAL, 0, "after"))),
    ((WHOLE, Case("Caddy", f"PUT {ROUTE}", 0, "after")), (GONE, Case("Caddy", f"DELETE {ROUTE}", 0, "after"))),
    ((ROTATED, Case("Authentik", ACCOUNT, 0, "after")), (WHOLE, Case("Authentik", REMOVAL, 0, "before"))),
]
"""Two states, and the write at which the run that brings the stack there is killed."""

pytestmark = pytest.mark.timeout(3600)
TORTURE = pytest.mark.torture


@pytest.fixture(scope="module")
def killable(driver: Driver) -> Iterator[Killable]:
    yield from between(driver)


@pytest.mark.parametrize(("one", "other"), KILLS)
def test_a_run_killed_at_a_write_converges_when_run_again(
    one: tuple[State, Case], other: tuple[State, Case], killable: Killable
) -> None:
    killable.bring(other[0])
    for state, case in (one, other):
        killable.killed(state, case)
        killable.run_again(state)
        killable.stands(state)


@TORTURE
@pytest.mark.parametrize("way", WAYS)
def test_a_run_killed_at_any_call_converges_when_run_again(way: str, killable: Killable) -> None:
    there, back = WAYS[way]
    upstream = str(killable.driver.stack.settings()["immich:upstream"])
    if way == "update":  # another name of the same Immich, so that Caddy's route changes too
        there = State({**there.settings, "upstream": upstream.replace("127.0.0.1", "localhost")}, there.accounts)
        back = State({**back.settings, "upstream": upstream}, back.accounts)
    killable.bring(back)
    cases = [killable.counted(state) for state in (there, back)]
    servers = {case.server for each in cases for case in each}
    assert servers == ({"Authentik"} if way == "rotation" else {"Authentik", "Caddy"})
    try:
        for pair in zip_longest(*cases):
            for state, case in zip((there, back), pair, strict=True):
                if case is None:
                    killable.bring(state)
                else:
                    killable.killed(state, case)
                    killable.run_again(state)
                    killable.stands(state)
    finally:
        killable.driver.stack.configure(upstream=upstream)


@pytest.fixture(scope="module")
def calls(killable: Killable) -> list[Case]:
    """Each call of an up before the server hears of it."""
    killable.bring(GONE)
    found = killable.counted(ONE)[::2]
    killable.bring(GONE)
    return found


@pytest.fixture
def house(killable: Killable) -> Iterator[State]:
    """Login and isolation, with a group made by hand, one application that is open and one that the family enters."""
    driver = killable.driver
    admin, names = driver.admin, driver.lab.names
    killable.bring(GONE)
    empty, login = killable.empty, f"{names['application']}-login"
    group = admin.call("POST", "/core/groups/", {"name": names["phones_group"], "attributes": {"by": "hand"}})["pk"]
    slugs = [f"{names['second']}-{each}" for each in ("open", "family")]
    made = [admin.call("POST", "/core/applications/", {"name": slug, "slug": slug})["pk"] for slug in slugs]
    bound = {"target": made[1], "group": admin.group(names["people_group"]), "order": 0}
    admin.call("POST", "/policies/bindings/", bound)
    killable.empty = own(driver)
    more = {
        "isolation": "close",
        "login": True,
        "authentikUrl": driver.lab.authentik_url,
        "loginApplication": login,
        "loginName": login,
        "adopt": True,
    }
    with login_rights(driver):
        yield State({**ONE.settings, **more}, ONE.accounts, bindings=4)
        killable.bring(GONE)
    driver.stack.configure(**dict.fromkeys(more))
    for slug in slugs:
        admin.call("DELETE", f"/core/applications/{slug}/")
    admin.call("DELETE", f"/core/groups/{group}/")
    killable.empty = empty


@TORTURE
def test_with_login_isolation_and_an_adopted_group_it_converges(house: State, killable: Killable) -> None:
    cases = [killable.counted(state) for state in (house, GONE)]
    for up, destroy in zip_longest(*cases):
        if up is None:
            killable.bring(house)
        else:
            killable.killed(house, up)
            killable.run_again(house)
            killable.stands(house)
            killable.bring(GONE)
            take_away_what_was_taken_for_found(killable, up)
            killable.bring(house)
        if destroy is not None:
            killable.killed(GONE, destroy)
            killable.run_again(GONE)
            killable.stands(GONE)
            assert by_hand(killable) == {"by": "hand"}


def by_hand(killable: Killable) -> dict[str, Any]:
    """The attributes of the group that was made by hand."""
    admin = killable.driver.admin
    found: dict[str, Any] = admin.call("GET", f"/core/groups/{admin.group(killable.driver.lab.names['phones_group'])}/")
    return dict(found["attributes"])


def take_away_what_was_taken_for_found(killable: Killable, case: Case) -> None:
    """With immich:adopt what the killed run wrote, and could not note, is taken for found: a few objects at most."""
    admin, left = killable.driver.admin, killable.left()
    assert sum(map(len, left.values())) <= 3, (case, left)
    paths = {"bindings": "/policies/bindings/", "applications": "/core/applications/"}
    for part, path in paths.items():
        for key in left.get(part, ()):
            admin.call("DELETE", f"{path}{key}/")
    for part, path in {"proxy providers": "/providers/proxy/", "OAuth2 providers": "/providers/oauth2/"}.items():
        for name in left.get(part, ()):
            admin.call("DELETE", f"{path}{(admin.one(path, name=name) or {})['pk']}/")
    group = admin.group(killable.driver.lab.names["phones_group"])
    admin.call("PATCH", f"/core/groups/{group}/", {"attributes": {"by": "hand"}})
    killable.stands(GONE)


@pytest.mark.parametrize("late", [False, True], ids=["before the call of the run after it", "after that run"])
def test_a_call_that_a_host_outlives_its_engine_with_makes_nothing_twice(
    late: bool, killable: Killable, calls: list[Case], torture: bool
) -> None:
    writes = [case for case in calls if case.call.startswith(WRITES)]
    (binding, *_) = [case for case in writes if case.call.startswith("POST /policies/bindings/")]
    for case in writes if torture else [binding]:  # the one kind of which the server takes two
        killable.outlived(ONE, case, late=late)
        if late:  # what came then is drift
            stack = killable.driver.stack
            stack.must("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
            stack.must("up", "--yes", "--skip-preview")
        killable.stands(ONE)
        killable.bring(GONE)
        killable.stands(GONE)


@pytest.mark.parametrize("keys", ["once", "twice", "terminate"])
def test_an_up_that_the_operator_stops_converges(
    keys: str, killable: Killable, calls: list[Case], torture: bool
) -> None:
    if keys == "terminate" and not torture:
        pytest.skip("the engine ends as after one Ctrl-C; only with --torture")
    numbers = {"once": (signal.SIGINT,), "twice": (signal.SIGINT,) * 2, "terminate": (signal.SIGTERM,)}[keys]
    writes = [case for case in calls if case.call.startswith("POST")]
    for case in calls if torture else [writes[len(writes) // 2]]:
        said = killable.signalled(ONE, case, numbers)
        assert ("SIGTERM" if keys == "terminate" else "^C") + " received; cancelling" in said
        assert ("^C received; terminating" in said) == (keys == "twice")
        if keys == "twice":
            killable.run_again(ONE)
        else:  # the engine ended in order: no lock to take away
            killable.driver.stack.must("up", "--yes", "--skip-preview")
        killable.stands(ONE)
        killable.bring(GONE)
        killable.stands(GONE)


@pytest.fixture
def elsewhere(killable: Killable) -> Iterator[str]:
    """Another outpost, with somebody else's provider on it and on the embedded one."""
    driver = killable.driver
    killable.bring(GONE)
    name = f"{driver.lab.names['second']}-outpost"
    with driver.second_application("second.lab.test"):
        theirs = (driver.admin.one("/providers/proxy/", name=driver.lab.names["second"]) or {})["pk"]
        body = {"name": name, "type": "proxy", "providers": [theirs], "config": driver.admin.outpost()["config"]}
        outpost = driver.admin.call("POST", "/outposts/instances/", body)["pk"]
        empty, killable.empty = killable.empty, own(driver)
        yield name
        killable.bring(GONE)
        driver.stack.configure(outpost=None)
        driver.admin.call("DELETE", f"/outposts/instances/{outpost}/")
        killable.empty = empty


@TORTURE
def test_a_provider_that_moves_to_another_outpost_is_on_one_of_them_at_any_moment(
    elsewhere: str, killable: Killable
) -> None:
    admin = killable.driver.admin
    here = State({**ONE.settings, "outpost": None}, ONE.accounts)
    there = State({**ONE.settings, "outpost": elsewhere}, ONE.accounts)
    killable.bring(here)
    ours = (admin.one("/providers/proxy/", name=killable.driver.lab.names["provider"]) or {})["pk"]
    theirs = (admin.one("/providers/proxy/", name=killable.driver.lab.names["second"]) or {})["pk"]

    def on() -> list[bool]:
        other = admin.one("/outposts/instances/", name__iexact=elsewhere) or {}
        lists = [admin.outpost()["providers"], other["providers"]]
        assert all(theirs in providers for providers in lists)
        return [ours in providers for providers in lists]

    cases = [killable.counted(state) for state in (there, here)]
    for pair in zip_longest(*cases):
        for state, case in zip((there, here), pair, strict=True):
            if case is None:
                killable.bring(state)
                continue
            killable.killed(state, case)
            assert any(on()), case
            killable.run_again(state)
            killable.stands(state)
            assert on() == [state is here, state is there]
