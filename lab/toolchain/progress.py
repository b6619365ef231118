"""Says what takes long: one live line on a terminal, else a plain line at the start and every minute."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as LiveLine
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn


class Progress:
    """Speaks on stderr, so that stdout stays for results."""

    def __init__(self, console: Console | None = None, *, every: float = 60) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._every = every

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    @contextmanager
    def step(self, doing: str, usually: str = "") -> Iterator[None]:
        """Say at its end how long it took. usually: as a rule, such as "3 to 5 minutes on 2 cores"."""
        line = f"{doing} (usually {usually}) …" if usually else f"{doing} …"
        began = time.monotonic()
        with self._live(line) if self._console.is_terminal else self._plain(line):
            yield
        self.say(f"{doing} took {clock(time.monotonic() - began)}")

    @contextmanager
    def _live(self, line: str) -> Iterator[None]:
        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
        with LiveLine(*columns, console=self._console, transient=True) as live:
            live.add_task(line, total=None)
            yield

    @contextmanager
    def _plain(self, line: str) -> Iterator[None]:
        self.say(line)
        began = time.monotonic()
        over = threading.Event()

        def tell() -> None:
            while not over.wait(self._every):
                self.say(f"{line} {clock(time.monotonic() - began)}")

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()


def clock(seconds: float) -> str:
    """90 -> "1:30"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
