"""No secret of the state and none that a run is given stands where it does not belong, while it runs or after it."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab.driver import Driver
from lab.files import ROOT
from lab.house import build, quiet, tear_down
from lab.system import SSH_CLIENT, SSH_SERVER
from tests.conftest import WORKER
from tests.logins import declare, login_rights
from tests.programs import needed

FOLDER = ROOT / ".lab" / f"e2e-secrets{WORKER}"
GIVEN = ("AUTHENTIK_TOKEN", "CADDY_SSH_PRIVATE_KEY")
OTHERS = {"caddy", "curl", "sshd"}
"""Programs that a delivery starts, as the operating system calls them, and that do without what `pulumi` is given."""
LARGEST = 1_000_000
"""Bytes of a temporary file that are looked at."""


@dataclass
class Seen:
    """What stood in the list of processes and in a directory for temporary files."""

    arguments: dict[str, set[str]] = field(default_factory=dict)
    """By the program's name."""
    environments: dict[str, set[str]] = field(default_factory=dict)
    files: dict[str, set[str]] = field(default_factory=dict)
    """By the file's path, which is looked at, too."""

    def processes(self, before: set[int]) -> None:
        """Look at every process, and at the environment of those that were not there before."""
        for process in psutil.process_iter():
            try:
                name = process.name()
                self.arguments.setdefault(name, set()).update(process.cmdline())
                if process.pid not in before:
                    self.environments.setdefault(name, set()).update(process.environ().values())
            except psutil.Error:
                continue  # it has ended, or is another user's

    def temporary(self, directory: Path) -> None:
        """Look at every file below the directory."""
        for path in directory.rglob("*"):
            try:
                text = path.read_text(errors="replace") if path.stat().st_size <= LARGEST else ""
            except OSError:
                text = ""  # a directory or a socket, or gone
            self.files.setdefault(str(path), set()).add(f"{path}\n{text}")

    @staticmethod
    def holders(places: dict[str, set[str]], secrets: set[str]) -> set[str]:
        """Where one of the secrets stood."""
        return {name for name, texts in places.items() if any(secret in text for text in texts for secret in secrets)}


@contextmanager
def watching(temporary: Path) -> Iterator[Seen]:
    """Look again and again, and once after."""
    seen, done, before = Seen(), threading.Event(), set(psutil.pids())

    def look() -> None:
        while not done.wait(0.01):
            seen.processes(before)
            seen.temporary(temporary)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()
        seen.temporary(temporary)


@pytest.fixture(params=["file", "ssh"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    """A lab with a login, its site delivered as a file; not up yet, with temporary files in a place of their own."""
    if request.param == "ssh":
        needed(SSH_SERVER)
        needed(SSH_CLIENT)
    tear_down(FOLDER, quiet)  # what a killed run left
    try:
        house = Driver(build(FOLDER, quiet, request.param))
        house.stack.env["TMPDIR"] = str(tmp_path)
        declare(house)
        with login_rights(house):
            yield house
    finally:
        tear_down(FOLDER, quiet)


def texts(value: Any) -> Iterator[str]:
    """The words in a value, of a key or a JSON document each line by itself, for lines are passed on in many ways."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield from (part for part in re.split(r'[\s",]+', value) if len(part) > 20)


def plaintexts(value: Any) -> Iterator[Any]:
    """What is secret in a state that was exported with its secrets."""
    if isinstance(value, dict) and "plaintext" in value:
        yield json.loads(value["plaintext"])
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from plaintexts(each)


def of_state(house: Driver) -> set[str]:
    """Every secret that the state holds now: headers, passwords, keys. None of them stands in it in clear.

    What is wrapped together with a secret and is none stands in the settings or in the plain outputs.
    """
    public = Path(house.lab.config_file).read_text() + json.dumps(house.stack.outputs(secrets=False))
    wrapped = plaintexts(json.loads(house.stack.must("stack", "export", "--show-secrets").output))
    found = {text for value in wrapped for text in texts(value) if text not in public}
    clear = json.dumps(house.stack.export())
    assert not [text for text in found if text in clear]
    assert {header.split()[1] for header in house.headers().values()} < found
    return found


def test_what_watches_sees_arguments_environments_and_files(tmp_path: Path) -> None:
    program = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('in-a-file'); time.sleep(0.5)"
    with watching(tmp_path) as seen:
        command = [sys.executable, "-c", program, str(tmp_path / "short"), "in-an-argument"]
        subprocess.run(command, env={"NAME": "in-an-environment"}, check=True)
        (tmp_path / "short").unlink()
    assert seen.holders(seen.arguments, {"in-an-argument"})
    assert seen.holders(seen.environments, {"in-an-environment"})
    assert seen.holders(seen.files, {"in-a-file"}) == {str(tmp_path / "short")}


def test_no_secret_is_in_an_argument_a_message_or_a_temporary_file_nor_in_an_environment_that_does_without_it(
    house: Driver, tmp_path: Path
) -> None:
    passphrase = Path(house.stack.env["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text()
    given = {line for each in (passphrase, *map(house.lab.env.get, GIVEN)) for line in texts(each)}
    secrets: set[str] = set()
    printed: list[str] = []
    with watching(tmp_path) as seen:
        printed.append(house.stack.up().output)
        secrets |= of_state(house)
        house.stack.configure(accessLog=False, phones=[{"name": "phone", "generation": 2}])
        printed += [house.stack.preview("--diff").output, house.stack.up().output]
        secrets |= of_state(house)
        printed += [house.stack.refresh().output, house.stack.destroy().output]
    assert {"pulumi", "caddy"} <= seen.environments.keys()
    everywhere = secrets | given
    assert seen.holders(seen.arguments, everywhere) == set()
    assert seen.holders(seen.files, everywhere) == set()
    assert not [text for text in printed if any(secret in text for secret in everywhere)]
    assert seen.holders(seen.environments, secrets - given) == set()
    assert seen.holders(seen.environments, given) & OTHERS == set()
