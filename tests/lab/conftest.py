"""The real Caddy of the lab's tools."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.files import TOOLS
from lab.processes import free_port
from lab.toolchain import ensure

from .site_world import World

Adapt = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def caddy() -> Path:
    """The real Caddy."""
    return ensure(TOOLS).caddy.path


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


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, caddy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Caddy with a site; its form is the parameter."""
    with World(caddy, tmp_path_factory.mktemp("site"), getattr(request, "param", "file")) as world:
        yield world
