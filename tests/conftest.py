"""What several tiers share: a lab of the tests' own, beside any that the developer has running, and a browser."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from lab.driver import Driver
from lab.files import ROOT
from lab.house import build, quiet, tear_down
from tests.browsers import browser, open_browser, page

__all__ = ["browser", "driver", "open_browser", "page"]

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
FOLDER = ROOT / ".lab" / f"e2e{WORKER}"
"""The lab of this worker, beside those of the others."""


settings.register_profile(
    "tests", max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--torture", action="store_true", help="every case of the matrices that are sampled otherwise")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for --torture alone."""
    if not config.getoption("--torture"):
        left_out = [each for each in items if each.get_closest_marker("torture")]
        items[:] = [each for each in items if each not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def _limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What providers.errors.brief sets for its host is given back: the SDK's own code needs its stack traces."""
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)


@pytest.fixture(scope="session")
def torture(request: pytest.FixtureRequest) -> bool:
    """Whether the matrices are gone through in full."""
    return bool(request.config.getoption("--torture"))


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    """A running lab with the stack up."""
    tear_down(FOLDER, quiet)  # what a killed run left
    try:
        driver = Driver(build(FOLDER, quiet))
        driver.hurried = driver.lab.real  # a real outpost remembers a header for a minute; make demo waits for it
        driver.stack.up()
        assert driver.until(True, driver.header()) is not None
        yield driver
    finally:
        tear_down(FOLDER, quiet)
