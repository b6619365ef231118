"""The doctor as a command: exit status, JSON, and a header that is pasted at a terminal."""

import json
import os
import pty
import subprocess
import sys
import termios
import time

from doctor.visit import Subject
from lab.driver import Driver
from lab.files import ROOT
from providers.access.findings import Finding
from tests.e2e.breaking import Breaking


def doctor(*arguments: str, pasted: str = "", token: bool = True) -> subprocess.CompletedProcess[str]:
    """The command as an operator runs it."""
    env = {name: value for name, value in os.environ.items() if token or name != "AUTHENTIK_TOKEN"}
    command = [sys.executable, "-m", "doctor", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, input=pasted, capture_output=True, text=True, check=False)


def test_the_exit_status_tells_a_cron_job_how_it_is(driver: Driver, breaking: Breaking) -> None:
    assert doctor().returncode == 0
    assert doctor(token=False).returncode == 2
    with breaking.configured(enabled=False):
        assert doctor().returncode == 1
    wrong = doctor("--stack", "there-is-none")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "there-is-none" in wrong.stderr
    assert doctor("Basic abc").returncode == 2  # a header is no argument


def test_json_says_the_same_and_neither_form_holds_the_header(well: Subject) -> None:
    header = well.outputs.headers["phone"]
    answer, table = (
        doctor("--header", "--json", pasted=f"{header[:30]} {header[30:]}\n"),
        doctor("--header", pasted=f"{header[:30]} {header[30:]}\n"),
    )
    assert answer.returncode == table.returncode == 1
    told = json.loads(answer.stdout)
    assert told["state"] == "not ok"
    (check,) = [each for each in told["checks"] if each["link"] == "header"]
    assert check == {
        "phone": "pasted header",
        "link": "header",
        "state": "not ok",
        "finding": "HEADER_SPACE",
        "text": Finding.HEADER_SPACE.text,
        "detail": None,
        "remedy": Finding.HEADER_SPACE.remedy,
    }
    assert Finding.HEADER_SPACE.text in table.stdout
    assert not [each for each in (answer, table) if header.split()[1] in each.stdout + each.stderr]


def test_a_header_pasted_at_a_terminal_is_not_shown_and_its_line_break_is_seen(well: Subject) -> None:
    header = well.outputs.headers["phone"]
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "doctor", "--header", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        shown = b""
        while b"Paste" not in shown:
            shown += os.read(ours, 1024)
        while termios.tcgetattr(ours)[3] & termios.ECHO:
            time.sleep(0.02)
        os.write(ours, f"{header[:30]}\n{header[30:]}\n".encode())
        answer, _ = process.communicate(timeout=60)
        shown += os.read(ours, 4096)
    os.close(ours)
    assert {each["finding"] for each in json.loads(answer)["checks"]} == {None, "HEADER_LINE_BREAK"}
    assert header[10:30].encode() not in shown
