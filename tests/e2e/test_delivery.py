"""The whole program with the real engine, its site delivered as a file: over real SSH to three hosts, and here."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from lab import claims
from lab.driver import Driver
from lab.files import ROOT
from lab.house import build, quiet, tear_down
from lab.processes import Processes
from lab.proof import Proof
from lab.proxies import HOSTS
from lab.system import SSH_CLIENT, SSH_SERVER
from lab.web import Web
from tests.conftest import WORKER
from tests.e2e.killing import kill, start
from tests.programs import needed

FOLDER = ROOT / ".lab" / f"e2e-delivery{WORKER}"
PING = "/api/server/ping"


@pytest.fixture(scope="module")
def house() -> Iterator[Driver]:
    """A lab of three hosts behind SSH, the stack up."""
    needed(SSH_SERVER)
    needed(SSH_CLIENT)
    tear_down(FOLDER, quiet)  # what a killed run left
    try:
        driver = Driver(build(FOLDER, quiet, "ssh"))
        driver.stack.up()
        yield driver
    finally:
        tear_down(FOLDER, quiet)


def sites(house: Driver) -> list[Path]:
    """The site's file on each host."""
    return [Path(str(host["file"])) for host in house.stack.settings()["caddy:hosts"]]


def served(house: Driver) -> list[bool]:
    """Whether each host lets the phone through."""
    port = house.lab.address.rpartition(":")[2]
    webs = [Web(replace(house.lab, address=f"127.0.0.{number}:{port}")) for number in (1, 2, 3)]
    return [web.get(PING, house.header()).data == b'{"res":"pong"}' for web in webs]


def change(house: Driver, host: int, **settings: object) -> None:
    """Let one host's entry say something for itself; None takes it out."""
    hosts = house.stack.settings()["caddy:hosts"]
    entry = {**hosts[host], **settings}
    hosts[host] = {name: value for name, value in entry.items() if value is not None}
    house.stack.set({"caddy:hosts": hosts})


def left(house: Driver) -> set[str]:
    """What lies in the hosts' site directories and homes that a delivery may have put there, without the digests."""
    places = [path for site in sites(house) for path in site.parent.iterdir()]
    found = (*places, *(each for name in HOSTS for each in (FOLDER / name).glob(".*")))
    return {re.sub(r"-[0-9a-f]{8}-deliver", "-deliver", path.name) for path in found}


def below_first_line(text: str) -> str:
    """A site without the line that says which resource it is from."""
    return text.partition("\n")[2]


def site_files(house: Driver) -> tuple[int, str]:
    """What the doctor says of the files."""
    command = [sys.executable, "-m", "doctor.site_files", "--stack", house.lab.stack]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **house.lab.env}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


SCRIPT = ".immich-lab-immich-site-deliver.sh"


def test_every_host_serves_the_site_and_has_the_script_and_the_file_alone(house: Driver) -> None:
    assert served(house) == [True] * 3
    assert left(house) == {"site.caddy", SCRIPT}
    assert len({below_first_line(site.read_text()) for site in sites(house)}) == 1
    house.stack.preview("--expect-no-changes")


def test_the_claims_of_the_default_delivery_are_met(house: Driver) -> None:
    proof = Proof(quiet)
    claims.prove_access(proof, house)
    claims.prove_header_ends_at_caddy(proof, house)
    assert [claim for claim in proof.claims if not claim.ok] == []


def test_a_preview_shows_line_by_line_what_changes_at_the_proxy_and_no_secret(house: Driver) -> None:
    house.stack.configure(accessLog=False)
    before = [site.read_text() for site in sites(house)]
    shown = house.stack.preview("--diff").output
    assert re.search(r"(?m)^\s*- \s*log \{$", shown)
    assert not re.search(r"(?m)^\s*[-+] \s*request_header", shown)  # the lines that stay
    assert [site.read_text() for site in sites(house)] == before
    run = house.stack.up()
    assert all(
        "log {" in text and "log {" not in site.read_text() for text, site in zip(before, sites(house), strict=True)
    )
    key = house.lab.env["CADDY_SSH_PRIVATE_KEY"].splitlines()[1]
    assert key not in shown + run.output + json.dumps(house.stack.export())
    house.stack.configure(accessLog=None)
    house.stack.up()


