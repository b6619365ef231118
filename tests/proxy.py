"""A real HTTP proxy on the loopback between the program and a server, in which chosen calls meet a fault."""

import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import requests

_HOP_BY_HOP = {"host", "content-length", "connection", "accept-encoding", "transfer-encoding", "content-encoding"}
_KEYS = r"(?<=[/=])(\d+|srv\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=[/&?]|$)"


class Exchange:
    """One call on its way, and what a fault can do with it."""

    def __init__(self, handler: "_Handler", target: str) -> None:
        self._handler, self._target = handler, target
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.headers = {name: value for name, value in handler.headers.items() if name.lower() not in _HOP_BY_HOP}
        path = re.sub(_KEYS, "*", handler.path.removeprefix("/api/v3"))
        self.call = f"{handler.command} {path}"
        """Method and path with * for keys, the same in every run."""

    @cached_property
    def answer(self) -> requests.Response:
        """What the server answers; asked for once."""
        return self._handler.upstream.request(
            self._handler.command,
            self._target + self._handler.path,
            data=self.body,
            headers=self.headers,
            timeout=20,
            allow_redirects=False,
        )

    def pass_back(self, body: bytes | None = None) -> None:
        """Send the server's answer back; body: in place of its own."""
        headers = {name: value for name, value in self.answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        self.reply(self.answer.status_code, self.answer.content if body is None else body, headers)

    def reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Send an answer back."""
        self._handler.send_response_only(status)
        for name, value in (headers or {}).items():
            self._handler.send_header(name, value)
        if status != 204:
            self._handler.send_header("Content-Length", str(len(body)))
        self._handler.end_headers()
        self._handler.wfile.write(body)

    def reset(self) -> None:
        """Break the connection instead of an answer."""
        connection = self._handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
        connection.close()
        self._handler.close_connection = True


Fault = Callable[[Exchange], None]


@dataclass
class _Rule:
    call: re.Pattern[str]
    fault: Fault
    skip: int
    times: float


@dataclass
class Proxy:
    """`with Proxy(url) as proxy:`, and then the program's calls go to proxy.url. tls: a certificate to serve with."""

    target: str
    tls: ssl.SSLContext | None = None
    calls: list[str] = field(default_factory=list)
    """The calls so far, as Exchange.call has them."""
    connections: int = 0
    under_way: int = 0
    """Calls that are being passed on."""

    def on(self, call: str, fault: Fault, *, skip: int = 0, times: float = 1) -> None:
        """Let a call (a regular expression of Exchange.call) meet a fault, so many times, after some that pass."""
        with self._lock:
            self._rules.append(_Rule(re.compile(call), fault, skip, times))

    def clear(self) -> None:
        """Let every call pass, and forget those that did."""
        with self._lock:
            self._rules.clear()
            self.calls.clear()

    def settle(self) -> None:
        """Wait until the server has answered every call, also those of a caller that has gone."""
        deadline = time.monotonic() + 30
        while self.under_way:
            assert time.monotonic() < deadline, "a call does not end"
            time.sleep(0.002)

    @property
    def met(self) -> bool:
        """Whether every fault that was set has been met as often as it should."""
        with self._lock:
            return not [rule for rule in self._rules if 0 < rule.times < float("inf")]

    def serve(self, handler: "_Handler") -> None:
        """Pass one call on."""
        exchange = Exchange(handler, self.target)
        with self._lock:
            self.calls.append(exchange.call)
            self.under_way += 1
            fault = self._fault_of(exchange.call)
        try:
            (fault or Exchange.pass_back)(exchange)
        finally:
            with self._lock:
                self.under_way -= 1

    def _fault_of(self, call: str) -> Fault | None:
        for rule in self._rules:
            if rule.times > 0 and rule.call.fullmatch(call):
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.times -= 1
                return rule.fault
        return None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        proxy = self

        class Handler(_Handler):
            def setup(self) -> None:
                super().setup()
                proxy.connections += 1

            def do_GET(self) -> None:
                proxy.serve(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        self._server = _Server(("127.0.0.1", 0), Handler)
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away, or that took fright at a certificate, is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.upstream = requests.Session()
        self.upstream.trust_env = False

    def finish(self) -> None:
        super().finish()
        self.upstream.close()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ValueError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the calls are kept."""
