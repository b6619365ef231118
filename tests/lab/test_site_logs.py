"""Failed headers in the access log: what docs/caddy.md says is what a real Caddy and fail2ban make of it."""

import re
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from lab.files import ROOT
from providers.caddy.site import render_file

from .site_world import GOOD, WRONG, World

BLOCKS: list[str] = re.findall(
    r"^```\w*\n(.*?)^```", (ROOT / "docs" / "caddy.md").read_text(), re.DOTALL | re.MULTILINE
)
FORGED = {"X-Forged": 'x","client_ip":"192.0.2.6","proto":"","X-Immich-Access":["refused"]'}


def block(begins: str) -> str:
    """The one block of docs/caddy.md that begins so."""
    (found,) = [each for each in BLOCKS if each.startswith(begins)]
    return found


def logged(log: Path, at_least: int) -> list[str]:
    """The lines of an access log, once they are there."""
    deadline = time.monotonic() + 20
    while len(lines := [each for each in log.read_text().splitlines() if "http.log.access" in each]) < at_least:
        assert time.monotonic() < deadline, f"{log} has {len(lines)} lines"
        time.sleep(0.05)
    return lines


@pytest.fixture(params=[True, False], ids=["admin", "file"])
def lines(request: pytest.FixtureRequest, world: World) -> list[str]:
    """What a refused header, a good one and a forged one leave in the log."""
    world.log.write_text("")
    if request.param:
        own_log = block("https:// {").replace("https://", f"https://:{world.port}")
        theirs = f"https://theirs.localhost:{world.port} {{\n\trespond theirs\n}}\n"
        world.load(theirs + re.sub(r"\n\t\toutput file .*", "", own_log))
        world.serve(by_admin_api=True, loaded=True)
    else:
        world.serve()
    for header in (WRONG, GOOD, FORGED):
        world.ask("/api/server/ping?key=s3cret", header)
    return logged(world.log, 3)


def test_a_refused_header_is_one_line_that_the_filters_take_with_its_address(lines: list[str]) -> None:
    fail2ban = re.search(r"^failregex = (.*)$", block("[Definition]"), re.MULTILINE)
    assert fail2ban
    crowdsec = yaml.safe_load(block("name: local/immich-refused"))["grok"]["pattern"]
    for pattern in (fail2ban[1], crowdsec.replace("%{NUMBER:ts}", r"[0-9.]+")):
        taken = re.compile(re.sub(r"<ADDR>|%\{IP:client_ip\}", r"(?P<ip>[0-9a-f.:]+)", pattern))
        assert [found["ip"] for line in lines if (found := taken.search(line))] in (["127.0.0.1"], ["::1"])


def test_fail2ban_itself_takes_that_line_and_no_other(lines: list[str], tmp_path: Path) -> None:
    program = shutil.which("fail2ban-regex")
    if program is None:
        pytest.skip("fail2ban is not installed")
    log, filter_ = tmp_path / "access.log", tmp_path / "immich-access.conf"
    log.write_text("\n".join(lines) + "\n")
    filter_.write_text(block("[Definition]"))
    done = subprocess.run([program, log, filter_], capture_output=True, text=True, check=False)
    assert f"Lines: {len(lines)} lines, 0 ignored, 1 matched, {len(lines) - 1} missed" in done.stdout, done.stdout


def test_the_line_says_nothing_that_lets_somebody_in(lines: list[str]) -> None:
    assert "s3cret" not in "".join(lines)
    assert WRONG["Authorization"] not in "".join(lines)


def test_hsts_in_a_site_of_ones_own_goes_with_every_answer(world: World) -> None:
    inside = render_file(replace(world.site, inside=True), "immich/test")
    world.load(f"{world.site.url} {{\n\t{block('header Strict-')}\n{inside}}}\n")
    for header in (WRONG, GOOD, {}):
        assert world.ask("/api/server/ping", header).headers["strict-transport-security"] == "max-age=31536000"
