"""The whole program on a real host: what it registers is made there, and kept as the engine would keep it."""

import copy
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2

from tests.program.engine import Monitor, Run, Secret, run

from .engine import Host, HostError, Props, Resource, packed


@dataclass
class Kept:
    """What the engine keeps of a resource, and the names of those that it depends on."""

    made: Resource
    needs: set[str]


@dataclass
class Stack:
    """A stack's state between runs. A run that ends in the middle leaves in it what the engine would have written."""

    kept: dict[str, Kept] = field(default_factory=dict)
    replaced: list[Resource] = field(default_factory=list)
    """What a run has made again, and not deleted yet."""
    headers: dict[str, str] = field(default_factory=dict)
    """The headers that the last run exported."""

    def up(self, host: Host, config: Mapping[str, str], *, refresh: bool = False) -> dict[str, str]:
        """Run the program; answers what was done with each resource. refresh: read them all first.

        Raises HostError where the host was killed or failed.
        """
        if refresh:
            for name, kept in list(self.kept.items()):
                kept.made.host = host
                if not kept.made.refresh():
                    del self.kept[name]
        engine: list[_Engine] = []

        def monitor(run: Run) -> Monitor:
            engine.append(_Engine(run, self, host))
            return engine[0]

        done = run(config, monitor=monitor)
        if engine[0].failed:
            raise engine[0].failed
        if done.error:
            raise done.error
        if "headers" not in done.exports:
            raise HostError("the program ended before its outputs, as where its host was killed")
        self._delete(host, registered=engine[0].done.keys())
        self.headers = _plain(done.exports["headers"])
        return engine[0].done

    def destroy(self, host: Host) -> None:
        """Delete every resource, each before those that it depends on."""
        self._delete(host, registered=())
        self.headers = {}

    def copy(self) -> "Stack":
        """The same state, for another run to change."""
        kept = {name: Kept(copy.copy(each.made), each.needs) for name, each in self.kept.items()}
        return Stack(kept, [copy.copy(each) for each in self.replaced], dict(self.headers))

    def _delete(self, host: Host, registered: Any) -> None:
        while self.replaced:
            self.replaced[-1].host = host
            self.replaced[-1].delete()
            self.replaced.pop()
        while gone := [name for name in self.kept if name not in registered]:
            needed = {need for name in gone for need in self.kept[name].needs}
            name = next(name for name in reversed(gone) if name not in needed)
            self.kept[name].made.host = host
            self.kept[name].made.delete()
            del self.kept[name]


class _Engine(Monitor):
    """Brings each resource that is registered to what is declared. What has failed once takes nothing more."""

    def __init__(self, run: Run, stack: Stack, host: Host) -> None:
        super().__init__(run)
        self._stack, self._host, self._state = stack, host, threading.Lock()
        self.done: dict[str, str] = {}
        self.failed: HostError | None = None

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the name of the call
        urn = self.make_urn(request.parent, request.type, request.name)
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if self.failed:
            raise self.failed
        bag = _plain(json_format.MessageToDict(request.object))
        needs = {each.rpartition("::")[2] for each in request.dependencies} - {request.name}
        try:
            made = self._bring(request.name, bag.pop("__provider"), bag, needs)
        except HostError as error:
            self.failed = error
            raise
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made.id, object=packed(made.outs))

    def _bring(self, name: str, provider: str, bag: Props, needs: set[str]) -> Resource:
        fresh, former = Resource(self._host, provider), self._stack.kept.get(name)
        if former is None:
            fresh.create(bag)
            return self._keep(name, "created", fresh, needs)
        made = former.made
        made.host = self._host
        changes, replaces, delete_first = made.diff(bag)
        if not changes:
            return self._keep(name, "same", made, needs)
        if not replaces:
            made.update(bag)
            return self._keep(name, "updated", made, needs)
        if delete_first:
            made.delete()
            del self._stack.kept[name]
        fresh.create(bag)
        with self._state:
            self._stack.replaced += [] if delete_first else [made]
        return self._keep(name, "replaced", fresh, needs)

    def _keep(self, name: str, done: str, made: Resource, needs: set[str]) -> Resource:
        with self._state:
            self._stack.kept[name] = Kept(made, needs)
            self.done[name] = done
        return made


def _plain(value: Any) -> Any:
    """A value without its wrappings as a secret."""
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, dict):
        if value.get(rpc._special_sig_key) == rpc._special_secret_sig:
            return _plain(value["value"])
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
