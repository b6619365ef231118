"""immich:timeoutPercent scales every wait for Authentik or Caddy."""

import json
import time
from pathlib import Path

import pytest

from doctor.visit import look, read_subject
from phone.listing import gather
from phone.outputs import read_outputs
from providers import retry as module
from providers.access.findings import Finding
from tests.reference import STACK

from .server import Answer, Handler, Server, page, reply

SLOW = 0.3
"""Seconds that every answer takes: too long for 100 percent, and not for 1000."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ", SLOW / 3)
    monkeypatch.setattr(module, "BUSY_BOUND", SLOW)
    monkeypatch.setenv("AUTHENTIK_TOKEN", "the-token")


def slow(answer: Answer) -> Answer:
    def later(handler: Handler) -> None:
        time.sleep(SLOW)
        answer(handler)

    return later


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `pulumi` that knows one stack, whose settings are added by `settle`."""
    outputs = {
        "immichUrl": "https://photos.example.org",
        "headerName": "Authorization",
        "application": "immich",
        "generations": {"phone": 1},
        "serviceAccounts": {"phone": "svc"},
        "formerServiceAccounts": {},
        "fingerprints": {},
        "headers": {},
    }
    (tmp_path / "stack").write_text(json.dumps(outputs))
    program = tmp_path / "pulumi"
    program.write_text('#!/bin/sh\nexec cat "${0%/*}/$1"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def settle(stack: Path, percent: str, **settings: str) -> None:
    named = {name.replace("_", ":"): value for name, value in settings.items()}
    config = STACK | {"immich:probeAddress": "127.0.0.1:1", "immich:timeoutPercent": percent} | named
    (stack / "config").write_text(json.dumps({name: {"value": value} for name, value in config.items()}))


@pytest.mark.parametrize(("percent", "known"), [("100", False), ("1000", True), ("many", False)])
def test_the_list_of_phones_waits_for_authentik_as_long_as_the_stack_says(
    percent: str, known: bool, stack: Path
) -> None:
    with Server(slow(page({"username": "svc", "is_active": True, "created": "", "action": ""}))) as server:
        settle(stack, percent, authentik_url=server.url)
        warnings: list[str] = []
        (line,) = gather(read_outputs(), None, warnings.append)
    assert line.enabled == ("yes" if known else "cannot tell")
    assert len(warnings) == (0 if known else 1)


@pytest.mark.parametrize(("percent", "known"), [("100", False), ("1000", True)])
def test_the_doctor_waits_for_authentik_and_caddy_as_long_as_the_stack_says(
    percent: str, known: bool, stack: Path
) -> None:
    nothing = [slow(page()), slow(reply(404, {"detail": "no such application"})), slow(page())]
    with Server(*nothing) as authentik, Server(slow(reply(200, {}, Etag="1"))) as caddy:
        settle(stack, percent, authentik_url=authentik.url, caddy_admin=caddy.url)
        findings = {finding.check.finding for finding in look(read_subject(None), None)}
    assert (Finding.AUTHENTIK_UNREACHABLE not in findings) is known
    assert (Finding.CADDY_UNREACHABLE not in findings) is known
