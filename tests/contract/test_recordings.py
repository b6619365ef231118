"""Every exchange recorded with a real Authentik is answered alike by the stand-in that acts as its version."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

import pytest

from lab.authentik import StandIn
from tests.contract.replay import BEFORE, VERSIONS, Exchange, Outcome, Replay, exchanges

BOTH = ("2025.8.1", "2026.5.0-rc1")
"""Those whose recordings have the later cases, too."""


@dataclass(frozen=True)
class Exclusion:
    """What the stand-in does not act: so many exchanges of each version whose `METHOD path: case` has the pattern."""

    times: int
    pattern: str
    reason: str
    versions: tuple[str, ...] = BOTH


# No code of the program asks these: grep its folders for the paths.
EXCLUSIONS = (
    Exclusion(8, "^GET .*/used_by/:", "the web interface asks it before it deletes"),
    Exclusion(2, "^PUT /core/transactional/applications/:", "an application is made part by part"),
    Exclusion(1, "^GET /providers/all/", "providers are asked for by their kind"),
    Exclusion(1, "/preview_user/:", "the web interface shows it"),
    Exclusion(6, "^POST /crypto/certificatekeypairs/generate/:", "the program makes no pair"),
    Exclusion(1, "/view_private_key/:", "and has its key"),
    Exclusion(
        2, "^POST /propertymappings/.* (bad expression|scope_name with a space)", "what an expression says is not read"
    ),
    Exclusion(3, "^GET /outposts/proxy/", "an outpost asks it"),
    Exclusion(
        8,
        "events: (login by|login_failed (by|of)|by client_ip|secret_view|model_created|created after|search)",
        "only logins that succeed leave an event",
    ),
    Exclusion(3, "^GET /events/events/(actions|volume|top_per_user)/", "events are read, not counted"),
    Exclusion(1, "^GET /events/events/stats/", "events are read, not counted", ("2026.5.0-rc1",)),
    Exclusion(2, "^GET /policies/reputation/", "reputation is not kept"),
    Exclusion(2, "^GET /(admin/system|core/brands/current)/", "the server's operator asks it"),
    Exclusion(2, "^GET /rbac/permissions/", "rights of roles are given and taken, not read"),
    Exclusion(6, "/outpost.goauthentik.io/auth/(nginx|traefik|envoy):", "Caddy has its own path"),
    Exclusion(1, "^GET /api/v3/root/config/:", "the API is asked at Authentik's own address, with a token"),
    Exclusion(2, ": application3 patch slug", "the answer names the slug of before", ("2026.5.0-rc1",)),
    Exclusion(1, "^OPTIONS /policies/bindings/", "it describes the bindings of newer servers", ("2025.8.1",)),
)
REPLAYED = {"2025.8.1": 796, "2026.5.0-rc1": 794, "2026.8.0-rc1": 211}


def exclusion(version: str, exchange: Exchange) -> Exclusion | None:
    asked = f"{exchange['method']} {exchange['path']}: {exchange['case']}"
    return next((each for each in EXCLUSIONS if version in each.versions and re.search(each.pattern, asked)), None)


@cache
def outcomes(version: str) -> tuple[Outcome, ...]:
    """All of a version in one go: an answer depends on those before it."""
    with StandIn(public_url=BEFORE[version].public_url, version=version) as server:
        replay = Replay(server)
        return tuple(replay.play(exchange) for exchange in exchanges(version))


EVERY = [
    pytest.param(version, line, id=f"{version}-{line} {exchange['case']}")
    for version in VERSIONS
    for line, exchange in enumerate(exchanges(version), start=1)
]


@pytest.mark.parametrize(("version", "line"), EVERY)
def test_an_exchange_is_answered_as_recorded_or_excluded_for_a_reason(version: str, line: int) -> None:
    exchange, unlike = exchanges(version)[line - 1], outcomes(version)[line - 1].unlike
    excluded = exclusion(version, exchange)
    if excluded:
        assert unlike, f"it is answered alike: take it out of {excluded}"
    elif unlike:
        pytest.fail(f"{exchange['method']} {exchange['path']}: {unlike}", pytrace=False)


@pytest.mark.parametrize("version", VERSIONS)
def test_so_many_exchanges_are_replayed_and_excluded(version: str) -> None:
    counted = Counter(exclusion(version, exchange) for exchange in exchanges(version))
    assert counted.pop(None) == REPLAYED[version]
    assert counted == {each: each.times for each in EXCLUSIONS if version in each.versions}
