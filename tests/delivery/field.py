"""Caddyfiles as people have them (cases/), each run by a real Caddy and delivered to by the preset's own commands."""

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from components.settings import Settings, read_settings
from lab.files import ROOT
from lab.processes import free_port
from providers.caddy.delivery import Target, command, snippet
from providers.caddy.site import render_file
from tests.answering import answers
from tests.lab.site_world import outpost
from tests.reference import STACK
from tests.unit.server import Server, reply

CASES = Path(__file__).parent / "cases"


class Field:
    """`with Field(program, folder, case) as field:` runs Caddy with the case's Caddyfile, and nothing delivered yet.

    case: its name, or a Caddyfile. service: the variables that only Caddy's service has. settings: the stack's, of what
    the case needs.
    """

    def __init__(
        self, program: Path, folder: Path, case: str, service: dict[str, str] | None = None, **settings: Any
    ) -> None:
        self.folder, self.sites, self.caddyfile = folder, folder / "sites", folder / "Caddyfile"
        self._program, self._service = program, service or {}
        self.admin = f"127.0.0.1:{free_port()}"
        self.http, self.https, self.https2 = free_port(), free_port(), free_port()
        self.immich, self.outpost = Server(reply(200, {"from": "immich"})), Server(outpost)
        text = case if "\n" in case else (CASES / f"{case}.Caddyfile").read_text()
        self.text = self.filled(text)
        self.settings_of = {name.replace("_", ":", 1): str(value) for name, value in settings.items()}
        self.owner = "immich/prod/immich-site"

    def filled(self, text: str) -> str:
        """A Caddyfile with this field's addresses, ports and directories."""
        for name in ("ADMIN", "HTTP", "HTTPS", "HTTPS2", "SITES"):
            text = text.replace(f"@@{name}@@", str(getattr(self, name.lower())))
        return text.replace("@@DIR@@", str(self.folder).removeprefix("/"))

    def __enter__(self) -> "Field":
        self.sites.mkdir(parents=True)
        programs = self.folder / "bin"
        programs.mkdir()
        (programs / "caddy").symlink_to(self._program)
        self.environment = {"PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(self.folder)}
        self.caddyfile.write_text(self.text)
        self._process = subprocess.Popen(
            [self._program, "run", "--config", self.caddyfile, "--adapter", "caddyfile"],
            env={"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data"), "PATH": os.defpath}
            | self._service,
            stderr=(self.folder / "caddy.log").open("w"),
        )
        for server in (self.immich, self.outpost):
            server.__enter__()
        if "unix//" in self.text:
            self.config()
        elif not answers(self._process, f"http://{self.admin}/config/"):
            raise RuntimeError((self.folder / "caddy.log").read_text())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(20)
        for server in (self.immich, self.outpost):
            server.__exit__(kind, error, trace)

    def settings(self, **changed: str) -> Settings:
        """The stack's settings, with some of caddy:* or immich:* changed."""
        stack = STACK | {
            "immich:serviceAccount": "phone",
            "immich:upstream": self.immich.url,
            "immich:outpostUrl": self.outpost.url,
            "caddy:delivery": "file",
            "caddy:commands": "admin-api",
            "caddy:admin": f"http://{self.admin}",
            "caddy:file": str(self.sites / "site.caddy"),
            "caddy:caddyfile": str(self.caddyfile),
            "caddy:probeSeconds": "5",
        }
        given = {name.replace("_", ":", 1): value for name, value in changed.items()}
        return read_settings((stack | self.settings_of | given).get)

    def target(self, **changed: str) -> Target:
        target = self.settings(**changed).delivery.target
        assert target is not None
        return target

    def run(self, action: str, **changed: str) -> tuple[int, str]:
        """The exit code of an action of the script, and what it said. changed: settings."""
        settings = self.settings(**changed)
        site = snippet(render_file(settings.site, "immich/prod"), self.owner)
        done = subprocess.run(
            ["sh", "-c", command(action, self.target(**changed), self.owner)],
            cwd=ROOT,
            env=self.environment,
            input=site,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def asked(self, url: str, at: str, *headers: str) -> str:
        """The head of the answer to a request that connects to host:port."""
        curl = ["curl", "--silent", "--insecure", "--noproxy", "*", "--dump-header", "-", "--connect-to", f"::{at}"]
        more = [each for header in headers for each in ("--header", header)]
        done = subprocess.run([*curl, *more, url], capture_output=True, text=True, check=False)
        return done.stdout.lower()

    def config(self) -> Any:
        """What Caddy runs."""
        if "unix//" not in self.text:
            return requests.get(f"http://{self.admin}/config/", timeout=10).json()
        waiting = ["--retry", "40", "--retry-all-errors", "--retry-delay", "1"]
        curl = ["curl", "--silent", *waiting, "--unix-socket", f"{self.folder}/admin.sock", "http://127.0.0.1/config/"]
        return json.loads(subprocess.run(curl, capture_output=True, check=True).stdout)

    def reload(self) -> None:
        """Let Caddy run what its Caddyfile says by now."""
        subprocess.run(["sh", "-c", self.target().reload], env=self.environment, capture_output=True, check=True)

    def left(self) -> list[str]:
        """What lies in the site's directory."""
        return sorted(path.name for path in self.sites.iterdir())

    @property
    def file(self) -> Path:
        """The site's file."""
        return self.sites / "site.caddy"
