"""Looks for a tool: on PATH, and among what an earlier run left."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import semver

from lab.toolchain.download import caddy_wanted, pulumi_wanted
from lab.toolchain.versions import PULUMI, Spec, version_of
from lab.toolchain.ways import PassedOverError, WayFailedError

Origin = Literal["PATH", "download", "built"]


@dataclass(frozen=True)
class Tool:
    name: str
    path: Path
    version: semver.Version
    origin: Origin


def on_path(spec: Spec) -> Tool:
    found = shutil.which(spec.name)
    if found is None:
        raise WayFailedError("none found")
    return _checked(spec, Path(found), "PATH")


def left_by_earlier_run(spec: Spec, home: Path, manifest: "Manifest") -> Tool:
    entry = manifest.entry(spec)
    if entry is None:
        raise WayFailedError(f"none in {home}")
    origin: Origin = "built" if entry["origin"] == "built" else "download"
    if entry["pin"] != pin(spec, origin):
        raise PassedOverError(f"the one in {home} was {origin} of another pin than the present one")
    return _checked(spec, home / "bin" / spec.name, origin)


def pin(spec: Spec, origin: Origin) -> str:
    """What a tool was made of: a change of it makes it anew."""
    if origin == "built":
        return spec.pin()
    return pulumi_wanted() if spec is PULUMI else caddy_wanted()


def _checked(spec: Spec, program: Path, origin: Origin) -> Tool:
    version = version_of(program)
    if version is None:
        raise PassedOverError(f"{program} does not run or does not say its version")
    if version < spec.minimum:
        raise PassedOverError(f"{program} is {version}, older than {spec.minimum} ({spec.because})")
    # The engine looks beside itself (its real place) and then on PATH; so do we.
    places = os.pathsep.join([str(program.resolve().parent), os.environ.get("PATH", "")])
    for companion in spec.companions:
        if shutil.which(companion, path=places) is None:
            raise PassedOverError(f"{program} has no {companion} beside it or on PATH")
    return Tool(spec.name, program, version, origin)


class Manifest:
    """`manifest.json`: how each tool in the folder came there, and of what pin."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entry(self, spec: Spec) -> dict[str, str] | None:
        entry = self._read().get(spec.name)
        return entry if isinstance(entry, dict) and {"origin", "pin"} <= entry.keys() else None

    def forget(self, spec: Spec) -> None:
        self._write({name: entry for name, entry in self._read().items() if name != spec.name})

    def remember(self, spec: Spec, origin: Origin) -> None:
        entry = {"origin": origin, "pin": pin(spec, origin)}
        self._write({**self._read(), spec.name: entry})

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, content: dict[str, Any]) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
        fresh.replace(self._path)
