"""A real Caddy of the test's own, on free ports of the loopback."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from lab.processes import free_port
from providers.caddy.site import Site, render
from tests.answering import answers

from .engine import Props

SERVERS = "/config/apps/http/servers"
ROUTES = f"{SERVERS}/main/routes"


class Caddy:
    """`with Caddy(program, folder) as caddy:` has an HTTP server `main` with a route of somebody else's."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._session = requests.Session()
        self._session.trust_env = False
        self.port = free_port()
        self.admin = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> "Caddy":
        theirs = {
            "match": [{"host": ["auth.example.org"]}],
            "handle": [{"handler": "static_response", "body": "theirs"}],
        }
        server = {"listen": [f":{self.port}"], "automatic_https": {"disable": True}, "routes": [theirs]}
        config = {
            "admin": {"listen": self.admin.removeprefix("http://")},
            "logging": {"logs": {"default": {"level": "ERROR"}}},
            "apps": {"http": {"servers": {"main": server}}, "pki": {"certificate_authorities": {}}},
        }
        (self._folder / "caddy.json").write_text(json.dumps(config))
        environment = {"HOME": str(self._folder), "XDG_DATA_HOME": str(self._folder)}
        command: list[str | Path] = [self._program, "run", "--config", "caddy.json"]
        self._process = subprocess.Popen(command, cwd=self._folder, env=environment, stderr=subprocess.DEVNULL)
        assert answers(self._process, f"{self.admin}/config/"), "Caddy has ended"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)

    def get(self, path: str = SERVERS) -> Any:
        """A part of the configuration."""
        return self._session.get(self.admin + path, timeout=10).json()

    def text(self, path: str = SERVERS) -> str:
        """The same, byte for byte."""
        return self._session.get(self.admin + path, timeout=10).text

    def call(self, method: str, path: str, value: Any) -> None:
        """Somebody else's change; it must be taken."""
        response = self._session.request(method, self.admin + path, json=value, timeout=10)
        assert response.ok, response.text

    def add(self, path: str, value: Any) -> None:
        """Somebody else who writes against what they read, as often as it takes."""
        while True:
            read = self._session.get(self.admin + SERVERS, timeout=10)
            headers = {"If-Match": read.headers["Etag"]}
            response = self._session.post(self.admin + path, json=value, headers=headers, timeout=10)
            if response.status_code != 412:
                assert response.ok, response.text
                return


def declared(caddy: Caddy, host: str = "photos.example.org", **changed: Any) -> Props:
    rendered = Site(
        "phone", f"https://{host}:{caddy.port}", changed.pop("immich", "http://127.0.0.1:2283"), "http://127.0.0.1:9000"
    )
    return {
        "admin": caddy.admin,
        "route_id": "immich-test",
        "host": host,
        "port": caddy.port,
        "caddyfile": render(rendered),
        "upstream": rendered.immich,
        "other_doors": [],
        **changed,
    }


def ours(caddy: Caddy, server: str = "main") -> list[int]:
    """Where our route is."""
    routes = caddy.get(f"{SERVERS}/{server}")["routes"]
    return [index for index, route in enumerate(routes) if route.get("@id") == "immich-test"]
