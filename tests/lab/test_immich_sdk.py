"""Immich's own npm client against the stand-in: who wrote the client did not write the stand-in."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from components.immich_oauth_section import oauth_config
from lab.immich import StandIn
from lab.immich.config import OAUTH
from tests import immich_sdk
from tests.immich_sdk import FOLDER

HEADER = "Basic cGhvbmU6YXBwLXBhc3N3b3Jk"


@pytest.fixture(scope="module")
def immich() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture(scope="module")
def node() -> str:
    """Node, with the script's packages."""
    return immich_sdk.node()


def run(node: str, immich: StandIn, **settings: str) -> tuple[int, dict[str, Any], str]:
    environment = {
        "PATH": os.environ["PATH"],
        "IMMICH_URL": immich.url,
        "IMMICH_EMAIL": immich.email,
        "IMMICH_PASSWORD": immich.password,
        "IMMICH_HEADER_NAME": "Authorization",
        "IMMICH_HEADER_VALUE": HEADER,
    }
    command, environment = [node, "run.mjs"], environment | settings
    done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, json.loads(done.stdout or "{}"), done.stdout + done.stderr


def test_immichs_own_client_logs_in_uploads_downloads_and_uses_a_key(node: str, immich: StandIn) -> None:
    code, seen, output = run(node, immich)
    assert code == 0, output
    assert (seen["ping"], seen["user"], seen["header"]) == ("pong", immich.email, "Authorization")
    assert (seen["asset"]["status"], seen["asset"]["again"]) == ("created", "duplicate")
    assert seen["asset"]["downloaded"] == seen["asset"]["size"]
    assert seen["apiKeys"] == ["sdk check"]


def test_the_client_sends_the_custom_header_with_every_request_and_prints_it_never(node: str, immich: StandIn) -> None:
    immich.log.write_text("")
    code, _, output = run(node, immich)
    entries = [json.loads(line) for line in immich.log.read_text().splitlines()]
    assert code == 0, output
    assert len(entries) >= 12
    assert {entry["headers"].get("authorization") for entry in entries} == {HEADER}
    for secret in (HEADER, HEADER.removeprefix("Basic "), immich.password):
        assert secret not in output


def test_a_name_that_does_not_resolve_is_reached_by_its_address(node: str, immich: StandIn) -> None:
    immich.log.write_text("")
    address = immich.url.removeprefix("http://")
    code, _, output = run(node, immich, IMMICH_URL="http://photos.immich.test", IMMICH_ADDRESS=address)
    assert code == 0, output
    hosts = {json.loads(line)["headers"]["host"] for line in immich.log.read_text().splitlines()}
    assert hosts == {"photos.immich.test"}


@pytest.mark.parametrize(
    ("settings", "step", "error"),
    [
        ({"IMMICH_PASSWORD": "wrong"}, "login", "401 Incorrect email or password"),
        ({"IMMICH_URL": "http://photos.immich.test"}, "ping", "ENOTFOUND"),
        ({"IMMICH_EMAIL": ""}, "settings", "IMMICH_EMAIL is not set"),
        ({"IMMICH_HEADER_VALUE": "Basic bad\nsecret"}, "ping", "*** is an invalid header value"),
    ],
    ids=["wrong password", "unknown name", "no email", "bad header"],
)
def test_the_client_ends_with_1_and_tells_where_it_stopped(
    node: str, immich: StandIn, settings: dict[str, str], step: str, error: str
) -> None:
    code, seen, output = run(node, immich, **settings)
    assert (code, seen["step"], seen["ok"]) == (1, step, False), output
    assert error in seen["error"].replace('"', "")


def test_the_section_to_import_has_every_setting_that_the_client_knows(node: str) -> None:
    types = (FOLDER / "node_modules/@immich/sdk/build/fetch-client.d.ts").read_text()
    section = types.partition("type AdminConfigOAuthDto = {")[2].partition("\n};")[0]
    needed = set(re.findall(r"^    (\w+): ", section, re.MULTILINE))
    assert "signingAlgorithm" in needed
    assert oauth_config("https://auth.example.org/", "id", "secret", "").keys() == needed == OAUTH.keys()
