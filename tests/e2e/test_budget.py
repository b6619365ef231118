"""What an operation may cost in calls to Authentik is kept, at more than one phone."""

from collections.abc import Iterator

import pytest

from bench.budget import OPERATIONS
from bench.runs import allowed, of_program
from lab.driver import Driver

PHONES = 6


@pytest.fixture
def empty(driver: Driver) -> Iterator[Driver]:
    """The driver with an empty stack; put back at the end."""
    people = driver.stack.settings()["immich:peopleGroups"]
    driver.stack.destroy()
    yield driver
    driver.stack.destroy()
    driver.stack.configure(phones=None, peopleGroups=people)
    driver.stack.up()


def test_no_operation_takes_more_calls_than_its_budget_and_an_up_works_on_several_objects_at_once(
    empty: Driver,
) -> None:
    measured, types = of_program(empty, PHONES)
    calls = {operation: measured[operation].calls for operation in OPERATIONS}
    assert calls == {operation: min(calls[operation], allowed(operation, PHONES, types)) for operation in OPERATIONS}
    assert calls["up"] >= len(types)
    assert measured["up"].at_once > 1  # how many of the host's four workers there are depends on the machine's load
