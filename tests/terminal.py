"""Runs a command in a terminal of its own, and types into it."""

import os
import pty
import select
import subprocess
from collections.abc import Mapping, Sequence

from lab.files import ROOT

SECONDS = 60


def in_terminal(
    argv: Sequence[str], typed: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> tuple[str, int]:
    """What the terminal showed, and the exit code. typed: a line for each prompt, which ends in a colon and a space."""
    ours, theirs = pty.openpty()
    shown, left = b"", list(typed)
    with subprocess.Popen(
        argv, cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            while select.select([ours], [], [], SECONDS)[0] and (part := os.read(ours, 4096)):
                shown += part
                if left and shown.endswith(b": "):
                    os.write(ours, left.pop(0).encode() + b"\n")
        except OSError:  # the last one who had it open has ended
            pass
        finally:
            os.close(ours)
        code = process.wait(SECONDS)
    return shown.decode().replace("\r\n", "\n"), code
