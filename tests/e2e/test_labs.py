"""Labs: two stand side by side, and one on an Authentik that is there already leaves it as it was."""

import json
import os
import subprocess
import sys
from pathlib import Path

from lab.authentik import StandIn
from lab.authentik_admin import Admin
from lab.driver import Driver
from lab.files import ROOT, Lab
from lab.house import LOGINS
from lab.processes import Processes


def _lab(command: str, folder: Path, env: dict[str, str] | None = None, expected: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lab", command],
        cwd=ROOT,
        env={**os.environ, "LAB_DIR": str(folder), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == expected, done.stdout
    return done.stdout


def folder(driver: Driver) -> Path:
    """Where the lab keeps its things."""
    return Path(driver.lab.config_file).parents[1]


def test_a_lab_on_an_authentik_that_is_there_leaves_it_as_it_was(driver: Driver, tmp_path: Path) -> None:
    with StandIn(tmp_path / "authentik", load_seconds=1) as authentik:
        admin = Admin(authentik.url, authentik.token)
        admin.group("immich-mobile-users")  # somebody's own, of a name that the program would take
        before = admin.snapshot()
        real = {"LAB_AUTHENTIK_URL": authentik.url, "LAB_AUTHENTIK_TOKEN": authentik.token}
        _lab("up", tmp_path / "lab", real)
        lab = Lab.load(tmp_path / "lab")
        other = Driver(lab)
        assert lab.authentik_url == authentik.url == admin.login_host  # which was told of no address before
        assert other.passes(other.header())
        assert not driver.passes(other.header())
        assert driver.passes(driver.header())
        made = {part: set(after) - set(before[part]) for part, after in admin.snapshot().items()}
        assert made["users"] == {lab.names[each] for each in ("service_account", "person", "operator")}
        groups = {lab.names[each] for each in ("phones_group", "people_group", "operator")}
        assert made["groups"] == {*groups, LOGINS}
        _lab("down", tmp_path / "lab")  # knows by itself which Authentik it was
        assert admin.snapshot() == before
        assert admin.login_host == ""
    assert not (tmp_path / "lab" / "lab.json").exists()


def test_a_lab_whose_authentik_is_gone_ends_its_servers_and_says_in_a_line_what_is_left(tmp_path: Path) -> None:
    place = tmp_path / "lab"
    with StandIn(tmp_path / "authentik", load_seconds=1) as former:
        _lab("up", place, {"LAB_AUTHENTIK_URL": former.url, "LAB_AUTHENTIK_TOKEN": former.token})
    lab = Lab.load(place)
    with StandIn(tmp_path / "other", load_seconds=1) as latter:
        other = {"LAB_AUTHENTIK_URL": latter.url, "LAB_AUTHENTIK_TOKEN": latter.token}
        (line,) = _lab("demo", place, other, 1).splitlines()
        assert f"this lab was built on {former.url}, and LAB_AUTHENTIK_URL names {latter.url}" in line
    said = _lab("down", place, expected=1)
    assert f"the Authentik at {former.url}, on which this lab was built, does not answer" in said
    assert f"named …{lab.own}" in said
    assert "Traceback" not in said
    assert not Processes(place).running()


def test_lab_json_holds_what_a_driver_needs(driver: Driver) -> None:
    path = folder(driver) / "lab.json"
    described = json.loads(path.read_text())
    for key in ("immich_url", "address", "authentik_url", "authentik_token", "caddy_admin", "stack"):
        assert described[key]
    assert "BEGIN CERTIFICATE" in Path(described["ca"]).read_text()
    assert Path(described["pulumi"]).exists()
    assert {"PULUMI_BACKEND_URL", "PULUMI_HOME", "AUTHENTIK_TOKEN"} <= described["env"].keys()
    first = json.loads(Path(described["immich_log"]).read_text().splitlines()[0])
    assert {"method", "path", "headers"} <= first.keys()
    assert path.stat().st_mode & 0o077 == 0


def test_a_shell_that_reads_lab_env_runs_every_command_on_the_lab(driver: Driver) -> None:
    environment = folder(driver) / "lab.env"
    assert environment.stat().st_mode & 0o077 == 0
    commands = f". {environment} && pulumi preview --expect-no-changes && python -m phone --json && python -m doctor"
    done = subprocess.run(
        ["sh", "-c", commands], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All in all: ok." in done.stdout
