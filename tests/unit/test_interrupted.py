"""Ctrl-C ends a command as a shell expects, and in no stack trace."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.files import ROOT


@pytest.mark.parametrize("module", ["phone", "doctor", "doctor.site_files"])
def test_an_interrupted_command_answers_130_and_says_nothing(module: str, tmp_path: Path) -> None:
    engine, asked = tmp_path / "pulumi", tmp_path / "asked"
    engine.write_text(f"#!/bin/sh\ntouch {asked}\nexec sleep 60\n")
    engine.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Who is started in the background may have been born to ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not asked.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "the engine is never asked"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all that it started
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
