"""The real host of dynamic providers, spoken to as the engine does."""

import copy
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import psutil
from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import proto, rpc
from pulumi.runtime.proto import provider_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
UNKNOWN = rpc.UNKNOWN
Props = dict[str, Any]


_FORKS = """
import json, os, runpy, signal, socket, sys
import dill, grpc, pulumi.dynamic, pulumi.runtime.proto.provider_pb2_grpc

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
asked = socket.socket(fileno=os.dup(0))
while True:
    order, descriptors, _, _ = socket.recv_fds(asked, 1 << 20, 2)
    if not order:
        break
    if os.fork():
        for descriptor in descriptors:
            os.close(descriptor)
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asked.close()
    for number, descriptor in enumerate(descriptors, 1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(json.loads(order))
    sys.stdout.buffer.write(f"{os.getpid()}\\n".encode())
    sys.argv = ["pulumi.dynamic", "127.0.0.1:1"]
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
"""
"""A process that has loaded what a host takes half a second to load, and is forked for each. It knows no provider."""


@functools.cache
def _forks() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Where hosts are ordered, and that process, which ends with its socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        return ours, subprocess.Popen([sys.executable, "-u", "-c", _FORKS], cwd=ROOT, stdin=theirs.fileno())


def _started(environment: Mapping[str, str], stderr: int | None) -> tuple[psutil.Process, int]:
    """A host's process and port. stderr: where it writes what the engine would show."""
    out, into = os.pipe()
    with open(out, "rb") as said, open(os.devnull, "w") as nowhere:  # noqa: PTH123  # a descriptor has no path
        told = nowhere.fileno() if stderr is None else stderr
        socket.send_fds(_forks()[0], [json.dumps(dict(environment)).encode()], [into, told])
        os.close(into)
        pid, port = said.readline(), said.readline()
    return psutil.Process(int(pid)), int(port)


class HostError(Exception):
    """What the engine would print: the whole text of the gRPC error."""


class Host:
    """`with Host({"authentik:url": …}, {"AUTHENTIK_TOKEN": …}) as host:` runs `python -m pulumi.dynamic`."""

    def __init__(self, config: Mapping[str, str], environment: Mapping[str, str], *, told: bool = False) -> None:
        """told: keep what it says on stderr, which the engine would show; in `told`, once it has ended."""
        self._config, self._keep = dict(config), told
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        # The stack of these tests is no file's: Pulumi.prod.yaml is an example with another address.
        self._environment = {**kept, "PULUMI_OPTION_CONFIG_FILE": os.devnull, **environment}

    def __enter__(self) -> "Host":
        self._stderr = tempfile.TemporaryFile("w+")
        self._process, port = _started(self._environment, self._stderr.fileno() if self._keep else None)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self.stub.Configure(proto.ConfigureRequest(args=packed(self._config)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()
        with suppress(psutil.NoSuchProcess):
            self._process.terminate()
        self._process.wait(10)
        self._stderr.seek(0)
        self.told = self._stderr.read()
        self._stderr.close()

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        with suppress(psutil.NoSuchProcess):
            self._process.kill()

    def call(self, method: str, request: Any) -> Any:
        """The answer; HostError with everything that the engine could print."""
        try:
            return getattr(self.stub, method)(request, timeout=60)
        except grpc.RpcError as error:
            raise HostError(f"{error.details()}") from None


class Resource:
    """One resource as the engine keeps it: id and outputs, from create, update and read."""

    def __init__(self, host: Host, provider: type[ResourceProvider] | str) -> None:
        """provider: its class, or a provider of it as the program hands it over."""
        self.host = host
        self._provider = {"__provider": provider if isinstance(provider, str) else serialize_provider(provider())}
        self.id = ""
        self.outs: Props = {}
        self.inputs: Props = {}
        """As the last refresh told them."""

    def check(self, bag: Props) -> tuple[Props, dict[str, str]]:
        """The checked inputs, and what is wrong by property."""
        request = proto.CheckRequest(urn="urn:x", olds=self._packed(self.outs), news=self._packed(bag))
        answer = self.host.call("Check", request)
        return unpacked(answer.inputs), {each.property: each.reason for each in answer.failures}

    def checked(self, bag: Props) -> Props:
        """The inputs of a bag in which nothing is wrong."""
        inputs, failures = self.check(bag)
        assert failures == {}
        return inputs

    def diff(self, bag: Props) -> tuple[bool, list[str], bool]:
        """Whether it changes, what replaces it, and whether it is deleted before."""
        request = proto.DiffRequest(id=self.id, olds=self._packed(self.outs), news=self._packed(self.checked(bag)))
        answer = self.host.call("Diff", request)
        assert answer.changes != proto.DiffResponse.DIFF_UNKNOWN
        changes = answer.changes == proto.DiffResponse.DIFF_SOME
        return changes, list(answer.replaces), answer.deleteBeforeReplace

    def create(self, bag: Props) -> Props:
        """Make it; answers the outputs."""
        return self.create_unchecked(self.checked(bag))

    def create_unchecked(self, inputs: Props) -> Props:
        """Make it of inputs as they are."""
        answer = self.host.call("Create", proto.CreateRequest(urn="urn:x", properties=self._packed(inputs)))
        self.id, self.outs = answer.id, unpacked(answer.properties)
        assert self.id
        return self.outs

    def update(self, bag: Props) -> Props:
        """Change it; answers the outputs."""
        request = proto.UpdateRequest(id=self.id, olds=self._packed(self.outs), news=self._packed(self.checked(bag)))
        self.outs = unpacked(self.host.call("Update", request).properties)
        return self.outs

    def refresh(self) -> bool:
        """Read it; answers whether it is still there."""
        request = proto.ReadRequest(id=self.id, properties=self._packed(self.outs))
        answer = self.host.call("Read", request)
        self.id, self.outs, self.inputs = answer.id, unpacked(answer.properties), unpacked(answer.inputs)
        return bool(self.id)

    def delete(self) -> None:
        """Delete it."""
        self.host.call("Delete", proto.DeleteRequest(id=self.id, properties=self._packed(self.outs)))

    def up(self, bag: Props) -> str:
        """What `pulumi up` does with it; answers "created", "same", "updated" or "replaced"."""
        if not self.id:
            self.create(bag)
            return "created"
        changes, replaces, delete_first = self.diff(bag)
        if not changes:
            return "same"
        if not replaces:
            self.update(bag)
            return "updated"
        old = copy.copy(self)
        if delete_first:
            old.delete()
        self.create(bag)
        if not delete_first:
            old.delete()
        return "replaced"

    def _packed(self, bag: Props) -> struct_pb2.Struct:
        return packed(bag | self._provider)


def packed(bag: Props) -> struct_pb2.Struct:
    """A bag as the engine sends it: without what is null, and every number a double."""
    struct = struct_pb2.Struct()
    json_format.ParseDict({name: value for name, value in bag.items() if value is not None}, struct)
    return struct


def unpacked(struct: struct_pb2.Struct) -> Props:
    """A bag as it came, without the provider."""
    bag: Props = json_format.MessageToDict(struct)
    return {name: value for name, value in bag.items() if name != "__provider"}
