"""The lab's Pulumi stack: the real engine on the project's own program."""

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from lab.files import ROOT, Lab

DRIFTED = 7
"""The exit code of the engine where changes were not expected."""
CHANGED = re.compile(r"^ *[-+~]+ +\S*dynamic/\S+ (\S+) (?:update|delete|replace)", re.MULTILINE)
"""A resource that the engine says has changed."""


class StackError(Exception):
    """The engine failed; the text is what it printed."""


@dataclass(frozen=True)
class Run:
    """What a run of the engine printed, its exit code, and the seconds it took."""

    output: str
    code: int
    seconds: float


class Stack:
    """Runs the engine on the lab's stack. Secrets go by the environment. program: the folder of its Pulumi.yaml."""

    def __init__(self, lab: Lab, program: Path = ROOT) -> None:
        self._lab, self._program = lab, program
        self.env = {**os.environ, **lab.env}
        self._answers: dict[tuple[str, ...], tuple[dict[str, int], str]] = {}

    def run(self, *arguments: str, env: dict[str, str] | None = None, prefix: tuple[str, ...] = ()) -> Run:
        """Run a command on the stack; any exit code is an answer. env: taken in place of the lab's own."""
        command = [*prefix, self._lab.pulumi, *arguments, "--stack", self._lab.stack, "--non-interactive"]
        begun = time.monotonic()
        done = subprocess.run(
            command,
            cwd=self._program,
            env=self.env if env is None else env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(done.stdout, done.returncode, time.monotonic() - begun)

    def must(self, *arguments: str, env: dict[str, str] | None = None) -> Run:
        """Run a command that must succeed. Raises StackError."""
        run = self.run(*arguments, env=env)
        if run.code != 0:
            raise StackError(f"pulumi {' '.join(arguments)} exited with {run.code}:\n{run.output}")
        return run

    def up(self, *arguments: str) -> Run:
        """Bring what there is to what is declared."""
        return self.must("up", "--yes", *self._config, *arguments)

    def preview(self, *arguments: str) -> Run:
        """Say what an up would do."""
        return self.must("preview", *self._config, *arguments)

    def refresh(self, *arguments: str) -> Run:
        """Bring the state to what there is."""
        return self.must("refresh", "--yes", *self._config, *self._apart(*arguments), *arguments)

    def drifts(self) -> bool:
        """Whether a refresh would find a change. Raises StackError."""
        asked = "refresh", "--preview-only", "--expect-no-changes", *self._apart("--expect-no-changes")
        run = self.run(*asked, *self._config)
        if run.code not in (0, DRIFTED):
            raise StackError(f"pulumi {' '.join(asked)} exited with {run.code}:\n{run.output}")
        return run.code == DRIFTED

    def _apart(self, *arguments: str) -> tuple[str, ...]:
        """Options that leave Isolation out of a look for changes on a real Authentik: other labs' applications vary."""
        return ("--exclude", "**:Isolation::*") if self._lab.real and "--expect-no-changes" in arguments else ()

    def destroy(self, *arguments: str) -> Run:
        """Remove everything of the stack's."""
        return self.must("destroy", "--yes", *self._config, *arguments)

    def settle(self) -> None:
        """Take up what an interrupted run left: a destroy would forget an object that was about to be made."""
        self.run("cancel", "--yes")
        if self.export()["deployment"].get("pending_operations"):
            self.up()
            self.refresh("--skip-preview", "--clear-pending-creates")

    def outputs(self, *, secrets: bool = True) -> dict[str, Any]:
        """The stack's outputs."""
        shown = ["--show-secrets"] if secrets else []
        found: dict[str, Any] = json.loads(self._read("stack", "output", "--json", *shown))
        return found

    def export(self) -> dict[str, Any]:
        """The stack's state, secrets as they are stored."""
        state: dict[str, Any] = json.loads(self._read("stack", "export"))
        return state

    def urns(self) -> dict[str, str]:
        """The resources' URNs by their names."""
        resources = self.export()["deployment"].get("resources", [])
        return {each["urn"].rpartition("::")[2]: each["urn"] for each in resources}

    def settings(self) -> dict[str, Any]:
        """The stack's settings, namespace:name to value."""
        document = yaml.safe_load(Path(self._lab.config_file).read_text()) or {}
        return dict(document.get("config") or {})

    def set(self, settings: Mapping[str, object]) -> None:
        """Set settings by namespace:name; None takes one out."""
        path = Path(self._lab.config_file)
        document = yaml.safe_load(path.read_text()) or {}
        config = {**(document.get("config") or {}), **settings}
        document["config"] = {name: value for name, value in config.items() if value is not None}
        path.write_text(yaml.safe_dump(document))

    def configure(self, **settings: object) -> None:
        """Set settings of the program by their names without immich:; None takes one out."""
        self.set({f"immich:{name}": value for name, value in settings.items()})

    def _read(self, *arguments: str) -> str:
        """What a command prints that only reads the state; run again only once a state has been written."""
        backend = Path(urlsplit(self._lab.env["PULUMI_BACKEND_URL"]).path)
        state = {str(path): path.stat().st_mtime_ns for path in (backend / ".pulumi" / "stacks").rglob("*.json")}
        if not state or self._answers.get(arguments, ({}, ""))[0] != state:
            self._answers[arguments] = state, self.must(*arguments).output
        return self._answers[arguments][1]

    @property
    def _config(self) -> tuple[str, str]:
        return ("--config-file", self._lab.config_file)
