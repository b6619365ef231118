"""make clean, on a project of its own."""

import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from lab.files import ROOT
from lab.processes import JsonLine, Processes

SERVER = "import time; print('{}', flush=True); time.sleep(600)"
LABS = (".lab", ".lab/e2e", ".lab/of a killed run")


def runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_every_lab_is_ended_before_its_records_are_removed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for package in ("lab", "setup"):
        (tmp_path / package).symlink_to(ROOT / package)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    log, server = tmp_path / "web.log", [sys.executable, "-c", SERVER]
    started = [Processes(tmp_path / lab).start("web", server, {}, log, ready=JsonLine()) for lab in LABS]
    servers = [psutil.Process(each.pid) for each in started]
    try:
        assert all(map(runs, servers))
        done = subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert not any(map(runs, servers))
        assert not (tmp_path / ".lab").exists()
    finally:
        for each in servers:
            with suppress(psutil.NoSuchProcess):
                each.kill()
