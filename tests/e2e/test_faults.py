"""Faults on the way between the program and Authentik, with the real engine: what an operator sees, and what is left.

tests/host/test_faults.py has every fault at every call of every kind; this is a sample of them in whole runs.
"""

from collections.abc import Iterator

import pytest

from lab.driver import Driver
from tests import faults
from tests.e2e.killing import Killable, State, between
from tests.proxy import Fault

WHOLE = State({"phones": [{"name": "phone"}], "enabled": True}, ("",))
GONE = State()

PASSING: dict[str, tuple[str, Fault]] = {
    "429 with Retry-After": (r"POST /core/groups/", faults.status(429, Retry_After="1")),
    "503": (r"POST /providers/proxy/", faults.status(503)),
    "reset before the server acted": (r"POST /core/applications/", faults.reset_before),
    "reset after the server acted": (r"POST /core/users/service_account/", faults.reset_after),
    "half an answer to a POST": (r"POST /policies/bindings/", faults.truncated),
    "reset after the outpost was written": (r"PATCH /outposts/instances/.*", faults.reset_after),
}
LASTING: dict[str, tuple[str, Fault, str]] = {
    "an HTML page with 200": (r"POST /core/groups/", faults.page(b"<html>log in</html>"), "authentik:url"),
    "a redirect to a login page": (r"GET /flows/.*", faults.redirect("https://sso.example.org/login"), "a redirect to"),
    "truncated JSON": (r"GET /flows/.*", faults.truncated, "which is not a JSON object"),
    "a wrong token": (r"POST /providers/proxy/", faults.with_token("no-such-token"), "Check AUTHENTIK_TOKEN"),
    "503 for good": (r"PATCH /outposts/instances/.*", faults.status(503), "try again later"),
}


@pytest.fixture(scope="module")
def faulty(driver: Driver) -> Iterator[Killable]:
    yield from between(driver)


@pytest.fixture(autouse=True)
def _gone(faulty: Killable) -> None:
    faulty.bring(GONE)
    faulty.driver.stack.configure(**WHOLE.settings)


@pytest.mark.real
def test_an_up_survives_all_faults_that_pass(faulty: Killable) -> None:
    proxy = faulty.proxies["Authentik"]
    proxy.clear()
    for call, happens in PASSING.values():
        proxy.on(call, happens)
    faulty.driver.stack.up("--skip-preview")
    assert proxy.met
    faulty.stands(WHOLE)


def test_ups_that_faults_end_say_why_in_one_message_each_and_the_one_after_them_converges(faulty: Killable) -> None:
    lab, proxy = faulty.driver.lab, faulty.proxies["Authentik"]
    for fault, (call, happens, reason) in LASTING.items():
        proxy.clear()
        proxy.on(call, happens, times=float("inf"))
        run = faulty.driver.stack.run("up", "--yes", "--skip-preview")
        assert run.code != 0, fault
        assert ": cannot " in run.output, run.output
        assert reason in run.output
        assert "Traceback" not in run.output
        assert lab.env["AUTHENTIK_TOKEN"] not in run.output
        assert "Basic " not in run.output
    proxy.clear()
    faulty.driver.stack.up("--skip-preview")
    faulty.stands(WHOLE)
