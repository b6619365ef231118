"""Waits for a server that a test has started."""

import subprocess
import time

import requests


def answers(process: "subprocess.Popen[bytes]", url: str) -> bool:
    """Whether the process comes to answer at url within 20 seconds; False once it has ended. Any status will do."""
    deadline = time.monotonic() + 20
    with requests.Session() as session:
        session.trust_env = False
        while process.poll() is None:
            try:
                session.get(url, timeout=5)
            except requests.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return True
    return False
