"""The script that runs Immich's own npm client, and its packages."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "e2e" / "immich_sdk"


def node() -> str:
    """Where Node is, once the script's packages are as its lock file has them."""
    programs = {name: shutil.which(name) for name in ("node", "npm")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        pytest.fail(f"{' and '.join(missing)} not found: install Node 20.18 or later with npm to run this test")
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be installing them
        if installed() != locked():
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            made = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=300)
            assert made.returncode == 0, f"npm ci in {FOLDER}: {made.stderr[-2000:]}"
    return str(programs["node"])


def locked() -> dict[str, str]:
    """The packages of the lock file, path to version."""
    packages = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    return {path: package["version"] for path, package in packages.items() if path}


def installed() -> dict[str, str]:
    """Those that are there."""
    manifests = {path: FOLDER / path / "package.json" for path in locked()}
    return {path: json.loads(file.read_text())["version"] for path, file in manifests.items() if file.exists()}
