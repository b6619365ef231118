"""The stand-in put together, and run: by the command line in its own process, by tests in a thread."""

import secrets
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from lab.immich.accounts import Accounts
from lab.immich.assets import Assets
from lab.immich.auth import Guard
from lab.immich.config import SystemConfig
from lab.immich.errors import ApiError, on_api_error, on_crash, on_http_error
from lab.immich.events import Events
from lab.immich.info import Info, page
from lab.immich.journal import Journal
from lab.immich.oauth import OAuth
from lab.immich.store import Store

DEFAULT_EMAIL = "owner@lab.test"
ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True)
class Settings:
    state: Path
    log: Path
    email: str
    password: str
    keep_password: bool = False  # of an account that is there already
    public_url: str = ""


async def no_such_path(_request: Request) -> Response:
    raise HTTPException(404)


def build_app(settings: Settings, store: Store) -> ASGIApp:
    guard = Guard(store)
    config = SystemConfig(store, guard)
    events = Events(guard.authenticate)
    app = Starlette(
        routes=[
            *Info(config, settings.public_url).routes(),
            *config.routes(),
            *Accounts(store, guard).routes(),
            *OAuth(store, config).routes(),
            *Assets(store, guard, events).routes(),
            Route("/api", no_such_path, methods=ANY_METHOD),
            Route("/api/{rest:path}", no_such_path, methods=ANY_METHOD),
            # the web client does its own routing: any other path is its page, as with Immich
            Route("/{rest:path}", page, methods=["GET"]),
        ],
        exception_handlers={ApiError: on_api_error, HTTPException: on_http_error, Exception: on_crash},
    )
    app.router.redirect_slashes = False
    return Journal(events.over(app), settings.log)


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def build_server(settings: Settings, ready: Callable[[], None]) -> tuple[Server, Store]:
    store = Store(settings.state)
    ensure_admin(settings, store)
    config = uvicorn.Config(
        build_app(settings, store),
        loop="asyncio",
        http="h11",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # X-Forwarded-* are read, and logged, as they came
        server_header=False,
        timeout_graceful_shutdown=1,  # sockets that only wait must not hold the end up
    )
    return Server(config, ready), store


def ensure_admin(settings: Settings, store: Store) -> None:
    user = store.user_by_email(settings.email)
    if user is None:
        store.add_user(settings.email, settings.password, name="Owner", is_admin=True)
    elif not settings.keep_password:
        store.set_password(user, settings.password)


def bind(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart takes the same port at once
    sock.bind((host, port))
    return sock


def url_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class StandIn:
    """`with StandIn() as immich:` runs it in a thread, at `immich.url`; `immich.log` is its request log."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        log: Path | None = None,
        email: str = DEFAULT_EMAIL,
        password: str | None = None,
        public_url: str = "",
        port: int = 0,
    ) -> None:
        self.email = email
        self.password = password or secrets.token_urlsafe(16)
        self.url = ""
        self._own = tempfile.TemporaryDirectory(prefix="immich-", ignore_cleanup_errors=True)
        self.state = state or Path(self._own.name, "state")
        self.log = log or Path(self._own.name, "requests.jsonl")
        self._public_url = public_url
        self._port = port

    def __enter__(self) -> Self:
        settings = Settings(self.state, self.log, self.email, self.password, public_url=self._public_url)
        started = threading.Event()
        self._server, self._store = build_server(settings, ready=started.set)
        sock = bind("127.0.0.1", self._port)
        self.url = url_of(sock)
        self._thread = threading.Thread(target=self._server.run, args=([sock],), name="immich", daemon=True)
        self._thread.start()
        if not started.wait(timeout=10):
            self.__exit__(None, None, None)
            raise RuntimeError("the Immich stand-in did not start within 10 seconds")
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._store.close()
        self._own.cleanup()
