"""Killed anywhere: engine and provider host die by SIGKILL at any call, and the same command again converges.

A cycle kills an up and recovers, then kills a destroy and recovers, as docs/operations.md tells: `pulumi cancel`, the
same command again, and after an up `pulumi refresh --clear-pending-creates`, for the engine keeps a note of each create
that it does not know the end of.
"""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab.driver import Driver
from lab.files import ROOT
from tests.e2e.killing import Killing, When

API_CALLS_OF_UP, API_CALLS_OF_DESTROY = 16, 10
CADDY_CALLS_OF_UP, CADDY_CALLS_OF_DESTROY = 3, 2


@dataclass
class Line:
    """The stack with a killing proxy before Authentik and another before Caddy."""

    driver: Driver
    authentik: Killing
    caddy: Killing
    empty: dict[str, Any]

    def killed(self, killing: Killing, call: int, when: When, *command: str) -> str:
        """Run a command that is killed at a call; the answer is the call, or nothing if the run ended before."""
        lab = self.driver.lab
        killing.arm(call, when)
        process = subprocess.Popen(
            [lab.pulumi, *command, "--yes", "--stack", lab.stack, "--non-interactive", "--skip-preview"],
            cwd=ROOT,
            env={**os.environ, **lab.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        killing.aim(process)
        process.wait(120)
        killing.disarm()
        return killing.killed

    def again(self, *command: str) -> None:
        """The same command again, after what Pulumi needs."""
        self.driver.stack.run("cancel", "--yes")
        self.driver.stack.must(*command, "--yes", "--skip-preview", "--config-file", self.driver.lab.config_file)

    def is_whole(self) -> None:
        """Each object stands once, the header works, and nothing differs from what is declared."""
        names, admin = self.driver.lab.names, self.driver.admin
        there = admin.snapshot()
        made = {part: set(there[part]) - set(self.empty[part]) for part in there}
        assert made["users"] == {names["service_account"]}
        assert made["groups"] == {names["phones_group"]}
        assert made["applications"] == {names["application"]}
        assert made["proxy providers"] == {names["provider"]}
        assert len(made["bindings"]) == 2
        assert len(made["providers on the outpost"]) == 1
        assert self.driver.until(True, self.driver.header()) is not None
        self.driver.stack.refresh("--skip-preview", "--expect-no-changes", "--clear-pending-creates")

    def is_empty(self) -> None:
        """Nothing is left in Authentik, on the outpost or in Caddy."""
        assert self.driver.admin.snapshot() == self.empty
        assert not self.driver.stack.export()["deployment"].get("pending_operations")


@pytest.fixture(scope="module")
def line(driver: Driver) -> Iterator[Line]:
    """The driver's stack, destroyed, with the proxies in its settings; put back at the end."""
    stack, settings = driver.stack, driver.stack.settings()
    stack.destroy()
    with Killing(str(settings["authentik:url"])) as authentik, Killing(driver.lab.caddy_admin) as caddy:
        stack.set({"authentik:url": authentik.url, "caddy:admin": caddy.url})
        yield Line(driver, authentik, caddy, driver.admin.snapshot())
        stack.settle()
        stack.destroy()
        stack.set({name: settings[name] for name in ("authentik:url", "caddy:admin")})
    stack.up()
    assert driver.until(True, driver.header()) is not None


def _cycle(line: Line, kill: Killing, up: int, destroy: int, when: When) -> None:
    assert line.killed(kill, up, when, "up"), "the up made fewer calls than this case expects"
    line.again("up")
    line.is_whole()
    assert line.killed(kill, destroy, when, "destroy"), "the destroy made fewer calls than this case expects"
    line.again("destroy")
    line.is_empty()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(1, API_CALLS_OF_UP + 1))
def test_a_run_killed_at_an_api_call_converges_when_run_again(line: Line, call: int, when: When) -> None:
    _cycle(line, line.authentik, call, 1 + (call - 1) % API_CALLS_OF_DESTROY, when)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(1, CADDY_CALLS_OF_UP + 1))
def test_a_run_killed_at_a_call_to_caddy_converges_when_run_again(line: Line, call: int, when: When) -> None:
    _cycle(line, line.caddy, call, 1 + (call - 1) % CADDY_CALLS_OF_DESTROY, when)
