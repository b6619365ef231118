"""Cases that `make e2e` runs on a real Authentik, of a test that has more; whole tests are marked where they stand."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest

from lab.authentik.versions import hides_tokens
from lab.driver import Driver


def cases(every: Iterable[Any], real: Collection[Any]) -> list[Any]:
    """The cases of a parametrized test, with the marker on those that only a real server can break."""
    return [pytest.param(each, marks=pytest.mark.real) if each in real else each for each in every]


def in_sight_of_tokens(driver: Driver) -> None:
    """Skip where the program's token may not see app passwords."""
    if hides_tokens(version := driver.version):
        pytest.skip(f"Authentik {version} shows the tokens of others to superusers only")
