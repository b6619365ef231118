"""Starts and ends the lab's servers, which outlive the command that started them.

Each is recorded in the lab's folder with its pid and when it began, so that ending one never hits a process that got
the same pid later. Nothing is looked for by name. Secrets go in the environment, which is not kept.
"""

import json
import os
import random
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import psutil

_MARK, _POLL = "LAB_PROCESS_MARK", 0.05
# Of processes this very process started; they must be waited for, or they stay as zombies.
_children: dict[int, subprocess.Popen[bytes]] = {}


class ProcessError(Exception):
    """A server did not start or does not end; the text has the end of its log."""


@dataclass(frozen=True)
class JsonLine:
    """Ready when the server has written one line of JSON to its stdout, such as {"url": …}."""

    seconds: float = 30


@dataclass(frozen=True)
class Port:
    """Ready when the port on the loopback takes connections."""

    port: int
    address: str = "127.0.0.1"
    seconds: float = 30


@dataclass(frozen=True)
class Process:
    name: str
    pid: int
    # When it began: a pid alone may have passed to another process.
    began: float
    # In its environment, so that its children can be told once it has gone itself.
    mark: str
    log: str
    # The JSON line, where one was asked for.
    said: dict[str, Any] = field(default_factory=dict)


def free_port() -> int:
    """A loopback port that nobody listens on just now; a server that can should rather bind to port 0 itself.

    It is below those that systems give to connections and to port 0, so that nobody is given it before it is used.
    """
    while True:
        port = random.randrange(10000, 32768)  # noqa: S311  # no secret hangs on it
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Processes:
    """The servers of one lab; another folder is another lab."""

    def __init__(self, lab: Path) -> None:
        self._records = lab / "run"

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        env: Mapping[str, str],
        log: Path,
        *,
        ready: JsonLine | Port,
        cwd: Path | None = None,
    ) -> Process:
        """Starts a server and waits until it is ready. `env` is the whole of its environment."""
        if (running := self.find(name)) is not None:
            raise ProcessError(f"{name} runs already (pid {running.pid}): stop it first")
        if isinstance(ready, Port) and _listens(ready):
            raise ProcessError(f"{name} cannot start: somebody else listens on {ready.address}:{ready.port}")
        mark = uuid.uuid4().hex
        log.parent.mkdir(parents=True, exist_ok=True)
        # Its stdout is a file too, for a pipe would break when the command that started it ends.
        out = log.with_suffix(".out")
        with _private(log) as errors, _private(out) as output:
            try:
                child = subprocess.Popen(
                    argv,
                    env={**env, _MARK: mark},
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    # Ctrl-C at the terminal is for the command, not for the servers.
                    start_new_session=True,
                )
            except OSError as error:
                raise ProcessError(f"{name} cannot start: {error}") from error
        _children[child.pid] = child
        process = Process(name, child.pid, _began(child.pid), mark, str(log))
        # Before waiting: what is killed while it waits still leaves a record to end the server by.
        self._write(process)
        try:
            process = replace(process, said=_said(process, child, ready, out))
        except BaseException:
            self.stop(name, seconds=2)
            raise
        self._write(process)
        return process

    def find(self, name: str) -> Process | None:
        """The running server of this name."""
        return self.running().get(name)

    def running(self) -> dict[str, Process]:
        """The servers that run, the oldest first."""
        return {process.name: process for process in self._recorded() if _members(process)}

    def stop(self, name: str, *, seconds: float = 10) -> bool:
        """Ends the server and all in its session; gives whether there was something to end."""
        process = next((process for process in self._recorded() if process.name == name), None)
        if process is None:
            return False
        # Kept, for once the server itself has gone its children are harder to tell.
        seen: set[psutil.Process] = set()

        def remaining() -> list[psutil.Process]:
            seen.update(_members(process))
            return [member for member in seen if _alive(member)]

        if not _end(remaining, signal.SIGTERM, seconds) and not _end(remaining, signal.SIGKILL, 5):
            raise ProcessError(f"{name} (pid {process.pid}) does not end, not even by SIGKILL")
        _children.pop(process.pid, None)
        (self._records / f"{name}.json").unlink(missing_ok=True)
        return bool(seen)

    def stop_all(self, *, seconds: float = 10) -> list[str]:
        """Ends every server of this lab, the youngest first, and gives their names."""
        ended, failed = [], []
        for process in reversed(self._recorded()):
            try:
                if self.stop(process.name, seconds=seconds):
                    ended.append(process.name)
            except ProcessError as error:
                failed.append(str(error))
        if failed:
            raise ProcessError("\n".join(failed))
        return ended

    def _recorded(self) -> list[Process]:
        found = []
        for path in self._records.glob("*.json"):
            # Another command may be taking it away just now.
            with suppress(OSError, ValueError, TypeError):
                found.append(Process(**json.loads(path.read_text())))
        return sorted(found, key=lambda process: process.began)

    def _write(self, process: Process) -> None:
        self._records.mkdir(parents=True, exist_ok=True)
        fresh = self._records / f"{process.name}.new"
        with _private(fresh) as file:
            file.write(json.dumps(asdict(process)).encode())
        fresh.replace(fresh.with_suffix(".json"))


