"""The program's token, as `python -m setup token` makes it in a real Authentik: with it a stack comes and goes."""

import subprocess
import sys
from dataclasses import replace

import pytest

from lab.driver import Driver
from lab.files import ROOT
from lab.stack import Stack


def asked(driver: Driver, name: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the superuser's token on its standard input."""
    command = [sys.executable, "-m", "setup", "token", "--url", driver.lab.authentik_url, "--name", name]
    superusers = driver.lab.authentik_token
    run = subprocess.run(command, cwd=ROOT, input=superusers, capture_output=True, text=True, check=False, timeout=700)
    assert run.returncode == 0, run.stderr
    return run


@pytest.mark.real
def test_the_token_that_setup_makes_runs_the_program(driver: Driver) -> None:
    if not driver.lab.real:
        pytest.skip("the stand-in applies no blueprints: tests/unit/test_setup_token.py has the command's part")
    name = f"{driver.lab.names['second']}-setup"
    try:
        key = asked(driver, name).stdout.strip()
        stack = Stack(replace(driver.lab, env=driver.lab.env | {"AUTHENTIK_TOKEN": key}))
        driver.stack.destroy()
        stack.up()
        assert driver.until(True, driver.header()) is not None
        stack.refresh("--skip-preview", "--expect-no-changes")
        again = asked(driver, name)
        assert (again.stdout, "exists already" in again.stderr) == ("", True)
        stack.destroy()
    finally:
        driver.admin.remove_operator(name)
        driver.stack.up()
    assert not [each for each in driver.admin.every("/managed/blueprints/") if each["name"] == name]
