"""`python -m phone` on a running stack: the list, the code, the sealed page, and no secret astray."""

import json
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.driver import Driver
from lab.files import ROOT
from lab.qr_reader import read_terminal
from tests.sealed import unseal
from tests.terminal import in_terminal

PASSPHRASE = "correct horse battery staple"
COMMAND = [sys.executable, "-m", "phone"]


@pytest.fixture(scope="module")
def environment(driver: Driver) -> dict[str, str]:
    """An operator's environment, with the stack named by PULUMI_STACK."""
    return {**os.environ, **driver.lab.env, "PULUMI_STACK": driver.lab.stack}


def run(environment: dict[str, str], *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.real
def test_the_list_shows_what_authentik_knows_of_each_account(driver: Driver, environment: dict[str, str]) -> None:
    assert driver.until(True, driver.header()) is not None
    done = run(environment, "list", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)
    outputs = driver.stack.outputs()
    assert line.pop("last_login").startswith("20")
    assert line == {
        "name": "phone",
        "account": outputs["serviceAccounts"]["phone"],
        "generation": 1,
        "fingerprint": outputs["fingerprints"]["phone"],
        "enabled": "yes",
        "overlap": "",
    }
    with driver.broken({"is_active": False}):
        assert json.loads(run(environment, "list", "--json").stdout)[0]["enabled"] == "no"


def test_without_a_command_and_a_token_the_phones_are_listed_all_the_same(environment: dict[str, str]) -> None:
    bare = {name: value for name, value in environment.items() if name != "AUTHENTIK_TOKEN"}
    done = run(bare)
    assert done.returncode == 0
    assert "AUTHENTIK_TOKEN is not set" in done.stderr
    assert re.search(r"^phone .* cannot tell +cannot tell", done.stdout, re.MULTILINE)


def test_where_no_authentik_answers_it_is_asked_once_and_the_phones_are_listed(
    driver: Driver, environment: dict[str, str]
) -> None:
    before = driver.stack.settings()["authentik:url"]
    driver.stack.set({"authentik:url": driver.lab.caddy_admin})
    try:
        done = run(environment, "list")
    finally:
        driver.stack.set({"authentik:url": before})
    assert (done.returncode, done.stderr.count("answered 404")) == (0, 1)
    assert "cannot tell" in done.stdout


def test_a_phone_in_overlap_is_listed_with_both_of_its_accounts(driver: Driver, environment: dict[str, str]) -> None:
    former = driver.stack.outputs()["serviceAccounts"]["phone"]
    driver.stack.configure(phones=[{"name": "phone", "generation": 2, "overlap": True}])
    try:
        driver.stack.up()
        lines = json.loads(run(environment, "list", "--json").stdout)
    finally:
        driver.stack.configure(phones=None)
        driver.stack.up()
    shown = [(line["account"], line["generation"], line["overlap"], line["enabled"]) for line in lines]
    assert shown == [(f"{former}-g2", 2, "current", "yes"), (former, 1, "former", "yes")]
    assert [bool(line["fingerprint"]) for line in lines] == [True, False]


def test_the_terminal_shows_a_code_that_reads_as_the_header(driver: Driver, environment: dict[str, str]) -> None:
    shown, code = in_terminal([*COMMAND, "show", "phone"], env=environment)
    assert code == 0, shown
    header = driver.headers()["phone"]
    assert read_terminal(shown) == [header]
    for text in (header, driver.lab.immich_url, "Custom proxy headers", "Authorization"):
        assert shown.count(text) == 1
    assert shown.index("Advanced") < shown.index("Enter the server's address")


def test_a_terminal_too_narrow_for_the_code_is_warned_of(environment: dict[str, str]) -> None:
    shown, _ = in_terminal([*COMMAND, "show", "phone"], env={**environment, "COLUMNS": "40"})
    assert "the terminal is 40 columns wide" in shown


def test_what_is_no_terminal_gets_the_header_only_when_forced(driver: Driver, environment: dict[str, str]) -> None:
    header = driver.headers()["phone"]
    refused = run(environment, "show", "phone")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "stdout is not a terminal" in refused.stderr
    forced = run(environment, "show", "phone", "--force")
    assert (forced.returncode, forced.stdout.count(header)) == (0, 1)
    assert "stdout is not a terminal" in forced.stderr
    assert header not in refused.stderr + forced.stderr


def test_the_page_is_private_and_opens_with_the_passphrase_from_a_pipe(
    driver: Driver, environment: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "for anna.html"
    done = run(environment, "page", "phone", "-o", str(path), "--passphrase-fd", "0", given=PASSPHRASE + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sealed = re.search(r'<script id="sealed" type="text/plain">(.*)</script>', path.read_text())
    assert sealed is not None
    held = json.loads(unseal(sealed[1], PASSPHRASE))
    assert held["value"] == driver.headers()["phone"]
    assert held["fingerprint"] in done.stdout
    before = path.read_bytes()
    again = run(environment, "page", "phone", "-o", str(path), "--passphrase-fd", "0", given=PASSPHRASE + "\n")
    assert (again.returncode, path.read_bytes()) == (1, before)
    assert "--force" in again.stderr
    more = run(environment, "page", "phone", "-o", str(path), "--passphrase-fd", "0", "--force", given="twelve chars")
    assert more.returncode == 0
    assert "weak" in more.stderr
    assert path.read_bytes() != before


def test_at_a_terminal_the_page_asks_for_its_passphrase(environment: dict[str, str], tmp_path: Path) -> None:
    argv = [*COMMAND, "page", "phone", "-o", str(tmp_path / "page.html")]
    shown, code = in_terminal(argv, [PASSPHRASE, PASSPHRASE], environment)
    assert (code, PASSPHRASE in shown) == (0, False)
    assert (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("arguments", "given", "reason"),
    [
        (["show", "nobody"], "", "the stack has no phone 'nobody'; it has: phone"),
        (["page", "phone", "-o", "/nowhere/page.html", "--passphrase-fd", "0"], PASSPHRASE, "cannot write /nowhere/"),
        (["page", "phone", "-o", "page.html", "--passphrase-fd", "0"], "short", "12 characters or more, got 5"),
        (["list", "--stack", "nowhere"], "", "there is no stack 'nowhere'"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    environment: dict[str, str], arguments: list[str], given: str, reason: str
) -> None:
    done = run(environment, *arguments, given=given)
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (ROOT / "page.html").exists()


def test_no_process_has_a_secret_in_its_arguments_or_the_passphrase_in_its_environment(
    driver: Driver, environment: dict[str, str], tmp_path: Path
) -> None:
    """Every process of this machine is looked at, over and over, while the commands run."""
    secrets = [PASSPHRASE.encode(), *(header.split()[1].encode() for header in driver.headers().values())]
    seen: set[bytes] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    seen.add((process / "cmdline").read_bytes())
                    seen.add((process / "environ").read_bytes())
                except OSError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        run(environment, "list")
        run(environment, "show", "phone", "--force")
        path = tmp_path / "page.html"
        run(environment, "page", "phone", "-o", str(path), "--passphrase-fd", "0", given=PASSPHRASE)
    finally:
        done.set()
        watcher.join()
    assert any(b"stack\0output" in each for each in seen), "the engine was never seen: the watcher is too slow"
    assert any(b"--passphrase-fd" in each for each in seen)
    assert not [each for each in seen if any(secret in each for secret in secrets)]
    assert path.exists()
