"""The live channel: Immich speaks socket.io at /api/socket.io."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import socketio
from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp

from lab.immich.auth import Caller
from lab.immich.errors import ApiError
from lab.immich.info import VERSION
from lab.immich.models import Asset


class Events:
    def __init__(self, authenticate: Callable[[Headers, QueryParams], Caller]) -> None:
        self._authenticate = authenticate
        self._greetings: set[asyncio.Task[None]] = set()
        self._sockets: Any = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")
        self._sockets.on("connect", self._connect)

    def over(self, app: ASGIApp) -> ASGIApp:
        """The application with the channel in front of it."""
        return cast("ASGIApp", socketio.ASGIApp(self._sockets, app, socketio_path="/api/socket.io"))

    async def _connect(self, sid: str, environ: dict[str, Any], _auth: object = None) -> None:
        scope = environ["asgi.scope"]
        try:
            caller = self._authenticate(Headers(scope=scope), QueryParams(scope["query_string"]))
        except ApiError:
            raise socketio.exceptions.ConnectionRefusedError("unauthorized") from None
        await self._sockets.enter_room(sid, caller.user.id)
        # after this returns, for a client that is not yet told of its connection may drop what comes before
        greeting = asyncio.create_task(self._greet(sid))
        self._greetings.add(greeting)
        greeting.add_done_callback(self._greetings.discard)

    async def _greet(self, sid: str) -> None:
        await self._sockets.emit("on_server_version", VERSION, to=sid)

    async def uploaded(self, asset: Asset) -> None:
        await self._sockets.emit("on_upload_success", asset.dto(), room=asset.owner_id)
