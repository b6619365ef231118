"""Runs one operation of the engine and watches it: seconds, calls, memory of the provider host."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.gateway import Gateway
from bench.timeline import Span
from lab.files import Lab
from lab.gateway import counted
from lab.stack import Run

_POLL = 0.05
_PAGE_SIZE = r"[?&]page_size=\*"


@dataclass(frozen=True)
class Measured:
    """One operation. seconds: wall time; calls: to Authentik; at_once: the most of them at the same moment;
    megabytes: the most that the provider host held; spans: each call, where a gateway noted it."""

    seconds: float
    calls: int
    at_once: int
    megabytes: float
    spans: tuple[Span, ...] = ()

    @property
    def stands(self) -> float:
        """Seconds from the first call until the last write was answered: what follows looks whether it stands."""
        written = [each.ended for each in self.spans if not each.call.startswith("GET ")]
        return max(written) - min(each.begun for each in self.spans) if written else 0.0

    @property
    def answering(self) -> float:
        """Seconds from the first call to the last answer: what a busy machine's slow start does not change."""
        return max(each.ended for each in self.spans) - min(each.begun for each in self.spans) if self.spans else 0.0


def measure(lab: Lab, operation: Callable[[], Run], gateway: Gateway | None = None) -> Measured:
    """Run the operation and say what it took. gateway: what the calls pass, if not the lab's own only."""
    with _watching_hosts() as peak, gateway.counted() if gateway else counted(lab) as calls:
        begun = time.monotonic()
        run = operation()
    spans = tuple(
        Span(f"{method} {re.sub(_PAGE_SIZE, '', path)}", start - begun, end - begun)
        for (method, path), (start, end) in zip(calls.made, calls.spans, strict=True)
    )
    return Measured(run.seconds, len(calls), calls.at_once(), max(peak, default=0) / 2**20, spans if gateway else ())


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
