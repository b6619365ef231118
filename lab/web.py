"""Requests to a public name that does not resolve: to the lab's address, with TLS checked for the name."""

import socket
import ssl
from collections.abc import Mapping
from typing import IO
from urllib.parse import urlsplit

import urllib3
from websockets.sync.client import ClientConnection, connect

from lab.files import Lab


class Web:
    """Sends requests to Immich's public address as a phone or a browser would; redirects are not followed."""

    def __init__(self, lab: Lab) -> None:
        self.host = urlsplit(lab.immich_url).netloc
        name = urlsplit(lab.immich_url).hostname or ""
        self._name = name
        self._address = (lab.address.rpartition(":")[0], int(lab.address.rpartition(":")[2]))
        self._tls = ssl.create_default_context(cafile=lab.ca)
        self._pool = urllib3.HTTPSConnectionPool(
            *self._address, ssl_context=self._tls, server_hostname=name, assert_hostname=name, maxsize=4
        )

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | IO[bytes] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """One request; an answer of any status."""
        sent = {"Host": self.host, "User-Agent": "Immich_Android/3.2", **(headers or {})}
        return self._pool.request(
            method,
            path,
            headers=sent,
            body=body,
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(connect=5, read=120),
        )

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        """One GET."""
        return self.request("GET", path, headers)

    def websocket(self, path: str, headers: Mapping[str, str]) -> ClientConnection:
        """An open websocket. Raises websockets.InvalidStatus where the upgrade is refused."""
        return connect(
            f"wss://{self.host}{path}",
            additional_headers=dict(headers),
            sock=socket.create_connection(self._address, timeout=10),
            ssl=self._tls,
            server_hostname=self._name,
            proxy=None,
        )
