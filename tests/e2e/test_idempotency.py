"""Idempotency: nothing is done twice, and a preview asks nothing."""

import re

import pytest

from lab.driver import Driver
from lab.gateway import counted
from tests.e2e.real import in_sight_of_tokens

pytestmark = pytest.mark.real


def test_a_second_up_makes_no_api_call(driver: Driver) -> None:
    with counted(driver.lab) as calls:
        run = driver.stack.up()
    assert calls.made == []
    assert re.search(r"^Resources:\n +\d+ unchanged\n\n", run.output, re.MULTILINE)  # and nothing else of any


def test_a_preview_makes_no_api_call(driver: Driver) -> None:
    with counted(driver.lab) as calls:
        driver.stack.preview()
    assert calls.made == []


def test_a_refresh_reads_each_object_once_and_no_key(driver: Driver) -> None:
    in_sight_of_tokens(driver)  # else it is found out that no token is in sight
    with counted(driver.lab) as calls:
        driver.stack.refresh("--skip-preview", "--expect-no-changes")
    assert {method for method, _ in calls.made} == {"GET"}
    assert len({path for _, path in calls.made}) == len(calls) == 10
    assert not [path for _, path in calls.made if "view_key" in path]