def test_where_one_of_three_hosts_fails_it_is_rolled_back_and_named_and_the_others_are_right(house: Driver) -> None:
    former = sites(house)[1].read_text()
    house.stack.configure(accessLog=False)
    change(house, 1, probe="echo nobody answers; false", probeSeconds=1)
    run = house.stack.run("up", "--yes", "--continue-on-error", "--config-file", house.lab.config_file)
    assert run.code != 0
    assert "proxy2: Caddy reloaded, but the site did not answer the probe within 1 seconds" in run.output
    assert "proxy2: rolled back: the former site serves" in run.output
    texts = [site.read_text() for site in sites(house)]
    assert below_first_line(texts[0]) == below_first_line(texts[2]) != below_first_line(former)
    assert texts[1] == former
    assert served(house) == [True] * 3
    assert left(house) == {"site.caddy", SCRIPT}
    house.stack.configure(accessLog=None)
    change(house, 1, probe=None, probeSeconds=None)
    house.stack.up()


def test_a_host_that_is_down_is_named_and_the_next_run_brings_it_up_to_date(house: Driver) -> None:
    house.stack.configure(accessLog=False)
    Processes(FOLDER).stop("proxy3")
    run = house.stack.run("up", "--yes", "--continue-on-error", "--config-file", house.lab.config_file)
    assert run.code != 0
    assert "immich-site-proxy3" in run.output
    assert "failed attempts" in run.output
    assert ["log {" in site.read_text() for site in sites(house)] == [False, False, True]
    assert served(house) == [True] * 3
    build(FOLDER, quiet)
    house.stack.configure(accessLog=False)
    house.stack.up()
    assert ["log {" in site.read_text() for site in sites(house)] == [False] * 3


def test_a_host_with_another_key_than_ours_is_not_talked_to(house: Driver) -> None:
    right = house.stack.settings()["caddy:hosts"][0]["hostKey"]
    change(house, 0, hostKey=house.stack.settings()["caddy:hosts"][1]["hostKey"])
    before = sites(house)[0].stat().st_mtime_ns
    run = house.stack.run("up", "--yes", "--config-file", house.lab.config_file)
    assert run.code != 0
    assert "immich-site-proxy1" in run.output
    assert re.search("(?i)host key", run.output)
    assert sites(house)[0].stat().st_mtime_ns == before
    change(house, 0, hostKey=right)
    house.stack.up()


def test_an_edit_by_hand_is_mended_kept_and_told_by_the_next_delivery(house: Driver) -> None:
    site = sites(house)[0]
    delivered = site.read_text()
    edited = delivered.replace("stream_close_delay 5m", "stream_close_delay 9m")
    site.write_text(edited)
    code, said = site_files(house)
    assert code == 3
    assert said.splitlines()[-2:] == ["immich-site-proxy2: as delivered", "immich-site-proxy3: as delivered"]
    assert re.search(r"(?m)^-\s+stream_close_delay 9m$", said)
    assert re.search(r"(?m)^\+\s+stream_close_delay 5m$", said)
    house.stack.refresh("--expect-no-changes")  # the plugin reads nothing back, and the documents say so
    house.stack.set({"caddy:redeliver": "once more"})
    run = house.stack.up()
    assert site.read_text() == delivered
    (aside,) = site.parent.glob(".site.caddy.edited-*")
    assert aside.read_text() == edited
    assert f"proxy1: the file had been edited by hand; the edited one is kept as {aside}" in run.output
    assert served(house) == [True] * 3
    assert site_files(house)[0] == 0
    aside.unlink()


