"""A stack whose runs can be killed at any of their calls, and what must hold after the same command ran again."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, Literal

import psutil

from lab.driver import Driver
from lab.files import ROOT, Lab
from tests.headers import forms
from tests.proxy import Exchange, Fault, Proxy

When = Literal["before", "after"]


@dataclass(frozen=True)
class State:
    """What the stack is to be: the program's settings, none where it is to be gone; its accounts by their endings."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    bindings: int = 2
    """How many policy bindings are ours."""

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
    empty: dict[str, list[str]]
    """What the lab itself has made in Authentik."""
    refused: set[str] = field(default_factory=set)
    """The headers of accounts that are gone."""
    printed: str = ""
    """What killed and interrupted runs printed since secrets were last looked for in it."""

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
        """Set out for a state, and be killed on the way."""
        self._clear(state)
        victims: list[subprocess.Popen[bytes]] = []
        proxy = self.proxies[case.server]
        proxy.on(re.escape(case.call), _kill(victims, case.when), skip=case.alike)
        with TemporaryFile() as output:
            victims.append(start(self.driver.lab, state.command, output.fileno()))
            victims[0].wait(120)
            output.seek(0)
            self.printed += output.read().decode()
        assert proxy.met, f"the run ended without {case}"
        proxy.clear()

    def run_again(self, state: State) -> None:
        """The same command again, as docs/operations.md tells."""
        self.driver.stack.run("cancel", "--yes")
        self.driver.stack.must(state.command, "--yes", "--skip-preview")

    def outlived(self, state: State, case: Case, *, late: bool) -> None:
        """Set out for a state; the engine alone is killed, and the call is let through in the next run.

        late: after that run has ended; otherwise when it has looked and is about to make the same call.
        """
        self._clear(state)
        engines: list[subprocess.Popen[bytes]] = []
        hosts: list[psutil.Process] = []
        proxy, call = self.proxies[case.server], re.escape(case.call)
        go, gone = threading.Event(), threading.Event()

        def hold(exchange: Exchange) -> None:
            hosts.extend(below(engines[0]))
            engines[0].kill()
            go.wait(120)
            try:
                assert exchange.answer is not None
            finally:
                gone.set()
            exchange.pass_back()

        def follow(exchange: Exchange) -> None:
            go.set()
            gone.wait(30)
            exchange.pass_back()

        proxy.on(call, hold, skip=case.alike)
        engines.append(start(self.driver.lab, state.command))
        engines[0].wait(120)
        assert proxy.met, f"the run ended without {case}"
        if not late:
            proxy.on(call, follow)
        try:
            self.run_again(state)
            assert late or proxy.met, f"the run after it ended without {case}"
        finally:
            go.set()
            met = gone.wait(30)
            end(hosts)
        assert met
        proxy.clear()

    def signalled(self, state: State, case: Case, signals: tuple[signal.Signals, ...]) -> str:
        """Set out for a state, and get signals during a call as from a terminal; answers what the engine printed."""
        self._clear(state)
        engines: list[subprocess.Popen[bytes]] = []
        hosts: list[psutil.Process] = []
        proxy = self.proxies[case.server]
        with TemporaryDirectory() as folder:
            said = Path(folder) / "output"

            def send(exchange: Exchange) -> None:
                hosts.extend(below(engines[0]))
                for sent, number in enumerate(signals, 1):
                    os.killpg(engines[0].pid, number)
                    ends = time.monotonic() + 20
                    while said.read_text().count(" received; ") < sent and time.monotonic() < ends:
                        time.sleep(0.02)
                exchange.pass_back()

            proxy.on(re.escape(case.call), send, skip=case.alike)
            with said.open("wb") as output:
                engines.append(start(self.driver.lab, state.command, output.fileno()))
                engines[0].wait(120)
            end(hosts)
            assert proxy.met, f"the run ended without {case}"
            proxy.clear()
            self.printed += said.read_text()
            return said.read_text()

    def stands(self, state: State) -> None:
        """Each object is there once and as declared, and no other; the right headers work, and they alone."""
        made, stack = self._made(), self.driver.stack
        if not state.settings:
            self._told_no_secret()
            assert not any(made.values()), made
            assert not stack.export()["deployment"].get("pending_operations")
            return
        names = self.driver.lab.names
        assert made["users"] == {names["service_account"] + ending for ending in state.accounts}
        assert made["groups"] == {names["phones_group"]} - set(self.empty["groups"])
        login = {str(state.settings["loginApplication"])} if state.settings.get("login") else set()
        assert made["applications"] == {names["application"], *login}
        assert made["OAuth2 providers"] == login
        assert made["proxy providers"] == {names["provider"]}
        assert len(made["bindings"]) == state.bindings
        assert len(made["providers on the outpost"]) == (0 if state.settings.get("outpost") else 1)
        stack.refresh("--skip-preview", "--expect-no-changes", "--clear-pending-creates")
        headers = self.driver.headers()
        assert set(headers) == {phone["name"] for phone in state.settings["phones"]}
        for header in headers.values():
            expected = bool(state.settings["enabled"]) and not state.settings.get("outpost")
            assert self.driver.until(expected, {"Authorization": header}) is not None
        for header in self.refused - set(headers.values()):
            assert self.driver.until(False, {"Authorization": header}) is not None
        self.refused |= set(headers.values())
        self._told_no_secret()

    def _told_no_secret(self) -> None:
        for secret in (*forms(self.refused), self.driver.lab.env["AUTHENTIK_TOKEN"]):
            assert secret not in self.printed
        self.printed = ""

    def left(self) -> dict[str, set[str]]:
        """What there is besides what the lab itself has made."""
        return {part: keys for part, keys in self._made().items() if keys}

    def _clear(self, state: State) -> None:
        for proxy in self.proxies.values():
            proxy.clear()
        if state.settings:
            self.driver.stack.configure(**state.settings)

    def _made(self) -> dict[str, set[str]]:
        there = own(self.driver)
        assert all(len(each) == len(set(each)) for each in there.values()), there
        assert all(set(self.empty[part]) <= set(there[part]) for part in there), "what the stack did not make is lost"
        return {part: set(there[part]) - set(self.empty[part]) for part in there}


