"""One stand-in for a module's tests; they take names of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.authentik import StandIn
from tests.contract.api import Api


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with StandIn(tmp_path_factory.mktemp("authentik") / "state.sqlite", cache_seconds=0.4) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: StandIn) -> Api:
    return Api(server)
