"""The stand-in for the `command` plugin, called as the engine calls it: what was seen of the real one holds."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from lab.files import ROOT

URN = "urn:pulumi:lab::immich::immich:index:CaddySite$command:local:Command::site"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hush"}


@pytest.fixture(scope="module")
def plugin() -> Iterator[Any]:
    """The plugin's own process."""
    command = [sys.executable, "-m", "lab.command_plugin", "127.0.0.1:1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    process.terminate()
    assert process.wait(20) == 0


def struct(values: dict[str, Any]) -> Any:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def create(plugin: Any, *, preview: bool = False, **inputs: Any) -> dict[str, Any]:
    request = provider_pb2.CreateRequest(urn=URN, properties=struct(inputs), preview=preview)
    return dict(json_format.MessageToDict(plugin.Create(request).properties))


def update(plugin: Any, olds: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    request = provider_pb2.UpdateRequest(id="site", urn=URN, olds=struct(olds), news=struct(inputs))
    return dict(json_format.MessageToDict(plugin.Update(request).properties))


def diff(plugin: Any, olds: dict[str, Any], news: dict[str, Any]) -> Any:
    return plugin.Diff(
        provider_pb2.DiffRequest(id="site", urn=URN, olds=struct(olds), old_inputs=struct(olds), news=struct(news))
    )


def test_stdin_reaches_the_command_and_its_outputs_come_back_without_the_last_line_break(plugin: Any) -> None:
    made = create(plugin, create="cat; echo two >&2", stdin="one\n")
    assert (made["stdout"], made["stderr"], made["stdin"]) == ("one", "two", "one\n")


def test_a_preview_runs_nothing(plugin: Any, tmp_path: Any) -> None:
    made = create(plugin, preview=True, create=f"touch {tmp_path}/ran")
    assert made["stdout"] == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    assert list(tmp_path.iterdir()) == []


def test_an_update_runs_update_or_create_again_and_knows_what_was_said_before(plugin: Any) -> None:
    former = create(plugin, create="echo first")
    assert update(plugin, former, create='echo "again after $PULUMI_COMMAND_STDOUT"')["stdout"] == "again after first"
    assert update(plugin, former, create="false", update="echo other")["stdout"] == "other"
    silent = {"create": 'echo "$PULUMI_COMMAND_STDOUT"', "addPreviousOutputInEnv": False}
    assert update(plugin, former, **silent)["stdout"] == ""


def test_a_change_updates_and_a_trigger_replaces_where_there_is_no_update(plugin: Any) -> None:
    former = {"create": "true", "stdin": "a", "triggers": ["x"]}
    assert diff(plugin, former, former).changes == provider_pb2.DiffResponse.DIFF_NONE
    assert list(diff(plugin, former, former | {"stdin": "b"}).replaces) == []
    assert list(diff(plugin, former, former | {"triggers": ["y"]}).replaces) == ["triggers"]
    with_update = former | {"update": "true"}
    assert list(diff(plugin, with_update, with_update | {"triggers": ["y"]}).replaces) == []


def test_a_delete_runs_with_the_last_inputs(plugin: Any, tmp_path: Any) -> None:
    state = {"create": "true", "delete": f"cat >{tmp_path}/said", "stdin": "goodbye"}
    plugin.Delete(provider_pb2.DeleteRequest(id="site", urn=URN, properties=struct(state)))
    assert (tmp_path / "said").read_text() == "goodbye"


def test_a_failure_tells_the_exit_status_the_command_and_what_it_said(plugin: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(plugin, create="echo no; exit 3")
    assert caught.value.details() == 'exit status 3: running "echo no; exit 3":\nno\n'


def test_outputs_of_a_secret_input_are_secret(plugin: Any) -> None:
    made = create(plugin, create='printf %s "$WORD"', environment={"WORD": SECRET})
    assert made["stdout"] == SECRET
    assert made["environment"] == {"WORD": SECRET}
