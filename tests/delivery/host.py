"""A host as an operator has it: a real Caddy with a Caddyfile of its own that imports the site, in one folder."""

import os
import re
import shlex
import signal
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from lab.files import ROOT
from lab.processes import free_port
from providers.caddy.delivery import SCRIPT, Target, command, snippet
from tests.answering import answers
from tests.caddyfile import import_line

DASH = "dash"


class Host:
    """`with Host(program, folder) as host:` serves `theirs` on its port, and takes deliveries by the script."""

    def __init__(self, program: Path, folder: Path, name: str = "host") -> None:
        self.folder, self.program = folder, program
        self.name = name
        self.sites = folder / "sites"
        self.file = self.sites / "site.caddy"
        self.caddyfile = folder / "Caddyfile"
        self.reloads = folder / "reloads"
        self.environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(folder)}
        """What the script is run with."""
        self.prefix: tuple[str, ...] = ()
        """What the script is run under."""

    def __enter__(self) -> "Host":
        self.sites.mkdir(parents=True)
        for _ in range(5):  # a port that was free may be taken by the time Caddy comes to it
            self.port = free_port()
            self._describe(free_port())
            self._process = subprocess.Popen(
                [self.program, "run", "--config", self.caddyfile, "--adapter", "caddyfile"],
                env={"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data"), "PATH": os.defpath},
                stderr=(self.folder / "caddy.log").open("w"),
            )
            if answers(self._process, f"http://127.0.0.1:{self.port}/"):
                return self
        raise RuntimeError((self.folder / "caddy.log").read_text())

    def _describe(self, admin: int) -> None:
        """Write the Caddyfile, and say how it is used."""
        caddy = f"{shlex.quote(str(self.program))} %s --config {self.caddyfile} --adapter caddyfile"
        asked = f"--header Host:site.test:{self.port} http://127.0.0.1:{self.port}/"
        self.target = Target(
            where=self.name,
            host="site.test",
            port=self.port,
            file=str(self.file),
            import_path=str(self.file),
            variable="IMMICH_SITE",
            validate=caddy % "validate",
            reload=f"echo reload >>{self.reloads}; {caddy % 'reload'}",
            adapt=caddy % "adapt",
            running=f"curl --silent --show-error --fail --noproxy '*' http://127.0.0.1:{admin}/config/",
            version=f"{shlex.quote(str(self.program))} version",
            reach="",
            probe=f"curl --silent --fail {asked} | grep .",
            probe_seconds=2,
        )
        self.owner = "immich/prod/immich-site"
        self.admin = f"127.0.0.1:{admin}"
        self.caddyfile.write_text(f"""\
{{
	admin {self.admin}
	log {{
		level ERROR
	}}
}}
{import_line(self.target)}
http://127.0.0.1:{self.port} {{
	respond "theirs"
}}
""")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)

    def site(self, says: str) -> str:
        """A site that answers on a name of its own; where Caddy serves it tells `served`."""
        return self.sealed(f'http://site.test:{self.port} {{\n\trespond "{says}"\n}}\n')

    def sealed(self, caddyfile: str) -> str:
        """A Caddyfile as it is delivered."""
        return snippet(caddyfile, self.owner)

    def served(self) -> str | None:
        """What the site answers, or None where Caddy has no such site."""
        return self.ask(f"127.0.0.1:{self.port}/", Host=f"site.test:{self.port}").text or None

    def config(self) -> dict[str, Any]:
        """What Caddy runs, by its admin API."""
        found: dict[str, Any] = self.ask(f"{self.admin}/config/").json()
        return found

    @staticmethod
    def ask(place: str, **headers: str) -> requests.Response:
        """One request to Caddy. place: without http://."""
        with requests.Session() as session:
            # As clients do: a connection that waits in the queue of a socket is closed with it when Caddy reloads.
            session.mount("http://", HTTPAdapter(max_retries=Retry(total=1, backoff_factor=0)))
            return session.get(f"http://{place}", headers=headers, timeout=5)

    def with_(self, **changed: object) -> None:
        """Change how the script is called."""
        self.target = replace(self.target, **changed)  # type: ignore[arg-type]  # a test's own names

    def start(self, action: str, stdin: str = "") -> "subprocess.Popen[str]":
        """Begin an action of the script under dash, in a session of its own."""
        line = command(action, self.target, self.owner).replace(f" sh {SCRIPT} ", f" exec {DASH} {SCRIPT} ")
        with tempfile.TemporaryFile("w+") as site:
            site.write(stdin)
            site.seek(0)
            return subprocess.Popen(
                [*self.prefix, DASH, "-c", line],
                cwd=ROOT,
                env=self.environment,
                stdin=site,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                # A shell cannot trap what it was born to ignore, as under nohup.
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            )

    def run(self, action: str, stdin: str = "") -> tuple[int, str]:
        """The exit code of an action, and what it said."""
        process = self.start(action, stdin)
        assert process.stdout is not None
        said = process.stdout.read()
        return process.wait(60), said

    def deliver(self, says: str) -> None:
        """A delivery that must succeed."""
        code, said = self.run("deliver", self.site(says))
        assert code == 0, said
        assert re.fullmatch(rf"{self.name}: delivered {self.file} at [-0-9]{{10}}T[:0-9]{{8}}Z\n", said)

    def left(self) -> list[str]:
        """What lies in the site's directory."""
        return sorted(path.name for path in self.sites.iterdir())
