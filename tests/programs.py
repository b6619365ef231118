"""Programs of the operating system that a test cannot do without."""

import os
from pathlib import Path

import pytest

from lab.system import Package, program


def needed(package: Package) -> Path:
    """Where the package's program is. Without it the test is skipped; in CI, where nothing may be, it fails."""
    found = program(package)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {package.name}; see python -m lab.system")
    return found
