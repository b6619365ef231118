"""The access log: what it tells of failed headers, as docs/caddy.md says, and what it never tells."""

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

from .site_world import BROWSER, GOOD, WRONG, World

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
    world.form = "admin" if request.param else "file"
    if request.param:
        own_log = block("https:// {").replace("https://", f"https://:{world.port}")
        theirs = f"https://theirs.localhost:{world.port} {{\n\trespond theirs\n}}\n"
        world.load(theirs + re.sub(r"\n\t\toutput file .*", "", own_log))
        world.serve(loaded=True)
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


def until_logged(world: World, text: str) -> str:
    """The line of Caddy's log that has the text."""
    deadline = time.monotonic() + 10
    while not (lines := [line for line in world.log.read_text().splitlines() if text in line]):
        assert time.monotonic() < deadline, f"{text} is not in the log"
        time.sleep(0.02)
    return lines[0]


def test_the_access_log_tells_of_a_request_and_not_of_what_lets_somebody_in(world: World) -> None:
    world.serve()
    secrets = {"x-api-key": "secret-1", "x-immich-user-token": "secret-2", "x-immich-session-token": "secret-3"}
    secrets |= {
        "x-immich-share-key": "secret-6",
        "x-immich-share-slug": "secret-7",
        "referer": "https://x/?key=secret-8",
        "x-forwarded-access-token": "secret-9",
    }
    query = "&".join(f"{name}=secret-4" for name in ("key", "apiKey", "sessionKey", "password", "code", "slug"))
    marked = f"/api/assets/{world.port}"
    world.ask(f"{marked}?{query}&size=preview", GOOD, secrets, {"Cookie": "immich_access_token=secret-5"})
    line = until_logged(world, marked)
    assert "handled request" in line
    assert "size=preview" in line
    assert BROWSER["User-Agent"] in line
    told = world.log.read_text()
    assert "secret-" not in told
    assert GOOD["Authorization"].split()[1] not in told


def test_the_access_log_does_not_tell_where_a_login_comes_back_to(world: World) -> None:
    world.serve()
    start = f"/outpost.goauthentik.io/start?port={world.port}&rd=https%3A%2F%2Fx%2Fapi%3Fkey%3Dsecret-1"
    assert world.ask(f"{start}&x=y").status == 200
    assert f"port={world.port}&rd=REDACTED&x=y" in until_logged(world, f"start?port={world.port}")
    assert "secret-" not in world.log.read_text()


def test_the_access_log_tells_of_a_share_link_and_not_which(world: World) -> None:
    for shares in (world.shares.url, ""):
        world.serve(shares=shares)
        for path in (
            "/share/secret-1",
            "/s/secret-2",
            "/share/photo/secret-3/4/thumbnail?key=secret-4&password=secret-5",
        ):
            assert world.ask(path).status == (200 if shares else 302)
        last = f"/S/secret-6?port={world.port}{len(shares)}"
        world.ask(last)
        assert "/S/REDACTED?" in until_logged(world, last.partition("?")[2])
    told = world.log.read_text()
    assert "/share/REDACTED?key=REDACTED&password=REDACTED" in told
    assert "secret-" not in told