def test_a_run_killed_while_the_script_is_at_work_converges_when_run_again(house: Driver, tmp_path: Path) -> None:
    held, reached = tmp_path / "held", tmp_path / "reached"
    change(house, 0, probe=f"while test -e {held}; do touch {reached}; sleep 0.1; done")
    house.stack.configure(accessLog=False)
    held.touch()
    engine = start(house.lab, "up")
    while not reached.exists():
        assert engine.poll() is None
        time.sleep(0.05)
    kill(engine)
    engine.wait(30)
    held.unlink()
    house.stack.run("cancel", "--yes")
    house.stack.up("--skip-preview")
    assert ["log {" in site.read_text() for site in sites(house)] == [False] * 3
    assert left(house) == {"site.caddy", SCRIPT}
    assert served(house) == [True] * 3
    change(house, 0, probe=None)
    house.stack.configure(accessLog=None)


def test_another_file_takes_the_former_away(house: Driver) -> None:
    former = sites(house)[2]
    change(house, 2, file=str(former.with_name("moved.caddy")))
    house.stack.up()
    assert [path.name for path in former.parent.iterdir()] == ["moved.caddy"]
    assert served(house) == [True] * 3


def test_one_delivery_follows_another_and_only_to_the_admin_api_the_former_site_must_go_first(house: Driver) -> None:
    over_ssh = {name: value for name, value in house.stack.settings().items() if name.startswith("caddy:")}
    hosts, caddyfile = over_ssh["caddy:hosts"], str(FOLDER / "caddy" / "Caddyfile")
    here, *elsewhere = [Path(str(host["file"])) for host in hosts]

    by_file = {"caddy:delivery": "file", "caddy:hosts": None, "caddy:file": str(here), "caddy:caddyfile": caddyfile}
    house.stack.set(by_file)
    house.stack.up()
    assert here.read_text().partition("\n")[0].endswith("from immich/lab/immich-site")
    assert [list(file.parent.iterdir()) for file in elsewhere] == [[], []]
    assert house.passes(house.header())
    house.stack.preview("--expect-no-changes")

    house.stack.set({"caddy:delivery": "admin", "caddy:file": None, "caddy:caddyfile": None})
    refused = house.stack.run("up", "--yes", "--skip-preview", "--config-file", house.lab.config_file)
    assert refused.code != 0
    assert "is served already" in refused.output
    assert house.passes(house.header())
    house.stack.must(
        *("destroy", "--yes", "--skip-preview", "--target", "**::immich-site*", "--target-dependents"),
        *("--config-file", house.lab.config_file),
    )
    assert list(here.parent.iterdir()) == []
    house.stack.up()
    assert house.passes(house.header())

    house.stack.set(over_ssh)
    house.stack.up()
    assert served(house) == [True] * 3


def test_without_a_delivery_the_site_waits_for_whoever_puts_it_into_caddy(house: Driver) -> None:
    over_ssh = {name: value for name, value in house.stack.settings().items() if name.startswith("caddy:")}
    here = Path(str(over_ssh["caddy:hosts"][0]["file"]))
    house.stack.set({"caddy:delivery": "none", "caddy:hosts": None, "caddy:admin": None})
    house.stack.up()
    assert not here.exists()
    proof = house.stack.urns()["immich-proof"]
    failed = house.stack.run(
        "up", "--yes", "--skip-preview", "--replace", proof, "--config-file", house.lab.config_file
    )
    assert failed.code != 0
    assert "phone 'phone' does not get through" in failed.output

    here.write_text(house.stack.outputs()["caddySite"])
    caddyfile = (FOLDER / "caddy" / "Caddyfile").read_bytes()
    loaded = requests.post(
        f"{over_ssh['caddy:admin']}/load", data=caddyfile, headers={"Content-Type": "text/caddyfile"}, timeout=30
    )
    assert loaded.status_code == 200, loaded.text
    house.stack.up()
    assert house.passes(house.header())
    house.stack.preview("--expect-no-changes")

    here.unlink()
    house.stack.set(over_ssh)
    house.stack.up()
    assert served(house) == [True] * 3


def test_destroy_leaves_nothing_on_any_host(house: Driver) -> None:
    house.stack.destroy()
    assert left(house) == set()
    port = house.lab.address.rpartition(":")[2]
    theirs = Web(replace(house.lab, immich_url=f"https://other.lab.test:{port}"))
    assert theirs.get("/").data == b"somebody else's site"
