"""What the benchmark calls a regression."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from bench.budget import Operation
from bench.gateway import Gateway
from bench.latencies import OTHERS, seconds
from bench.measure import Measured
from bench.runs import Late, Row
from bench.timeline import Span, critical

from .server import Server, reply


def row(operation: Operation, phones: int, *, calls: int = 0, seconds: float = 1.0) -> Row:
    """One operation that may take 18 calls, beside a floor of one second."""
    return Row(phones, operation, 18, Measured(seconds, calls, 1, 60), Measured(1.0, 0, 0, 50))


@pytest.mark.parametrize(
    "within",
    [
        row("up", 1, calls=18, seconds=2.0),
        row("preview", 1, seconds=1.2),
        row("preview", 200, seconds=1.4),
        row("refresh", 1, seconds=9.0),
    ],
)
def test_what_takes_no_more_than_it_may_is_no_regression(within: Row) -> None:
    assert within.regressions == []


@pytest.mark.parametrize(
    ("over", "told"),
    [
        (row("up", 10, calls=19), ["19 calls, allowed 18"]),
        (row("up", 1, seconds=2.1), ["2.10 times the floor's seconds, allowed 2.00"]),
        (row("preview", 1, seconds=1.3), ["1.30 times the floor's seconds, allowed 1.20"]),
        (row("up", 1, calls=20, seconds=3), ["20 calls, allowed 18", "3.00 times the floor's seconds, allowed 2.00"]),
    ],
)
def test_each_thing_that_takes_more_is_told_with_what_is_allowed(over: Row, told: list[str]) -> None:
    assert over.regressions == told


@pytest.mark.parametrize(
    ("call", "lasts"),
    [
        ("PATCH /outposts/instances/*/", 2.647),
        ("GET /core/applications/?for_user=*&page_size=*", 1.218),
        ("GET /core/applications/immich/", 0.942),
        ("DELETE /providers/proxy/*/", 0.262),
        ("POST /core/users/service_account/", 0.308),
        ("GET /admin/version/", OTHERS),
        ("GET /core/applications/immich/check_access/", OTHERS),
    ],
)
def test_a_call_lasts_as_long_as_it_was_measured(call: str, lasts: float) -> None:
    assert seconds(call) == lasts


def test_a_gateway_answers_as_late_as_it_is_told_and_works_on_no_more_than_its_bound() -> None:
    with (
        Server(reply(200, {"pk": 1})) as server,
        Gateway(server.url, lasts=lambda _: 0.2, at_work=2) as gateway,
        gateway.counted() as calls,
        ThreadPoolExecutor(4) as pool,
    ):
        begun = monotonic()
        answers = list(pool.map(requests.get, [f"{gateway.url}/api/v3/core/groups/{pk}/" for pk in range(4)]))
        took = monotonic() - begun
    assert [each.json() for each in answers] == [{"pk": 1}] * 4
    assert took >= 0.4
    assert calls.made == [("GET", "/core/groups/*/")] * 4
    assert calls.at_once() > 2
    assert sorted(end - begun for begun, end in calls.spans)[0] >= 0.2


SPANS = st.lists(st.builds(lambda begun, lasts: Span("GET", begun, begun + lasts), st.floats(0, 9), st.floats(0.1, 9)))


@given(SPANS)
def test_a_critical_path_ends_with_the_last_answer_and_has_no_two_calls_side_by_side(spans: list[Span]) -> None:
    chain = critical(spans)
    assert bool(chain) == bool(spans)
    assert not chain or chain[-1].ended == max(each.ended for each in spans)
    assert all(before.ended <= after.begun + 0.01 for before, after in itertools.pairwise(chain))
    assert not chain or all(each.ended > chain[0].begun + 0.01 for each in spans)


def test_a_critical_path_leaves_out_what_was_beside_it() -> None:
    flow, group = Span("flow", 0, 1.1), Span("group", 0, 0.5)
    provider, look, outpost = Span("provider", 1.11, 1.4), Span("look", 1.2, 1.9), Span("outpost", 1.405, 4)
    assert critical([group, look, flow, outpost, provider]) == [flow, provider, outpost]


def test_a_goal_that_is_missed_is_told_as_missed() -> None:
    assert Late(1, "up", Measured(8.0, 18, 2, 60)).verdict == "1.14 of Terraform's 7.0 s; at most 1.15 reached; aim 1.0"
    assert "at most 1.15 MISSED" in Late(1, "up", Measured(8.1, 18, 2, 60)).verdict
    assert Late(50, "up", Measured(8.1, 18, 2, 60)).verdict == ""


def test_all_stands_with_the_last_write_and_all_is_answered_with_the_last_look() -> None:
    spans = (Span("GET /flows/", 3, 4), Span("PATCH /outposts/", 4, 7), Span("GET /outposts/", 12, 12.5))
    assert (Measured(15, 3, 1, 60, spans).stands, Measured(15, 3, 1, 60, spans).answering) == (4, 9.5)
    assert (Measured(15, 0, 0, 60).stands, Measured(15, 0, 0, 60).answering) == (0, 0)
