"""Bounds of hypothesis for the unit tier, and the real Caddy."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, settings

from lab.processes import free_port
from lab.toolchain import Progress, Sources
from lab.toolchain.getting import Getter
from lab.toolchain.versions import CADDY, ROOT

settings.register_profile(
    "unit", max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
settings.load_profile("unit")

Adapt = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def caddy() -> Path:
    """The real Caddy, from PATH or from the lab."""
    tool = Getter(ROOT / ".lab", Sources.of(os.environ), Progress()).get(CADDY)
    assert tool is not None, "Caddy could not be had: run make tools"
    return tool.path


@pytest.fixture(scope="session")
def adapt(caddy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adapt]:
    """A Caddyfile as the real Caddy understands it: {"result": JSON, "warnings": […]}."""
    home = tmp_path_factory.mktemp("caddy")
    admin = f"127.0.0.1:{free_port()}"
    env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home), "CADDY_ADMIN": admin}
    session = requests.Session()
    session.trust_env = False
    with subprocess.Popen([caddy, "run"], env=env, cwd=home, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(session, f"http://{admin}/config/")
            yield lambda text: _adapted(session.post(f"http://{admin}/adapt", text.encode(), headers=CADDYFILE))
        finally:
            process.terminate()


CADDYFILE = {"Content-Type": "text/caddyfile"}


def _adapted(response: requests.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def _wait_for(session: requests.Session, url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            session.get(url, timeout=5)
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
