"""Runs the whole program against a monitor that keeps what it is told."""

import asyncio
import contextvars
import json
import runpy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import json_format  # type: ignore[import-untyped]
from pulumi.runtime import rpc, set_all_config, set_mocks
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack

from tests.reference import STACK

ROOT = Path(__file__).resolve().parents[2]
KEY = "key-of-"
AUTHENTIK = "pulumi-python:dynamic/authentik:"


@dataclass
class Registered:
    """One resource as the program registered it."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    dependencies: set[str]
    secret_outputs: list[str]
    ignore_changes: list[str]
    deleted_with: str


@dataclass
class Run:
    """What a run of the program registered, in order, and exported."""

    resources: dict[str, Registered] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The outputs that components and the stack registered, by name; secrets as Secret."""
    error: BaseException | None = None

    @property
    def exports(self) -> dict[str, Any]:
        """What the stack exports."""
        return self.outputs["stack"]

    def named(self, name: str) -> Registered:
        """The resource of a name."""
        return self.resources[name]


@dataclass(frozen=True)
class Secret:
    """A value that the engine was told to keep secret."""

    value: Any


class Authentik(Mocks):
    """Objects as Authentik would make them: a UUID or a number for an id, a key for an account."""

    def call(self, args: Any) -> Any:
        raise AssertionError(f"the program called {args.token}: a preview must call nothing")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        outs = {name: value for name, value in args.inputs.items() if name != "__provider"}
        if args.typ.endswith(":ServiceAccount"):
            outs |= {"pk": 7, "uid": "u", "key": KEY + args.inputs["username"]}
        if args.typ.endswith((":ExclusiveBindings", ":ExclusiveMembers")):
            outs |= {"others": {}}
        if args.typ.endswith(":OutpostAttachment"):
            outs |= {"outpost_pk": "id-of-the-outpost", "settles": 1800000000}
        if args.typ.endswith(":Isolation"):
            outs |= {"reachable": {}, "unchecked": []}
        if args.typ.endswith(":OAuth2Provider"):
            outs |= {"pk": 41, "client_id": "client", "client_secret": KEY + "client"}
        number = args.typ.endswith((":ServiceAccount", ":ProxyProvider", ":OAuth2Provider"))
        return ("41" if number else f"id-of-{args.name}"), outs


class Monitor(MockMonitor):
    """Keeps requests as they come."""

    def __init__(self, run: Run) -> None:
        super().__init__(Authentik())
        self._run, self._lock = run, threading.Lock()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the name of the call
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            with self._lock:
                self._run.resources[request.name] = Registered(
                    type=request.type,
                    name=request.name,
                    inputs={
                        name: _read(value)
                        for name, value in rpc.deserialize_properties(request.object).items()
                        if name != "__provider"
                    },
                    parent=request.parent.rpartition("::")[2],
                    dependencies={urn.rpartition("::")[2] for urn in request.dependencies},
                    secret_outputs=list(request.additionalSecretOutputs),
                    ignore_changes=list(request.ignoreChanges),
                    deleted_with=request.deletedWith.rpartition("::")[2],
                )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        type_, _, name = request.urn.partition("::")[2].partition("::")[2].rpartition("::")
        with self._lock:
            name = "stack" if type_ == "pulumi:pulumi:Stack" else name
            self._run.outputs[name] = _read(json_format.MessageToDict(request.outputs))
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def run(config: Mapping[str, str], stack: str = "prod", monitor: Callable[[Run], Monitor] = Monitor) -> Run:
    """Run __main__.py with a configuration, as nothing before it had happened. monitor: what it registers with."""
    done = Run()

    async def fresh() -> None:
        set_all_config(dict(config))
        set_mocks(Authentik(), project="immich", stack=stack, preview=False, monitor=monitor(done))
        SETTINGS.rpc_manager.clear()  # what a run that failed has left
        SETTINGS.outputs.clear()
        set_root_resource(None)  # type: ignore[arg-type]  # the one of set_mocks has told its outputs already
        try:
            await run_in_stack(_main)
        except BaseException as error:  # noqa: BLE001  # whatever ended the program is what the test looks at
            done.error = error

    thread = threading.Thread(target=contextvars.Context().run, args=(asyncio.run, fresh()))
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "the program does not end"
    return done


def good(config: Mapping[str, str], stack: str = "prod") -> Run:
    """The same; the program must end well."""
    done = run(config, stack)
    if done.error:
        raise done.error
    return done


def phones(*phones: dict[str, object]) -> dict[str, str]:
    """The configuration of the reference stack with these phones."""
    return STACK | {"immich:phones": json.dumps(phones)}


def of_type(done: Run, name: str) -> list[Registered]:
    """The resources of a type, by name."""
    found = [each for each in done.resources.values() if each.type == AUTHENTIK + name]
    return sorted(found, key=lambda each: each.name)


def changed(one: Run, other: Run) -> list[str]:
    """The resources of both that are declared in another way, by name."""
    both = one.resources.keys() & other.resources.keys()
    return sorted(name for name in both if one.named(name).inputs != other.named(name).inputs)


def _main() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def _read(value: Any) -> Any:
    """A value as it came, with secrets as Secret."""
    if isinstance(value, dict):
        if rpc._special_sig_key in value:
            assert value[rpc._special_sig_key] == rpc._special_secret_sig
            return Secret(_read(value["value"]))
        return {name: _read(each) for name, each in value.items()}
    return [_read(each) for each in value] if isinstance(value, list) else value
