"""The request log: what passed the proxy, whole and un-redacted, for the lab to prove it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send


class Journal:
    """Outermost layer: a line for every request and websocket handshake, on disk before anything answers."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        self._app = app
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            # opened each time, so that a test may move or truncate the log while the server runs
            with self._path.open("ab") as log:
                log.write(line(scope))
        await self._app(scope, receive, send)


def line(scope: Scope) -> bytes:
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="microseconds"),
        "method": scope.get("method", "GET"),  # a websocket handshake is a GET without saying so
        "path": (scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "headers": joined(scope["headers"]),
    }
    return json.dumps(entry).encode() + b"\n"


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """One value a name, as HTTP allows to join what was sent twice: nothing that came in gets lost."""
    result: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        separator = "; " if name == "cookie" else ", "
        result[name] = f"{result[name]}{separator}{value}" if name in result else value
    return result
