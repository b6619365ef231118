"""The doctor at the bedside of a lab: what it looks at, what it finds, and ways to break it."""

import time
from collections.abc import Iterator

import pytest

from doctor.visit import PhoneCheck, Subject, look, read_subject
from lab.driver import Driver
from lab.processes import free_port
from providers import retry
from providers.access import verify
from providers.access.diagnose import State
from providers.access.findings import Finding
from tests.e2e.breaking import Breaking


@pytest.fixture(autouse=True, scope="module")
def environment(driver: Driver) -> Iterator[None]:
    """The engine and its stack as a command finds them, and clients that do not wait for what was shut off."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**driver.lab.env, "PULUMI_STACK": driver.lab.stack}.items():
            patch.setenv(name, value)
        patch.setattr(retry, "UNREACHABLE_BOUND", 1.0)
        patch.setattr(verify, "LOADING", 0.0)
        patch.setattr(verify, "LOADING_LATE", 0.0)
        patch.setattr(verify, "ISSUING", 0.0)
        yield


@pytest.fixture(scope="module")
def well(driver: Driver) -> Subject:
    """The stack as it is; what replaces accounts or changes settings reads it again."""
    return read_subject(None)


@pytest.fixture(scope="module")
def breaking(driver: Driver) -> Breaking:
    return Breaking(driver)


def found(subject: Subject, pasted: str | None = None) -> dict[Finding, PhoneCheck]:
    """What is not ok, or cannot be told, by its cause."""
    findings = [each for each in look(subject, pasted) if each.check.state is not State.OK]
    return {each.check.finding: each for each in findings if each.check.finding is not None}


def until_found(driver: Driver, subject: Subject, finding: Finding, link: str = "") -> dict[Finding, PhoneCheck]:
    """The same, as soon as the cause is among it: the outpost remembers headers, and loads changes, for a while.

    link: where it must stand, the last one where several have it.
    """
    if driver.hurried:
        driver.forget()
    deadline = time.monotonic() + driver.timeout
    while True:
        findings = found(subject)
        if (finding in findings and link in ("", findings[finding].check.link)) or time.monotonic() > deadline:
            return findings
        time.sleep(driver.pause)


def until_alone(driver: Driver, subject: Subject, finding: Finding) -> dict[Finding, PhoneCheck]:
    """The same, as soon as it is the only one: the outpost is late to close what the test before had opened."""
    deadline = time.monotonic() + driver.timeout
    while (findings := found(subject)).keys() != {finding} and time.monotonic() < deadline:
        time.sleep(driver.pause)
    return findings


def dead() -> str:
    """An address where nothing listens."""
    return f"127.0.0.1:{free_port()}"
