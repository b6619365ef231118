"""What the engine asks of the isolation before anything is known."""

from typing import Any

import pytest

from tests.host.engine import UNKNOWN, Resource

from .conftest import World

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
    assert (isolation.outs["reachable"], isolation.outs["unchecked"]) == ({}, [])
