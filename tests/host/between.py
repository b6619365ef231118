"""A proxy before Authentik whose answers can get lost, and after whose writes somebody else can write."""

import re
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import requests

Rule = Callable[[], bool]
"""Runs after Authentik has answered; whether the answer shall get lost."""


class Between:
    """`rules`: by method and path, such as "POST /core/groups/" (a regular expression), what to do with its answer."""

    def __init__(self, target: str) -> None:
        self.rules: dict[str, Rule] = {}
        between = self

        class Handler(_Handler):
            def forward(self) -> tuple[requests.Response, bool]:
                return between.forward(target, self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def lose(self, call: str, times: int = 1) -> None:
        """Lose the next answers to a call, which Authentik has carried out."""
        left = [None] * times
        self.rules[call] = lambda: bool(left) and left.pop() is None

    def after(self, call: str, do: Callable[[], Any], times: int = 1) -> None:
        """Do something right after the next of these calls was carried out, before its answer arrives."""
        left = [None] * times

        def rule() -> bool:
            if left:
                left.pop()
                do()
            return False

        self.rules[call] = rule

    def forward(self, target: str, handler: BaseHTTPRequestHandler) -> tuple[requests.Response, bool]:
        """Authentik's answer, and whether it shall get lost."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name: handler.headers[name] for name in ("Authorization", "Content-Type") if name in handler.headers}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(handler.command, target + handler.path, data=body, headers=headers, timeout=10)
        asked = f"{handler.command} {handler.path.removeprefix('/api/v3').partition('?')[0]}"
        rule = next((rule for call, rule in self.rules.items() if re.fullmatch(call, asked)), None)
        return answer, bool(rule and rule())

    def __enter__(self) -> "Between":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self) -> tuple[requests.Response, bool]:
        raise NotImplementedError

    def do_GET(self) -> None:
        answer, lost = self.forward()
        self.close_connection = True
        if lost:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RD)
            self.connection.close()
            return
        self.send_response(answer.status_code)
        if "Content-Type" in answer.headers:
            self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.content)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ValueError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""
