"""The plugin's process: prints its port, and serves Pulumi's ResourceProvider until the engine ends it."""

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from lab.command_plugin import VERSION, local
from lab.command_plugin.failure import Failure
from lab.command_plugin.values import UNKNOWN, plain, secret, shown

_OUTPUTS = ("stdout", "stderr")
_TYPES = ("command:local:Command", "command:remote:Command", "command:remote:CopyToRemote")


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The three resources. Methods are named after the service's calls."""

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        if _type(request.urn) not in _TYPES:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the stand-in has no resource {_type(request.urn)}")
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, _context: Any) -> Any:  # noqa: N802
        olds, news = _dict(request.old_inputs), _dict(request.news)
        changed = sorted(name for name in olds.keys() | news.keys() if olds.get(name) != news.get(name))
        replaces = ["triggers"] if "triggers" in changed and not news.get("update") else []
        some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some, diffs=changed, replaces=replaces)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        inputs = plain(_dict(request.properties))
        run = _run(request, context, inputs, inputs.get("create"), copy=True)
        name = request.urn.rpartition("::")[2]
        return provider_pb2.CreateResponse(id=name, properties=_outputs(request.properties, run, request.preview))

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        inputs, olds = plain(_dict(request.news)), plain(_dict(request.olds))
        copy = any(inputs.get(name) != olds.get(name) for name in ("source", "remotePath"))
        run = _run(request, context, inputs, inputs.get("update") or inputs.get("create"), olds=olds, copy=copy)
        return provider_pb2.UpdateResponse(properties=_outputs(request.news, run, request.preview))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        inputs = plain(_dict(request.properties))
        _run(request, context, inputs, inputs.get("delete"), olds=inputs, copy=False)
        return empty_pb2.Empty()

    def Read(self, request: Any, _context: Any) -> Any:  # noqa: N802
        # The real one reads nothing back either.
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Cancel(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


def _run(
    request: Any, context: Any, inputs: dict[str, Any], command: str | None, *, copy: bool, olds: Any = None
) -> dict[str, str]:
    """Do what a resource does, unless it is only a preview; the outputs besides the inputs."""
    if getattr(request, "preview", False):
        return dict.fromkeys(_OUTPUTS, UNKNOWN)
    type_ = _type(request.urn)
    if type_.startswith("command:remote:"):
        from lab.command_plugin import remote  # takes a while to import
    try:
        if type_ == "command:remote:CopyToRemote":
            if copy:
                remote.copy(inputs)
            return {}
        if not command:
            return dict.fromkeys(_OUTPUTS, "")
        run = local.run if type_ == "command:local:Command" else remote.run
        return run(command, inputs, olds or {})
    except Failure as failure:
        context.abort(grpc.StatusCode.UNKNOWN, str(failure))
        raise


def _outputs(inputs: Any, outputs: dict[str, str], preview: bool) -> Any:
    """The state: the inputs as they came, and the outputs, secret where any input is."""
    state = struct_pb2.Struct()
    state.CopyFrom(inputs)
    hide = secret(_dict(inputs)) and not preview
    for name, value in outputs.items():
        state.update({name: shown(value, hide=hide)})
    return state


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _dict(struct: Any) -> dict[str, Any]:
    return dict(json_format.MessageToDict(struct))


def main() -> None:
    """Serve on a free port of the loopback."""
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", 1 << 28)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: server.stop(0))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
