"""The outputs and settings of a stack as the commands read them, from the real engine."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.driver import Driver
from phone.outputs import ROOT, StackError, read_config, read_outputs


@pytest.fixture(autouse=True)
def operator(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of an operator of the lab's stack, who has selected no stack."""
    for name, value in driver.lab.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PULUMI_STACK", raising=False)


@pytest.fixture(params=[read_outputs, read_config], ids=["outputs", "config"])
def read(request: pytest.FixtureRequest) -> Callable[..., object]:
    """Either of the two."""
    found: Callable[..., object] = request.param
    return found


def test_the_outputs_hold_the_headers_and_do_not_show_them(driver: Driver) -> None:
    outputs = read_outputs(driver.lab.stack)
    expected = driver.stack.outputs()
    assert outputs.headers == expected["headers"]
    assert outputs.accounts == expected["serviceAccounts"]
    assert outputs.generations == {"phone": 1}
    assert (outputs.url, outputs.header_name) == (driver.lab.immich_url, "Authorization")
    assert not any(header.split()[1] in repr(outputs) for header in outputs.headers.values())


def test_pulumi_stack_names_the_stack_where_the_command_does_not(
    driver: Driver, read: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_STACK", driver.lab.stack)
    assert read() == read(driver.lab.stack)


def test_the_settings_come_with_the_defaults_and_the_values_of_the_stack(driver: Driver) -> None:
    config = read_config(driver.lab.stack)
    assert config["immich:url"] == driver.lab.immich_url
    assert config["immich:enabled"] == "true"


def test_without_a_stack_the_message_says_how_to_name_one(read: Callable[..., object]) -> None:
    with pytest.raises(StackError, match=r"no stack is selected\. Name it with --stack or PULUMI_STACK"):
        read()


def test_a_stack_that_is_not_there_is_named(read: Callable[..., object]) -> None:
    with pytest.raises(StackError, match=r"no stack 'nowhere' in this backend"):
        read("nowhere")


def test_a_missing_passphrase_is_asked_for(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    with pytest.raises(StackError, match="Export PULUMI_CONFIG_PASSPHRASE_FILE"):
        read_outputs(driver.lab.stack)


def test_a_wrong_passphrase_is_told(driver: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = tmp_path / "passphrase"
    wrong.write_text("not that one")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(wrong))
    with pytest.raises(StackError, match="passphrase is not this stack's"):
        read_outputs(driver.lab.stack)


def test_a_backend_without_a_login_is_told(
    driver: Driver, read: Callable[..., object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    with pytest.raises(StackError, match="Run: pulumi login"):
        read(driver.lab.stack)


def test_a_stack_that_was_never_up_has_no_outputs(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    monkeypatch.setenv("PULUMI_BACKEND_URL", tmp_path.as_uri())
    monkeypatch.setenv("PULUMI_OPTION_CONFIG_FILE", "")  # the engine writes the new stack's settings beside that copy
    driver.stack.must("stack", "init", "--cwd", str(tmp_path), env=dict(os.environ))
    with pytest.raises(StackError, match=r"no outputs yet\. Run: pulumi up"):
        read_outputs(driver.lab.stack)


def test_without_the_engine_the_message_names_it(
    read: Callable[..., object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="pulumi is not on PATH"):
        read()