def own(driver: Driver) -> dict[str, list[str]]:
    """What there is in Authentik under the lab's names, by natural keys. Other stacks may come and go there."""
    admin, names = driver.admin, driver.lab.names
    applications, groups, providers = (
        {each["pk"]: str(each[key]) for each in admin.every(path, **query) if each[key].startswith((*names.values(),))}
        for path, key, query in (
            ("/core/applications/", "slug", {"superuser_full_list": "true"}),
            ("/core/groups/", "name", {}),
            ("/providers/proxy/", "name", {}),
        )
    )
    found = {
        part: [key for key in keys if key.startswith((*names.values(),))] for part, keys in admin.snapshot().items()
    }
    return found | {
        "bindings": [
            str(each["pk"])
            for each in admin.every("/policies/bindings/")
            if each["target"] in applications or groups.get(each["group"]) == names["phones_group"]
        ],
        "providers on the outpost": [str(key) for key in admin.outpost()["providers"] if key in providers],
    }


def start(lab: Lab, command: str, output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """The engine on the lab's stack, at work."""
    return subprocess.Popen(
        [lab.pulumi, command, "--yes", "--stack", lab.stack, "--non-interactive", "--skip-preview"],
        cwd=ROOT,
        env={**os.environ, **lab.env},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def below(started: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """All that the engine started; the provider host is in a process group of its own, and outlives it."""
    return psutil.Process(started.pid).children(recursive=True)


def end(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL for those that still run."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def kill(started: subprocess.Popen[bytes]) -> None:
    """SIGKILL for the engine and all that it started."""
    end([psutil.Process(started.pid), *below(started)])


def _kill(victims: list[subprocess.Popen[bytes]], when: When) -> Fault:
    """The victim and all that it started get SIGKILL, and nobody an answer."""

    def fault(exchange: Exchange) -> None:
        if when == "after":
            assert exchange.answer is not None
        kill(victims[0])
        exchange.reset()

    return fault


def between(driver: Driver) -> Iterator[Killable]:
    """The driver's stack, destroyed, with the proxies in its settings; put back at the end."""
    stack, settings = driver.stack, driver.stack.settings()
    stack.destroy()
    with Proxy(str(settings["authentik:url"])) as authentik, Proxy(driver.lab.caddy_admin) as caddy:
        stack.set({"authentik:url": authentik.url, "caddy:admin": caddy.url})
        if not driver.lab.real:  # beside which no other stack writes the outpost's list, and which answers at once
            stack.configure(timeoutPercent=30)
        yield Killable(driver, {"Authentik": authentik, "Caddy": caddy}, own(driver))
        authentik.clear()
        caddy.clear()
        stack.settle()
        stack.destroy()
    ours = {name for name in stack.settings() if name.startswith(("immich:", "authentik:", "caddy:"))}
    stack.set(dict.fromkeys(ours - set(settings)) | settings)
    stack.up()
    assert driver.until(True, driver.header()) is not None
