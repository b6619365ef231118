"""Hosts with a real Caddy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.toolchain import ensure

from .host import Host


@pytest.fixture(scope="session")
def caddy() -> Path:
    """The real Caddy."""
    return ensure().caddy.path


@pytest.fixture
def host(caddy: Path, tmp_path: Path) -> Iterator[Host]:
    """One host, nothing delivered yet."""
    with Host(caddy, tmp_path / "host") as host:
        yield host
