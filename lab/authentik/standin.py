"""The stand-in in a thread of its own, on real loopback HTTP, for tests."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import uvicorn

from lab.authentik.context import Settings
from lab.authentik.seed import new_key
from lab.authentik.server import Authentik
from lab.authentik.versions import VERSION

START_SECONDS = 10


class Listener(uvicorn.Server):
    """uvicorn without its own signal handlers: who runs it decides when it ends."""

    def __init__(self, authentik: Authentik) -> None:
        super().__init__(uvicorn.Config(
            authentik.app, lifespan="off", log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=1, ws="none",
        ))  # fmt: skip

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A bound socket and its address; port 0 takes any free one."""
    # Named in full, for asyncio sets TCP_NODELAY only on what says it is TCP; without it an answer takes 40 ms.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound, f"http://{host}:{bound.getsockname()[1]}"


class StandIn:
    """`with StandIn(state=...) as s:` and then `s.url`, `s.token`, `s.requests`."""

    def __init__(
        self,
        state: Path | str | None = None,
        *,
        port: int = 0,
        token: str | None = None,
        password: str = "akadmin-password",  # noqa: S107 - of a lab
        requests: Path | str | None = None,
        public_url: str = "",
        cache_seconds: float = 60.0,
        load_seconds: float = 0.0,
        token_lifetime: str = "minutes=30",  # noqa: S107 - a duration
        clean_expired_seconds: float = 3600.0,
        expired_passwords: Literal["rotate", "delete"] = "rotate",
        version: str = VERSION,
    ) -> None:
        self.settings = Settings(
            state=Path(state) if state else None, requests=Path(requests) if requests else None,
            public_url=public_url, cache_seconds=cache_seconds, load_seconds=load_seconds,
            token_lifetime=token_lifetime, clean_expired_seconds=clean_expired_seconds,
            expired_passwords=expired_passwords, version=version,
        )  # fmt: skip
        self.token = token or new_key()
        self.password = password
        self._port = port
        self.url = ""

    def __enter__(self) -> StandIn:
        self._socket, self.url = listen("127.0.0.1", self._port)
        self.authentik = Authentik(self.settings, self.url, self.token, self.password)
        self._listener = Listener(self.authentik)
        self._thread = threading.Thread(
            target=self._listener.run, kwargs={"sockets": [self._socket]}, name="authentik", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._listener.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the Authentik stand-in did not start")
            time.sleep(0.005)
        return self

    @property
    def api(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Every request so far, as in the requests file."""
        return self.authentik.requests

    def snapshot(self) -> dict[str, dict[Any, Any]]:
        """All that the server holds now, to be restored while nobody calls."""
        return self.authentik.store.snapshot()

    def restore(self, snapshot: Mapping[str, Mapping[Any, Any]]) -> None:
        """Bring the server back to a snapshot, and let its outpost load what it serves."""
        self.authentik.store.restore(snapshot)
        self.authentik.outpost.changed()

    def stop(self) -> None:
        self._listener.should_exit = True
        self._thread.join(START_SECONDS)
        self._socket.close()
        self.authentik.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
