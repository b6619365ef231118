"""What the ways of getting a tool share: where they work, and how they fail."""

from dataclasses import dataclass
from pathlib import Path

from lab.toolchain.progress import Progress


class WayFailedError(Exception):
    """One way of getting a tool did not lead there: one line, and perhaps the end of a log."""

    def __init__(self, reason: str, *, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


class PassedOverError(WayFailedError):
    """A tool was found that will not do: worth a line, for the operator may think it is used."""


@dataclass(frozen=True)
class Workshop:
    """`fresh` is an empty folder; a tool is whole there before it moves to its place."""

    fresh: Path
    logs: Path
    progress: Progress

    @property
    def bin(self) -> Path:
        return self.fresh / "bin"

    def log(self, name: str) -> Path:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self.logs / name


def tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
