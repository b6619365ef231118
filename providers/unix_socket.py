"""HTTP over a Unix socket, for requests. Loads the HTTP library."""

import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

HOST = "http://127.0.0.1"
"""What a request through the adapter is for: a server on a socket has no name, and Caddy's admin API takes this one."""


class UnixAdapter(HTTPAdapter):
    """Sends whatever it is given to the socket at path."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._pool = _Pool(path)

    def get_connection_with_tls_context(self, *_args: Any, **_options: Any) -> HTTPConnectionPool:
        return self._pool

    def request_url(self, request: requests.PreparedRequest, _proxies: Any) -> str:
        return request.path_url  # a proxy of the environment is not asked

    def close(self) -> None:
        self._pool.close()
        super().close()


class _Pool(HTTPConnectionPool):
    def __init__(self, path: str) -> None:
        super().__init__("127.0.0.1")
        self._path = path

    def _new_conn(self) -> HTTPConnection:
        return _Connection(self._path)


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("127.0.0.1")
        self._path = path

    def _new_conn(self) -> socket.socket:
        plain = socket.socket(socket.AF_UNIX)
        # urllib3 sets the timeout of each request before it connects.
        plain.settimeout(self.timeout if isinstance(self.timeout, int | float) else None)
        try:
            plain.connect(self._path)
        except OSError as error:
            plain.close()
            raise NewConnectionError(self, str(error)) from error
        return plain
