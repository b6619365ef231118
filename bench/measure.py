"""Runs one operation of the engine and watches it: seconds, calls, memory of the provider host."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from lab.files import Lab
from lab.gateway import counted
from lab.stack import Run

_POLL = 0.05


@dataclass(frozen=True)
class Measured:
    """One operation. seconds: wall time; calls: to Authentik; at_once: the most of them at the same moment;
    megabytes: the most that the provider host held."""

    seconds: float
    calls: int
    at_once: int
    megabytes: float


def measure(lab: Lab, operation: Callable[[], Run]) -> Measured:
    """Run the operation and say what it took."""
    with _watching_hosts() as peak, counted(lab) as calls:
        run = operation()
    return Measured(run.seconds, len(calls), calls.at_once(), max(peak, default=0) / 2**20)


@contextmanager
def _watching_hosts() -> Iterator[list[int]]:
    """The peaks of all provider hosts below this process, in bytes, are in the answer once the block ends."""
    ended = threading.Event()
    peaks: dict[int, int] = {}

    def watch() -> None:
        while not ended.wait(_POLL):
            with suppress(psutil.Error):
                for process in psutil.Process().children(recursive=True):
                    with suppress(psutil.Error, OSError):
                        if "pulumi.dynamic" in process.cmdline():
                            peaks[process.pid] = max(peaks.get(process.pid, 0), _peak(process))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    found: list[int] = []
    try:
        yield found
    finally:
        ended.set()
        watcher.join()
        found += peaks.values()


def _peak(process: psutil.Process) -> int:
    """The most memory a process ever held; where the system does not tell, what it holds now."""
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return int(process.memory_info().rss)
