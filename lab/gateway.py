"""Counts the program's calls to Authentik in the access log of the Caddy that they all pass."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.files import Lab


@dataclass
class Calls:
    """The calls of one stretch of time: (method, path) in order, without /api/v3, and when each began and ended."""

    made: list[tuple[str, str]] = field(default_factory=list)
    spans: list[tuple[float, float]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.made)

    def at_once(self) -> int:
        """The most calls that were under way at the same moment."""
        return max((sum(begun <= moment < ended for begun, ended in self.spans) for moment, _ in self.spans), default=0)

    def by_method(self) -> str:
        """Such as "3 GET, 1 POST"."""
        return ", ".join(
            f"{count} {method}" for method, count in sorted(Counter(each for each, _ in self.made).items())
        )


@contextmanager
def counted(lab: Lab) -> Iterator[Calls]:
    """The calls made inside the with block are in the answer once it ends."""
    log = Path(lab.gateway_log)
    begin = log.stat().st_size if log.exists() else 0
    calls = Calls()
    yield calls
    time.sleep(0.3)  # a line is written just after its answer was sent
    if log.exists():
        with log.open() as file:
            file.seek(begin)
            for line in file:
                entry = json.loads(line)
                request = entry["request"]
                calls.spans.append((entry["ts"] - entry["duration"], entry["ts"]))
                calls.made.append((request["method"], request["uri"].removeprefix("/api/v3")))
