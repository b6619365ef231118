"""Pulumi's engine and Caddy for the lab: from PATH, an earlier run, another clone, a download or a build.

`python -m lab.toolchain` makes sure of both and says where they are; `ensure()` does so for the lab.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.toolchain.download import Sources
from lab.toolchain.finding import Tool
from lab.toolchain.getting import Getter
from lab.toolchain.progress import Progress
from lab.toolchain.versions import CADDY, PULUMI, ROOT

__all__ = ["Progress", "Sources", "Tool", "Toolchain", "ToolchainError", "ensure"]


class ToolchainError(Exception):
    """A tool could not be had. The text names each way that was tried, and what to do."""


@dataclass(frozen=True)
class Toolchain:
    pulumi: Tool
    caddy: Tool

    def env(self) -> dict[str, str]:
        """What to add to the environment of a process that uses the tools.

        The language host that can be built knows a virtual environment only when it is the active one.
        """
        # A tool found on PATH is found there again; putting its folder first could shadow Python.
        ours = [str(tool.path.parent) for tool in (self.pulumi, self.caddy) if tool.origin != "PATH"]
        # Not resolved: the python of a virtual environment is a link that leads out of it.
        programs = str(Path(sys.executable).parent)
        path = [*ours, programs, os.environ.get("PATH", os.defpath)]
        active = {"VIRTUAL_ENV": sys.prefix} if sys.prefix != sys.base_prefix else {}
        return {"PATH": os.pathsep.join(path), **active}


def ensure(lab: Path = ROOT / ".lab", *, sources: Sources | None = None, progress: Progress | None = None) -> Toolchain:
    """Both tools, each got in the first way that works; raises ToolchainError when none does."""
    getter = Getter(lab, sources or Sources.of(os.environ), progress or Progress())
    pulumi, caddy = getter.get(PULUMI), getter.get(CADDY)
    if pulumi is None or caddy is None:
        raise ToolchainError("\n".join(getter.failures))
    return Toolchain(pulumi, caddy)
