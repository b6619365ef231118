"""Every recorded exchange with a real Authentik is answered alike by the stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.authentik import StandIn
from tests.contract.replay import CACHE_SECONDS, EXCHANGES, Outcome, Replay

# Cases that cannot be answered alike, each with the reason. Keep it empty.
DIFFERENT: dict[str, str] = {}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Outcome]]:
    """All of them in one go: an answer depends on those before it, and the cache on the time between."""
    state = tmp_path_factory.mktemp("authentik") / "state.sqlite"
    with StandIn(state, public_url="http://localhost", cache_seconds=CACHE_SECONDS) as server:
        replay = Replay(server)
        yield [replay.play(exchange) for exchange in EXCHANGES]


def test_the_whole_recording_is_here() -> None:
    assert len(EXCHANGES) == 211
    assert not DIFFERENT.keys() - {exchange["case"] for exchange in EXCHANGES}


@pytest.mark.parametrize("number", range(len(EXCHANGES)), ids=[f"{n:03d} {e['case']}" for n, e in enumerate(EXCHANGES)])
def test_answers_as_recorded(outcomes: list[Outcome], number: int) -> None:
    exchange, outcome = EXCHANGES[number], outcomes[number]
    if exchange["case"] in DIFFERENT:
        pytest.skip(DIFFERENT[exchange["case"]])
    if outcome.unlike:
        pytest.fail(f"{exchange['method']} {exchange['path']}: {outcome.unlike}", pytrace=False)
