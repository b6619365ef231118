"""What the benchmark calls a regression."""

import pytest

from bench.budget import Operation
from bench.measure import Measured
from bench.runs import Row


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
