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


def _lab(command: str, folder: Path, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lab", command],
        cwd=ROOT,
        env={**os.environ, "LAB_DIR": str(folder), **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
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
        _lab("up", tmp_path / "lab", **real)
        lab = Lab.load(tmp_path / "lab")
        other = Driver(lab)
        assert lab.authentik_url == authentik.url == admin.login_host  # which was told of no address before
        assert other.passes(other.header())
        assert not driver.passes(other.header())
        assert driver.passes(driver.header())
        made = {part: set(after) - set(before[part]) for part, after in admin.snapshot().items()}
        ours = {lab.names["service_account"], lab.names["person"]}
        assert made["users"] == ours
        assert made["groups"] == {lab.names["phones_group"], lab.names["people_group"]}
        _lab("down", tmp_path / "lab")  # knows by itself which Authentik it was
        assert admin.snapshot() == before
        assert admin.login_host == ""
    assert not (tmp_path / "lab" / "lab.json").exists()


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
