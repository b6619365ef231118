"""A real Caddy that serves our site over TLS, between a client and the servers behind it; all on the loopback."""

import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import requests
from pulumi.dynamic import Config, ConfigureRequest

from lab.processes import free_port
from providers.caddy.config import CaddyConfigProvider
from providers.caddy.site import Site, render, render_file
from tests.answering import answers
from tests.unit.server import Handler, Server, reply

GOOD = {"Authorization": "Basic cGhvbmU6Z29vZA=="}
WRONG = {"Authorization": "Basic cGhvbmU6d3Jvbmc="}
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
SESSION = {"Cookie": "authentik_proxy_1=session; immich_access_token=immich"}
LOGIN = "https://auth.example.org/application/o/authorize/"
ASKED = "/outpost.goauthentik.io/auth/caddy"
HEALTH = "/-/health/ready/"


WILDCARD = """\
https://{host}:{port}, https://*.{host}:{port} {{
	@photos host {host}
	handle @photos {{
		{site}
	}}
	@notes host notes.{host}
	handle @notes {{
		respond notes
	}}
	handle {{
		abort
	}}
}}
"""
"""A site of many names as people have it, with ours in a handle."""


def outpost(handler: Handler) -> None:
    """Answers as an outpost does: 302 to whom it does not let in, never 401."""
    let_in = handler.headers.get("Authorization") == GOOD["Authorization"]
    let_in |= "authentik_proxy_1=session" in handler.headers.get("Cookie", "")
    if not handler.path.startswith(ASKED):
        reply(200, {"from": "outpost"})(handler)
    elif let_in:
        reply(200, X_Authentik_Username="phone", Set_Cookie="authentik_proxy_1=session")(handler)
    else:
        reply(302, Location=LOGIN)(handler)


@dataclass(frozen=True)
class Answer:
    """What the client got."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def error(self) -> dict[str, Any]:
        """The body as an error of Immich's form."""
        assert self.headers["content-type"] == "application/json"
        error: dict[str, Any] = json.loads(self.body)
        assert set(error) == {"message", "error", "statusCode"}
        return error


class World:
    """`with World(program, folder) as world:`; the servers behind Caddy keep what they were asked.

    form: file, for a Caddyfile's top level; handle, for one in a site of many names; admin, for the admin API.
    """

    def __init__(self, program: Path, folder: Path, form: str = "file") -> None:
        self.form = form
        self.folder, self._program = folder, program
        self.port, self._admin_port = free_port(), free_port()
        self.admin = f"http://127.0.0.1:{self._admin_port}"
        self.outpost, self.immich, self.shares = Server(outpost), Server(), Server()
        self.site = Site("phone", f"https://localhost:{self.port}", self.immich.url, self.outpost.url)
        self.log = folder / "caddy.log"
        self.ca = folder / "pki" / "authorities" / "local" / "root.crt"
        self._session = requests.Session()
        self._session.trust_env = False
        self._ready_for_admin = False

    def __enter__(self) -> "World":
        environment = {"HOME": str(self.folder), "CADDY_ADMIN": f"127.0.0.1:{self._admin_port}"}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen([self._program, "run"], cwd=self.folder, env=environment, stderr=log)
        for server in (self.outpost, self.immich, self.shares):
            server.__enter__()
        assert answers(self._process, f"{self.admin}/config/"), "Caddy has ended"
        self.serve()
        deadline = time.monotonic() + 20
        while not self._greets():  # its certificate comes a moment after the site
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(20)
        for server in (self.outpost, self.immich, self.shares):
            server.__exit__(kind, error, trace)

    @property
    def memory(self) -> int:
        """What Caddy holds in memory, in bytes."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def load(self, caddyfile: str, *options: str) -> None:
        """Let Caddy serve sites and nothing else, by a reload as `caddy reload` does it. options: global ones."""
        header = {"Content-Type": "text/caddyfile", "Cache-Control": "must-revalidate"}
        response = self._session.post(
            f"{self.admin}/load", self._global(caddyfile, *options).encode(), headers=header, timeout=60
        )
        assert response.ok, response.text
        self._ready_for_admin = False

    def serve(
        self,
        *options: str,
        beside: str = "",
        doors: Sequence[str] = (),
        edited: Callable[[str], str] = lambda text: text,
        loaded: bool = False,
        **changed: Any,
    ) -> Site:
        """Deliver the site with some of its attributes changed; forget what was asked before.

        options: global ones. beside: other sites; doors: those of them that the admin form must allow. edited: the
        site's text as it is delivered. loaded: whether Caddy has what it should serve besides already.
        """
        site = replace(self.site, **changed)
        if self.form == "admin":
            if (beside or options or not self._ready_for_admin) and not loaded:
                self.load(f"https://theirs.localhost:{self.port} {{\n\trespond theirs\n}}\n{beside}", *options)
            where: dict[str, Any] = {"host": site.host, "port": site.port, "caddyfile": edited(render(site))}
            where |= {"upstream": site.immich, "other_doors": [*doors]}
            provider = CaddyConfigProvider()
            provider.configure(ConfigureRequest(Config({}, "immich")))
            provider.create({"admin": self.admin, "route_id": "immich-test", **where})
            self._ready_for_admin = not (beside or options)
        elif self.form == "handle":
            text = edited(render_file(replace(site, in_handle=True), "immich/test"))
            self.load(beside + WILDCARD.format(port=self.port, host=site.host, site=text), *options)
        else:
            self.load(beside + edited(render_file(site, "immich/test")), *options)
        self.forget()
        return site

    def forget(self) -> None:
        """What was asked so far is no longer of interest; each server answers as it should."""
        usual = ((self.outpost, outpost), (self.immich, reply(200, {"from": "immich"})))
        for server, answer in (*usual, (self.shares, reply(200, {"from": "shares"}))):
            server.script.answers[:] = [answer]
            server.asked.clear()

    def ask(self, path: str = "/api/server/ping", *headers: dict[str, str], method: str = "GET") -> Answer:
        """One request, with the path and the headers' letters as they stand here; redirects are not followed."""
        sent = {name: value for each in (BROWSER, *headers) for name, value in each.items()}
        try:
            return self._ask(path, sent, method)
        except http.client.RemoteDisconnected:  # a reload closed it before the request was heard; clients ask once more
            return self._ask(path, sent, method)

    def _ask(self, path: str, headers: dict[str, str], method: str) -> Answer:
        connection = self.connect()
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, got, answer.read().decode())
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPSConnection:
        """A connection with Caddy, which resets those that meet a reload on their way."""
        while True:
            connection = http.client.HTTPSConnection("localhost", self.port, context=self.tls, timeout=60)
            try:
                connection.connect()
            except ConnectionResetError:
                connection.close()
            else:
                return connection

    @property
    def tls(self) -> ssl.SSLContext:
        """Trusts Caddy's own certificate authority."""
        return ssl.create_default_context(cafile=self.ca)

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("localhost", self.port), timeout=5) as plain:
                self.tls.wrap_socket(plain, server_hostname="localhost").close()
        except OSError:
            return False
        return True

    def _global(self, caddyfile: str, *more: str) -> str:
        options = [*more, f"admin 127.0.0.1:{self._admin_port}", f"storage file_system {self.folder}", "local_certs"]
        options += ["skip_install_trust", "auto_https disable_redirects"]
        return "\n\t".join(["{", *options]) + f"\n}}\n{caddyfile}"
