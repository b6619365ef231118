"""Gets a tool in the first way that works: PATH, an earlier run, another clone's build, a download, a build."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.toolchain import shared
from lab.toolchain.build import build
from lab.toolchain.download import Sources, download_caddy, download_pulumi
from lab.toolchain.finding import Manifest, Origin, Tool, left_by_earlier_run, on_path
from lab.toolchain.progress import Progress
from lab.toolchain.versions import PULUMI, Spec
from lab.toolchain.ways import PassedOverError, WayFailedError, Workshop


class Getter:
    """Collects in `failures` what to tell when a tool cannot be had."""

    def __init__(self, lab: Path, sources: Sources, progress: Progress) -> None:
        self._tools = lab / "tools"
        self._logs = lab / "logs"
        self._sources = sources
        self._progress = progress
        self._manifest = Manifest(self._tools / "manifest.json")
        self.failures: list[str] = []

    def get(self, spec: Spec) -> Tool | None:
        attempts = _Attempts(spec, self._progress)
        tool = attempts.tool("on PATH", lambda: on_path(spec))
        tool = tool or attempts.tool("left by an earlier run", lambda: self._left(spec))
        if tool is None:
            with self._alone():
                tool = self._brought_meanwhile(spec) or self._bring(spec, attempts)
        if tool is None:
            self.failures += [
                f"{spec.title} ≥ {spec.minimum} could not be had. Tried:",
                *attempts.tried,
                f"  What to do: install {spec.title} ≥ {spec.minimum} so that `{spec.name}` is on PATH "
                f"({spec.homepage}), or make the download or the build possible; then run this again.",
            ]
        return tool

    def _left(self, spec: Spec) -> Tool:
        return left_by_earlier_run(spec, self._tools / spec.name, self._manifest)

    def _brought_meanwhile(self, spec: Spec) -> Tool | None:
        """What another run brought while this one waited for it."""
        try:
            return self._left(spec)
        except WayFailedError:
            return None

    def _bring(self, spec: Spec, attempts: "_Attempts") -> Tool | None:
        def download(shop: Workshop) -> None:
            (download_pulumi if spec is PULUMI else download_caddy)(self._sources, shop)

        def by(origin: Origin, make: Callable[[Workshop], None]) -> Tool:
            self._make(spec, origin, make)
            return self._left(spec)

        def built(shop: Workshop) -> None:
            build(spec, shop)
            shared.keep(spec, shop)

        tool = attempts.tool("built for another clone", lambda: by("built", lambda shop: shared.fetch(spec, shop)))
        tool = tool or attempts.tool("download", lambda: by("download", download), say=True)
        return tool or attempts.tool("build", lambda: by("built", built), say=True)

    def _make(self, spec: Spec, origin: Origin, make: Callable[[Workshop], None]) -> None:
        """Makes the tool aside and moves it as a whole: what is in its place always runs."""
        aside = self._tools / f".{spec.name}.new"
        place = self._tools / spec.name
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        try:
            make(Workshop(aside, self._logs, self._progress))
            self._manifest.forget(spec)
            shutil.rmtree(place, ignore_errors=True)
            aside.rename(place)
            self._manifest.remember(spec, origin)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One run at a time makes tools in this folder; the kernel frees the lock of a killed one."""
        self._tools.mkdir(parents=True, exist_ok=True)
        with (self._tools / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with self._progress.step(f"Waiting for another run that works in {self._tools}"):
                    fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class _Attempts:
    """Tries ways one by one, keeps why each failed, and says what the operator should know."""

    def __init__(self, spec: Spec, progress: Progress) -> None:
        self._spec = spec
        self._progress = progress
        self.tried: list[str] = []

    def tool(self, way: str, get: Callable[[], Tool], *, say: bool = False) -> Tool | None:
        try:
            return get()
        except WayFailedError as failure:
            self.tried.append(f"  {way}: {failure}")
            if isinstance(failure, PassedOverError):
                self._progress.say(f"{self._spec.name}: {failure}; passed over")
            elif say:
                self._progress.say(f"{self._spec.name}: no {way}: {failure}")
            if failure.detail:
                self._progress.say(failure.detail)
            return None
