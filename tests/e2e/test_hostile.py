"""Hostile settings end the run in one message before anything is asked of a server or written to a file."""

import re
from pathlib import Path

import pytest
import requests

from lab.driver import Driver
from lab.files import ROOT
from lab.gateway import counted

INJECTED = "photos.example.org {\n\trespond hacked\n}"
HOSTILE: dict[str, object] = {
    "url": f"https://{INJECTED}",
    "upstream": "http://u:p@localhost:2283/path",
    "outpostUrl": "http://localhost:9000 {\n\theader_up X-Y z\n}",
    "peopleGroups": ["family\nAuthorization: Basic eHg6eHg="],
    "phones": [{"name": "phone\r\nX-Evil: 1"}],
    "serviceAccount": "immich:mobile",
    "phonesGroup": "\u001b[2Jgroup",
    "application": "../../core/users",
    "applicationName": "x" * 100_000,
    "providerName": " Immich ",
    "authorizationFlow": "flow?slug=other",
    "invalidationFlow": "flow/../../x",
    "outpost": "out\u2028post",
    "isolation": "open",
}
OF_ANOTHER_TYPE: dict[str, object] = {"enabled": "yes", "adopt": 7, "phones": "phone", "peopleGroups": {"a": "b"}}
"""What the engine refuses by the types of Pulumi.yaml, before the program runs."""


def written(driver: Driver) -> set[Path]:
    """The files beside the program and beside the stack's settings."""
    return {*ROOT.iterdir(), *Path(driver.lab.config_file).parent.iterdir()}


@pytest.mark.parametrize(
    "hostile", [HOSTILE, *({name: value} for name, value in OF_ANOTHER_TYPE.items())], ids=["values", *OF_ANOTHER_TYPE]
)
def test_none_of_them_reaches_a_server_or_a_file(driver: Driver, hostile: dict[str, object]) -> None:
    stack, caddy = driver.stack, f"{driver.lab.caddy_admin}/config/"
    settings, there, files = stack.settings(), driver.admin.snapshot(), written(driver)
    before = requests.get(caddy, timeout=10).text
    try:
        stack.configure(**hostile)
        with counted(driver.lab) as calls:
            run = stack.run("up", "--yes", "--config-file", driver.lab.config_file)
    finally:
        stack.set({f"immich:{name}": settings.get(f"immich:{name}") for name in hostile})
    assert run.code != 0
    assert set(re.findall(r"immich:(\w+)\b", run.output)) >= hostile.keys(), run.output
    assert "Traceback" not in run.output
    assert "\u001b[2Jgroup" not in run.output
    assert calls.made == []
    assert requests.get(caddy, timeout=10).text == before
    assert driver.admin.snapshot() == there
    assert written(driver) == files
    stack.preview("--expect-no-changes")
