"""What an operation may cost in calls to Authentik is kept, at more than one phone."""

from collections.abc import Iterator

import pytest

from bench.budget import OPERATIONS
from bench.runs import allowed, of_program
from lab.driver import Driver
from lab.gateway import counted

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


def test_a_destroy_never_leaves_the_application_without_its_bindings_and_nothing_on_the_outpost(empty: Driver) -> None:
    """The server removes them with the application and the provider, so that neither the run nor anybody waits."""
    listed = empty.admin.outpost()["providers"]
    empty.stack.up()
    bindings = "/policies/bindings/?page_size=100"
    target = empty.admin.call("GET", f"/core/applications/{empty.lab.names['application']}/")["pk"]
    bound = {each["pk"] for each in empty.admin.call("GET", bindings)["results"] if each["target"] == target}
    assert len(bound) == 2
    assert len(empty.admin.outpost()["providers"]) == len(listed) + 1
    with counted(empty.lab) as calls:
        empty.stack.destroy()
    written = [f"{method} {path.split('/')[1]}/{path.split('/')[2]}" for method, path in calls.made if method != "GET"]
    assert sorted(written) == [
        "DELETE core/applications",
        "DELETE core/groups",
        "DELETE core/users",
        "DELETE providers/proxy",
    ]
    assert empty.admin.outpost()["providers"] == listed
    assert not bound & {each["pk"] for each in empty.admin.call("GET", bindings)["results"]}
