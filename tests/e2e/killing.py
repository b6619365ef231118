"""A proxy that kills whoever calls, just before or just after the server has acted on one of its calls."""

import os
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal

import requests

When = Literal["before", "after"]


class Killing:
    """Passes calls on to the target; at the chosen one the armed process group gets SIGKILL and nobody an answer."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._left = 0
        self._when: When | None = None
        self._victim: subprocess.Popen[bytes] | None = None
        self.killed = ""
        killing = self

        class Handler(_Handler):
            def pass_on(self) -> requests.Response | None:
                return killing.pass_on(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def arm(self, call: int, when: When) -> None:
        """Kill at the call of that number, from 1 on."""
        self._left, self._when, self.killed = call, when, ""

    def disarm(self) -> None:
        """Let every call pass."""
        self._when = None

    def aim(self, victim: subprocess.Popen[bytes]) -> None:
        """Whom to kill: the leader of a process group."""
        self._victim = victim

    def pass_on(self, handler: BaseHTTPRequestHandler) -> requests.Response | None:
        """The target's answer, or None where the caller is dead."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._lock:
            self._left -= 1
            hit = self._when if self._left == 0 else None
            if hit:
                self.killed = f"{handler.command} {handler.path}"
                self._when = None
        if hit == "before":
            self._kill()
            return None
        skipped = {"host", "content-length", "connection", "accept-encoding"}
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in skipped}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                handler.command, self._target + handler.path, data=body, headers=headers, timeout=20
            )
        if hit == "after":
            self._kill()
            return None
        return answer

    def _kill(self) -> None:
        assert self._victim is not None
        os.killpg(self._victim.pid, signal.SIGKILL)

    def __enter__(self) -> "Killing":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self) -> requests.Response | None:
        raise NotImplementedError

    def do_GET(self) -> None:
        answer = self.pass_on()
        self.close_connection = True
        if answer is None:
            return
        self.send_response(answer.status_code)
        for name in ("Content-Type", "Etag"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
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
