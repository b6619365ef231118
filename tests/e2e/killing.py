"""A stack whose runs can be killed at any of their calls, and what must hold after the same command ran again."""

import os
import random
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import psutil

from lab.driver import Driver
from lab.files import ROOT
from tests.proxy import Exchange, Fault, Proxy

SEED = 7

When = Literal["before", "after"]


@dataclass(frozen=True)
class State:
    """What the stack is to be: the program's settings, none where it is to be gone; its accounts by their endings."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    accounts: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """What brings the stack there."""
        return "up" if self.settings else "destroy"


@dataclass(frozen=True)
class Case:
    """Where a run is killed: before a server hears of a call or after it acted. alike: how many such pass first."""

    server: str
    call: str
    alike: int
    when: When


@dataclass
class Killable:
    """The lab's stack, with a proxy before Authentik and another before Caddy."""

    driver: Driver
    proxies: dict[str, Proxy]
    empty: dict[str, Any]
    refused: set[str] = field(default_factory=set)
    """The headers of accounts that are gone."""

    def bring(self, state: State) -> None:
        """Bring the stack to a state, unharmed."""
        self._clear(state)
        self.driver.stack.must(state.command, "--yes", "--skip-preview")

    def counted(self, state: State) -> list[Case]:
        """Bring the stack to a state, and answer both cases of each call that it took."""
        self.bring(state)
        cases = []
        for server, proxy in self.proxies.items():
            alike = {call: count() for call in proxy.calls}
            made = [(call, next(alike[call])) for call in proxy.calls]
            cases += [Case(server, *each, when) for each in made for when in ("before", "after")]
        self.stands(state)
        return cases

    def killed(self, state: State, case: Case) -> None:
        """Set out for a state, be killed on the way, and run the same command again."""
        lab, stack = self.driver.lab, self.driver.stack
        self._clear(state)
        victims: list[subprocess.Popen[bytes]] = []
        proxy = self.proxies[case.server]
        proxy.on(re.escape(case.call), _kill(victims, case.when), skip=case.alike)
        victims.append(
            subprocess.Popen(
                [lab.pulumi, state.command, "--yes", "--stack", lab.stack, "--non-interactive", "--skip-preview"],
                cwd=ROOT,
                env={**os.environ, **lab.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        victims[0].wait(120)
        assert proxy.met, f"the run ended without {case}"
        proxy.clear()
        stack.run("cancel", "--yes")
        stack.must(state.command, "--yes", "--skip-preview")
        self.stands(state)

    def stands(self, state: State) -> None:
        """Each object is there once and as declared, and no other; the right headers work, and they alone."""
        made, stack = self._made(), self.driver.stack
        if not state.settings:
            assert not any(made.values())
            assert not stack.export()["deployment"].get("pending_operations")
            return
        names = self.driver.lab.names
        assert made["users"] == {names["service_account"] + ending for ending in state.accounts}
        assert made["groups"] == {names["phones_group"]}
        assert made["applications"] == {names["application"]}
        assert made["proxy providers"] == {names["provider"]}
        assert len(made["bindings"]) == 2
        assert len(made["providers on the outpost"]) == 1
        stack.refresh("--skip-preview", "--expect-no-changes", "--clear-pending-creates")
        headers = self.driver.headers()
        assert set(headers) == {phone["name"] for phone in state.settings["phones"]}
        for header in headers.values():
            expected = bool(state.settings["enabled"])
            assert self.driver.until(expected, {"Authorization": header}) is not None
        for header in self.refused - set(headers.values()):
            assert self.driver.until(False, {"Authorization": header}) is not None
        self.refused |= set(headers.values())

    def _clear(self, state: State) -> None:
        for proxy in self.proxies.values():
            proxy.clear()
        if state.settings:
            self.driver.stack.configure(**state.settings)

    def _made(self) -> dict[str, set[str]]:
        there = self.driver.admin.snapshot()
        assert all(len(each) == len(set(each)) for each in there.values())
        return {part: set(there[part]) - set(self.empty[part]) for part in there}


def sampled(cases: list[Case], *, whole: bool) -> list[Case]:
    """Every case, or for each call the one of both that the seed says."""
    if whole:
        return cases
    chosen = random.Random(SEED)  # noqa: S311  # no secret hangs on it
    return [chosen.choice(both) for both in zip(cases[::2], cases[1::2], strict=True)]


def _kill(victims: list[subprocess.Popen[bytes]], when: When) -> Fault:
    """The victim and all that it started get SIGKILL, and nobody an answer."""

    def fault(exchange: Exchange) -> None:
        if when == "after":
            assert exchange.answer is not None
        engine = psutil.Process(victims[0].pid)
        for process in [engine, *engine.children(recursive=True)]:  # the host is in a process group of its own
            with suppress(psutil.NoSuchProcess):
                process.kill()
        exchange.reset()

    return fault


def between(driver: Driver) -> Iterator[Killable]:
    """The driver's stack, destroyed, with the proxies in its settings; put back at the end."""
    stack, settings = driver.stack, driver.stack.settings()
    stack.destroy()
    with Proxy(str(settings["authentik:url"])) as authentik, Proxy(driver.lab.caddy_admin) as caddy:
        stack.set({"authentik:url": authentik.url, "caddy:admin": caddy.url, "immich:patience": 30})
        yield Killable(driver, {"Authentik": authentik, "Caddy": caddy}, driver.admin.snapshot())
        authentik.clear()
        caddy.clear()
        stack.settle()
        stack.destroy()
    own = {name for name in stack.settings() if name.startswith(("immich:", "authentik:", "caddy:"))}
    stack.set(dict.fromkeys(own - set(settings)) | settings)
    stack.up()
    assert driver.until(True, driver.header()) is not None
