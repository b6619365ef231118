"""What the tests of the whole program share."""

import pytest

from tests.reference import STACK

from .engine import Run, good


@pytest.fixture(scope="session")
def reference() -> Run:
    """A run of the reference stack."""
    return good(STACK)
