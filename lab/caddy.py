"""The lab's Caddys, each as an operator would have it: somebody else's site, and one line that imports ours."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from lab.processes import Port, Processes, free_port


@dataclass(frozen=True)
class Caddy:
    """One Caddy. address: the loopback address that it listens on; port: of its sites; more: sites of its own."""

    name: str
    folder: Path
    address: str
    port: int
    admin_port: int
    more: str = ""

    @property
    def admin(self) -> str:
        """Its admin API."""
        return f"http://127.0.0.1:{self.admin_port}"

    @property
    def caddyfile(self) -> Path:
        """What it runs with."""
        return self.folder / "Caddyfile"

    @property
    def site(self) -> Path:
        """The file that its Caddyfile imports, if it is there."""
        return self.folder / "sites" / "site.caddy"

    def start(self, processes: Processes, program: Path, storage: Path, environment: Mapping[str, str]) -> None:
        """Start it unless it runs. storage: its certificates and their authority, which several may share."""
        if processes.find(self.name):
            return
        self.site.parent.mkdir(parents=True, exist_ok=True)
        self.caddyfile.write_text(f"""\
{{
	admin 127.0.0.1:{self.admin_port}
	default_bind {self.address}
	storage file_system {storage}
	local_certs
	skip_install_trust
	auto_https disable_redirects
}}

import {{$IMMICH_SITE:{self.site.parent}/*.caddy}}

# Somebody else's site, which the program must leave alone.
https://other.lab.test:{self.port} {{
	respond "somebody else's site"
}}
{self.more}""")
        processes.start(
            self.name,
            [program, "run", "--config", self.caddyfile, "--adapter", "caddyfile"],
            {**environment, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config")},
            self.folder.parent / "logs" / f"{self.name}.log",
            ready=Port(self.port, self.address),
            cwd=self.folder,
        )


@contextmanager
def http_door(admin: str, url: str, upstream: str) -> Iterator[str]:
    """Another way to Immich in the Caddy of that admin API for a while, over plain http. The answer is host:port."""
    host, port = urlsplit(url).hostname, free_port()
    proxied = {"handler": "reverse_proxy", "upstreams": [{"dial": urlsplit(upstream).netloc}]}
    server = {"listen": [f":{port}"], "routes": [{"match": [{"host": [host]}], "handle": [proxied]}]}
    door = f"{admin}/config/apps/http/servers/door"
    requests.put(door, json=server | {"automatic_https": {"disable": True}}, timeout=30).raise_for_status()
    try:
        yield f"{host}:{port}"
    finally:
        requests.delete(door, timeout=30).raise_for_status()