def _said(process: Process, child: subprocess.Popen[bytes], ready: JsonLine | Port, out: Path) -> dict[str, Any]:
    """Waits until the server is ready and gives its JSON line."""
    deadline = time.monotonic() + ready.seconds
    while time.monotonic() < deadline:
        ended = child.poll()
        if ended is not None:
            raise ProcessError(f"{process.name} ended at its start with code {ended}.{_tails(process, out)}")
        if isinstance(ready, Port):
            if _listens(ready):
                return {}
        elif b"\n" in (written := out.read_bytes()):
            with suppress(ValueError):
                if isinstance(said := json.loads(written.splitlines()[0]), dict):
                    return said
            raise ProcessError(f"{process.name} did not say a line of JSON first.{_tails(process, out)}")
        time.sleep(_POLL)
    raise ProcessError(f"{process.name} was not ready within {ready.seconds:g} s.{_tails(process, out)}")


def _tails(process: Process, out: Path, lines: int = 20) -> str:
    ends = {path: path.read_text(errors="replace").splitlines()[-lines:] for path in (out, Path(process.log))}
    text = "\n".join("\n".join([f"The end of {path}:", *end]) for path, end in ends.items() if end)
    return f"\n{text}" if text else f" It wrote nothing to {process.log}"


def _members(process: Process) -> list[psutil.Process]:
    """The server and what it started, as far as they are surely this one's."""
    # Equal to the tick, or it is another process; after a step of the system's clock the marks still tell.
    leads = _began(process.pid) == process.began
    found = []
    for candidate in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getsid(candidate.pid) == process.pid and (leads or candidate.environ().get(_MARK) == process.mark):
                found.append(candidate)
    return list(filter(_alive, found))


def _end(remaining: Callable[[], list[psutil.Process]], number: signal.Signals, seconds: float) -> bool:
    """Signals each of them once, and waits; gives whether none remains."""
    told: set[psutil.Process] = set()
    deadline = time.monotonic() + seconds
    while left := remaining():
        if time.monotonic() > deadline:
            return False
        for member in left:
            if member not in told:
                # psutil looks first whether the pid still is the same process.
                with suppress(psutil.Error):
                    member.send_signal(number)
                told.add(member)
        time.sleep(_POLL)
    return True


def _began(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0


def _alive(process: psutil.Process) -> bool:
    if process.pid in _children:
        _children[process.pid].poll()
    try:
        # Where nobody waits for orphans, as in many containers, an ended one stays as a zombie.
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _listens(at: Port) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((at.address, at.port)) == 0


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
