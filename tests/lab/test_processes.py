"""Servers that outlive the command that started them, and are ended by pid and nothing else."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab.processes import JsonLine, Port, Process, ProcessError, Processes, free_port
from lab.toolchain.versions import ROOT

# Says where it listens, then serves on until it is told to end.
SERVER = """
import json, os, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", 0))))
print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
while True:
    time.sleep(0.05)
    print("tick", flush=True)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
WITH_A_CHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"


class Lab(Processes):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def serve(
        self, name: str = "web", program: str = SERVER, ready: JsonLine | Port | None = None, **env: str
    ) -> Process:
        log = self.folder / "logs" / f"{name}.log"
        argv = [sys.executable, "-c", program]
        return self.start(name, argv, {**os.environ, **env}, log, ready=ready or JsonLine())

    def record(self, name: str) -> Path:
        return self.folder / "run" / f"{name}.json"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "lab")
    yield made
    made.stop_all(seconds=1)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def eventually(truth: bool, pid: int) -> bool:
    deadline = time.monotonic() + 5
    while alive(pid) != truth and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive(pid) == truth


def test_the_first_line_of_a_server_tells_where_it_is(lab: Lab) -> None:
    process = lab.serve()
    port = int(process.said["url"].rpartition(":")[2])
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
    assert lab.find("web") == process


def test_a_server_that_says_nothing_is_ready_when_its_port_answers(lab: Lab) -> None:
    port = free_port()
    lab.serve(ready=Port(port), PORT=str(port))
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_a_server_survives_the_command_that_started_it_and_is_ended_by_another(lab: Lab) -> None:
    command = (
        "import os, sys; from pathlib import Path; from lab.processes import *; lab = Path(sys.argv[1]); "
        "process = Processes(lab).start('web', [sys.executable, '-c', sys.argv[2]], os.environ, "
        "lab / 'web.log', ready=JsonLine()); print(process.pid)"
    )
    argv = [sys.executable, "-c", command, str(lab.folder), SERVER]
    answer = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    pid = int(answer.stdout)
    # Long enough for it to write more after the pipe of its starter would have broken.
    time.sleep(0.3)
    assert alive(pid)
    assert list(lab.running()) == ["web"]
    assert lab.stop("web")
    assert not alive(pid)


def test_ending_a_server_ends_what_it_started(lab: Lab) -> None:
    process = lab.serve(program=WITH_A_CHILD + SERVER)
    (child,) = psutil.Process(process.pid).children()
    assert lab.stop("web")
    assert eventually(False, child.pid)


def test_what_a_crashed_server_left_behind_is_ended_too(lab: Lab) -> None:
    process = lab.serve(program=WITH_A_CHILD + SERVER)
    (child,) = psutil.Process(process.pid).children()
    os.kill(process.pid, signal.SIGKILL)
    # Waited for, so that its pid is free: only the mark tells whose the child is.
    psutil.Process(process.pid).wait(5)
    assert alive(child.pid)
    assert lab.stop("web")
    assert eventually(False, child.pid)


def test_a_server_that_ignores_sigterm_is_killed_after_a_bound(lab: Lab) -> None:
    process = lab.serve(program=STUBBORN)
    began = time.monotonic()
    assert lab.stop("web", seconds=0.3)
    assert 0.3 <= time.monotonic() - began < 9
    assert not alive(process.pid)


def test_a_process_that_got_the_pid_later_is_not_touched(lab: Lab) -> None:
    lab.serve()
    record = json.loads(lab.record("web").read_text())
    lab.stop("web")
    argv = [sys.executable, "-c", "import time; time.sleep(60)"]
    stranger = subprocess.Popen(argv, start_new_session=True)
    try:
        lab.record("web").write_text(json.dumps({**record, "pid": stranger.pid}))
        assert lab.find("web") is None
        assert not lab.stop("web")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    assert not lab.record("web").exists()


def test_a_server_that_dies_at_its_start_is_reported_with_the_end_of_its_log(lab: Lab) -> None:
    dying = "import sys; print('line of noise\\n' * 100, file=sys.stderr); sys.exit('no such setting: colour')"
    with pytest.raises(ProcessError, match=r"web ended at its start with code 1\.") as failure:
        lab.serve(program=dying)
    assert "no such setting: colour" in str(failure.value)
    assert str(lab.folder / "logs" / "web.log") in str(failure.value)
    assert str(failure.value).count("line of noise") < 25
    assert lab.running() == {}


def test_a_server_that_is_not_ready_in_time_is_ended_and_reported(lab: Lab) -> None:
    sleeper = "import os, time; open(os.environ['PIDS'], 'w').write(str(os.getpid())); time.sleep(60)"
    pids = lab.folder.parent / "pid"
    with pytest.raises(ProcessError, match=r"was not ready within 0\.5 s"):
        lab.serve(program=sleeper, ready=JsonLine(0.5), PIDS=str(pids))
    assert eventually(False, int(pids.read_text()))


def test_a_first_line_that_is_no_json_is_an_error(lab: Lab) -> None:
    with pytest.raises(ProcessError, match="did not say a line of JSON first") as failure:
        lab.serve(program="import time; print('Listening!', flush=True); time.sleep(60)")
    assert "Listening!" in str(failure.value)


def test_a_port_of_somebody_else_is_not_taken_for_readiness(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        port = foreign.getsockname()[1]
        with pytest.raises(ProcessError, match=f"somebody else listens on 127.0.0.1:{port}"):
            lab.serve(ready=Port(port), PORT=str(port))


def test_a_program_that_is_not_there_is_named(lab: Lab) -> None:
    with pytest.raises(ProcessError, match=r"web cannot start: .*no-such-program"):
        lab.start("web", ["/no-such-program"], {}, lab.folder / "web.log", ready=JsonLine())


def test_the_same_server_is_not_started_twice(lab: Lab) -> None:
    process = lab.serve()
    with pytest.raises(ProcessError, match=rf"web runs already \(pid {process.pid}\)"):
        lab.serve()
    assert alive(process.pid)


def test_two_labs_side_by_side_do_not_disturb_each_other(lab: Lab, tmp_path: Path) -> None:
    other = Lab(tmp_path / "other")
    mine, theirs = lab.serve(), other.serve()
    assert other.stop_all() == ["web"]
    assert alive(mine.pid)
    assert not alive(theirs.pid)
    assert not lab.folder.samefile(other.folder)


def test_all_are_ended_the_youngest_first(lab: Lab) -> None:
    for name in ("authentik", "immich", "caddy"):
        lab.serve(name)
    assert list(lab.running()) == ["authentik", "immich", "caddy"]
    assert lab.stop_all() == ["caddy", "immich", "authentik"]
    assert lab.stop_all() == []


def test_a_secret_in_the_environment_is_in_no_argument_record_or_readable_file(lab: Lab) -> None:
    process = lab.serve(TOKEN="a-very-secret-token")
    assert "a-very-secret-token" not in " ".join(psutil.Process(process.pid).cmdline())
    for path in lab.folder.rglob("*.*"):
        assert b"a-very-secret-token" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
