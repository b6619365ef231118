"""The real Caddy of the lab's tools."""

from collections.abc import Iterator

import pytest

from lab.files import TOOLS
from lab.toolchain import ensure

from .site_world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Caddy with nothing delivered yet."""
    with World(ensure(TOOLS).caddy.path, tmp_path_factory.mktemp("site")) as world:
        yield world
