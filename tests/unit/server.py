"""A real HTTP server on the loopback that answers as it is told, and keeps what it was asked."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Handler(BaseHTTPRequestHandler):
    """Reads a request, then does what the next answer says."""

    protocol_version = "HTTP/1.1"
    server: "Listener"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(raw) if raw and headers.get("content-type") != "text/caddyfile" else raw.decode() or None
        asked = Asked(self.command, self.path, headers, body)
        self.server.next_answer(asked)(self)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was asked is kept."""


Answer = Callable[[Handler], None]


def reply(status: int = 200, body: Any = None, **headers: str) -> Answer:
    """A whole answer: JSON, or bytes as they are. Headers as keywords: Retry_After="1".

    ECHO in it stands for the token of the request.
    """

    def answer(handler: Handler) -> None:
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        raw = raw.replace(b"ECHO", json.dumps(token)[1:-1].encode())
        kind = {} if isinstance(body, bytes) or body is None else {"Content-Type": "application/json"}
        named = kind | {name.replace("_", "-"): value for name, value in headers.items()}
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(raw))} | named).items():
            handler.send_header(name, value.replace("ECHO", token))
        handler.end_headers()
        handler.wfile.write(raw)
        if named.get("Content-Length", str(len(raw))) != str(len(raw)):
            handler.close_connection = True

    return answer


def reset(handler: Handler) -> None:
    """The connection breaks instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.shutdown(socket.SHUT_RD)
    handler.connection.close()
    handler.close_connection = True


def hang(handler: Handler) -> None:
    """No answer in time."""
    time.sleep(0.1)
    reset(handler)


def page(*results: Any, following: int = 0) -> Answer:
    """One page of a list."""
    return reply(200, {"pagination": {"next": following}, "results": list(results)})


@dataclass
class Script:
    """The answers in order; the last one is given again and again."""

    answers: list[Answer]
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_answer(self, asked: Asked) -> Answer:
        """Keep what was asked, and say how to answer it."""
        with self.lock:
            self.asked.append(asked)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Listener(ThreadingHTTPServer):
    """Threads, so that a hanging answer keeps nobody else waiting."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, script: Script, *, listening: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.next_answer = script.next_answer
        self.server_bind()
        if listening:
            self.server_activate()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of this server."""


class Server:
    """`with Server(reply(502), reply(200, {})) as server:`; not listening: bound, so that connections are refused."""

    def __init__(self, *answers: Answer, listening: bool = True) -> None:
        self.script = Script(list(answers) or [reply(200, {})])
        self._listener = Listener(self.script, listening=listening)
        self._listening = listening
        self.url = f"http://127.0.0.1:{self._listener.server_port}"

    @property
    def asked(self) -> list[Asked]:
        """Every request so far."""
        return self.script.asked

    @property
    def methods(self) -> list[str]:
        """Their methods."""
        return [each.method for each in self.asked]

    @property
    def bound(self) -> socket.socket:
        """The listening socket, to be wrapped in TLS."""
        return self._listener.socket

    @bound.setter
    def bound(self, wrapped: socket.socket) -> None:
        self._listener.socket = wrapped

    def listen(self) -> None:
        """Begin to take connections."""
        self._listener.server_activate()
        self._listening = True

    def __enter__(self) -> "Server":
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def _serve(self) -> None:
        while not self._listening:
            time.sleep(0.01)
        self._listener.serve_forever(poll_interval=0.01)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listening:
            self._listener.shutdown()
        self._listener.server_close()
