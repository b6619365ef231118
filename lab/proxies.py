"""The lab's Caddys for each delivery: one, or over SSH one on each of three hosts."""

import getpass
from collections.abc import Mapping
from pathlib import Path

from lab.caddy import Caddy
from lab.command_plugin import install
from lab.processes import Processes
from lab.ssh import SshHost
from lab.toolchain import Toolchain

DELIVERIES = ("admin", "file", "ssh")
HOSTS = ("proxy1", "proxy2", "proxy3")
DIRECTORIES_OF_HOSTS = ("caddy", *HOSTS, "caddy2", "caddy3")
PORTS_OF_HOSTS = ("port_of_ssh1", "port_of_ssh2", "port_of_ssh3", "port_of_admin2", "port_of_admin3")


class Proxies:
    """The first Caddy is the lab's gateway too. Several differ by the loopback address that they listen on."""

    def __init__(self, folder: Path, delivery: str, ports: Mapping[str, str], gateway: str) -> None:
        self.delivery, self._folder = delivery, folder
        self._client_key = folder / HOSTS[0] / "client_key"
        port, many = int(ports["port_of_caddy"]), delivery == "ssh"
        self.caddys = [Caddy("caddy", folder / "caddy", "127.0.0.1", port, int(ports["port_of_admin"]), gateway)]
        self.hosts: list[SshHost] = []
        if many:
            self.caddys += [
                Caddy(f"caddy{number}", folder / f"caddy{number}", f"127.0.0.{number}", port, int(ports[admin]))
                for number, admin in ((2, "port_of_admin2"), (3, "port_of_admin3"))
            ]
            self.hosts = [
                SshHost(name, folder / name, int(ports[f"port_of_ssh{number}"]), self._client_key)
                for number, name in enumerate(HOSTS, 1)
            ]

    def start(self, processes: Processes, tools: Toolchain, environment: Mapping[str, str]) -> None:
        """Start what is not running."""
        for caddy in self.caddys:
            caddy.start(processes, tools.caddy.path, self._folder / "caddy", environment)
        for host in self.hosts:
            host.start(processes, {"PATH": tools.env()["PATH"]})

    def prepare(self, tools: Toolchain, env: Mapping[str, str]) -> None:
        """Give the engine the plugin that a delivery by file takes."""
        if self.delivery != "admin":
            install(tools.pulumi.path, env)

    def settings(self) -> dict[str, object]:
        """The stack's settings caddy:*."""
        first = self.caddys[0]
        if self.delivery == "admin":
            return {"caddy:admin": first.admin}
        common: dict[str, object] = {
            "caddy:delivery": self.delivery,
            "caddy:commands": "admin-api",
            "caddy:admin": first.admin,
        }
        if self.delivery == "file":
            return common | {"caddy:file": str(first.site), "caddy:caddyfile": str(first.caddyfile)}
        return common | {"caddy:hosts": [self._entry(*each) for each in zip(self.hosts, self.caddys, strict=True)]}

    def secrets(self) -> dict[str, str]:
        """What goes by the environment of the engine."""
        return {"CADDY_SSH_PRIVATE_KEY": self._client_key.read_text()} if self.hosts else {}

    def _entry(self, host: SshHost, caddy: Caddy) -> dict[str, object]:
        return {
            "host": "127.0.0.1",
            "name": host.name,
            "port": host.port,
            "user": getpass.getuser(),
            "hostKey": host.host_key,
            "admin": caddy.admin,
            "file": str(caddy.site),
            "caddyfile": str(caddy.caddyfile),
        }
