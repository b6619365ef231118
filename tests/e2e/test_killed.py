"""Killed anywhere: engine and provider host die by SIGKILL at any call, and the same command again converges.

Each way between two states of the stack is gone once, and its calls to Authentik and Caddy are counted. Then it is gone
again for each of them, killed at that very call and run again as docs/operations.md tells: `pulumi cancel`, the same
command, and `pulumi refresh --clear-pending-creates`, for the engine keeps a note of each create that it does not know
the end of. The seed says which calls are met before the server hears of them and which after it has acted; with
--torture all are met on both sides.
"""

from collections.abc import Iterator
from itertools import zip_longest

import pytest

from lab.driver import Driver
from tests.e2e.killing import Killable, State, between, sampled

PHONES = [{"name": "phone"}, {"name": "anna"}]
WHOLE = State({"phones": PHONES, "enabled": True, "applicationName": "Immich"}, ("", "-anna"))
CHANGED = State({"phones": PHONES[:1], "enabled": False, "applicationName": "Photos"}, ("",))
ROTATED = State({**WHOLE.settings, "phones": [{"name": "phone", "generation": 2}, PHONES[1]]}, ("-g2", "-anna"))
GONE = State()
WAYS = {"up and destroy": (WHOLE, GONE), "update": (CHANGED, WHOLE), "rotation": (ROTATED, WHOLE)}


@pytest.fixture(scope="module")
def killable(driver: Driver) -> Iterator[Killable]:
    yield from between(driver)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", WAYS)
def test_a_run_killed_at_any_call_converges_when_run_again(way: str, killable: Killable, torture: bool) -> None:
    there, back = WAYS[way]
    upstream = str(killable.driver.stack.settings()["immich:upstream"])
    if way == "update":  # another name of the same Immich, so that Caddy's route changes too
        there = State({**there.settings, "upstream": upstream.replace("127.0.0.1", "localhost")}, there.accounts)
        back = State({**back.settings, "upstream": upstream}, back.accounts)
    killable.bring(back)
    cases = [sampled(killable.counted(state), whole=torture) for state in (there, back)]
    servers = {case.server for each in cases for case in each}
    assert servers == ({"Authentik"} if way == "rotation" else {"Authentik", "Caddy"})
    try:
        for pair in zip_longest(*cases):
            for state, case in zip((there, back), pair, strict=True):
                if case is None:
                    killable.bring(state)
                else:
                    killable.killed(state, case)
    finally:
        killable.driver.stack.configure(upstream=upstream)
