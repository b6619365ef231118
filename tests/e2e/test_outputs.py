"""Outputs: what the stack exports, and that a secret stands nowhere in clear."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from components.fingerprint import fingerprint
from lab.driver import Driver
from tests.headers import forms


@pytest.fixture(scope="module")
def secrets(driver: Driver) -> list[str]:
    """Every secret of the stack: its headers in every form, the API token."""
    headers = forms(driver.headers().values())
    assert headers
    return [*headers, driver.lab.env["AUTHENTIK_TOKEN"]]


def _found(secrets: list[str], text: str) -> list[int]:
    return [index for index, secret in enumerate(secrets) if secret in text]


def test_every_output_is_there_and_says_what_the_readme_says(driver: Driver) -> None:
    outputs = driver.stack.outputs()
    phone = driver.lab.names["service_account"]
    assert outputs["immichUrl"] == driver.lab.immich_url
    assert outputs["headerName"] == "Authorization"
    assert outputs["serviceAccounts"] == {"phone": phone}
    assert outputs["application"] == driver.lab.names["application"]
    assert outputs["formerServiceAccounts"] == {}
    assert list(outputs["headers"]) == ["phone"]
    scheme, encoded = outputs["headers"]["phone"].split(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded).decode().startswith(f"{phone}:")


def test_the_headers_are_secret_unless_asked_for(driver: Driver, secrets: list[str]) -> None:
    assert driver.stack.outputs(secrets=False)["headers"] == "[secret]"
    assert not _found(secrets, driver.stack.must("stack", "output").output)


def test_the_fingerprints_are_plain_and_those_of_the_headers(driver: Driver) -> None:
    prints = driver.stack.outputs(secrets=False)["fingerprints"]
    assert prints == {phone: fingerprint(header) for phone, header in driver.headers().items()}


def test_no_secret_stands_in_the_exported_state(driver: Driver, secrets: list[str]) -> None:
    state = json.dumps(driver.stack.export())
    assert "ciphertext" in state
    assert not _found(secrets, state)


def test_no_secret_stands_in_the_files_of_the_backend(driver: Driver, secrets: list[str]) -> None:
    backend = Path(urlsplit(driver.lab.env["PULUMI_BACKEND_URL"]).path)
    files = [path for path in backend.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if _found(secrets, path.read_text(errors="replace"))]


def test_no_secret_is_printed_by_any_command_below_log_level_9(driver: Driver, secrets: list[str]) -> None:
    config = ("--config-file", driver.lab.config_file)
    log = ("--logtostderr", "-v=8", "--logflow")
    commands = (
        ("preview", *config, "--diff"),
        ("preview", *config, "--json"),
        ("preview", *config, *log),
        ("refresh", "--preview-only", *config, "--diff"),
        ("refresh", "--yes", *config, "--diff", *log),
        ("up", "--yes", *config, "--diff", *log),
        ("up", "--yes", *config, "--replace", driver.stack.urns()["immich-phone.g1"], *log),
    )
    for command in commands:
        run = driver.stack.must(*command)
        headers = forms(driver.headers().values())
        assert headers
        after = secrets + headers
        assert not _found(after, run.output), command[0]
    assert after[-1] not in secrets  # the last one made a new password


@pytest.fixture
def wrong_settings(driver: Driver) -> Iterator[None]:
    """The stack with settings that cannot be right."""
    driver.stack.configure(url="http://not-tls.example.org", peopleGroups=["immich-mobile-users", "a", "a"])
    yield
    driver.stack.configure(url=driver.lab.immich_url, peopleGroups=[driver.lab.names["people_group"]])


@pytest.mark.usefixtures("wrong_settings")
def test_wrong_settings_end_in_one_message_that_names_each(driver: Driver) -> None:
    run = driver.stack.run("preview", "--config-file", driver.lab.config_file)
    assert run.code != 0
    assert "immich:url: expected https://host" in run.output
    assert "immich:peopleGroups: expected each once, got 'a' again" in run.output
    assert "Traceback" not in run.output


def test_a_missing_setting_is_named(driver: Driver) -> None:
    driver.stack.configure(url=None)
    try:
        run = driver.stack.run("preview", "--config-file", driver.lab.config_file)
    finally:
        driver.stack.configure(url=driver.lab.immich_url)
    assert run.code != 0
    assert "immich:url" in run.output
    assert "Traceback" not in run.output


def test_a_missing_token_is_told_in_one_message(driver: Driver) -> None:
    env = {name: value for name, value in {**os.environ, **driver.lab.env}.items() if name != "AUTHENTIK_TOKEN"}
    run = driver.stack.run("refresh", "--yes", "--config-file", driver.lab.config_file, env=env)
    assert run.code != 0
    assert "AUTHENTIK_TOKEN is not set" in run.output
    assert "Traceback" not in run.output


def test_lab_json_alone_is_enough_to_run_the_engine(driver: Driver) -> None:
    lab = driver.lab
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [lab.pulumi, "preview", "--stack", lab.stack, "--non-interactive"],
        cwd=root,
        env={**os.environ, **lab.env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unchanged" in done.stdout
