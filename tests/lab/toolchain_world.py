"""A small machine for the tests of the tool chain: its PATH, its lab and a site that serves releases."""

import hashlib
import io
import platform
import tarfile
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from rich.console import Console

from lab.processes import free_port
from lab.toolchain import Progress, Sources, Toolchain, ensure
from lab.toolchain.versions import CADDY, PULUMI

WANTED = str(CADDY.modules[0].version)
NOWHERE = f"http://127.0.0.1:{free_port()}"
GO = """#!/bin/sh
echo "$*" >> "{calls}"
case "$1" in
version) echo "go version go{version} linux/amd64" ;;
env) echo {toolchain} ;;
list) echo "{sdk}" ;;
build)
  {middle}
  for word in "$@"; do
    [ "$before" != -o ] || out=$word
    before=$word
    case "$word" in *=v*) stamped=${{word##*=}} ;; esac
  done
  printf '#!/bin/sh\\necho %s\\n' "$stamped" > "$out"
  /bin/chmod 755 "$out" ;;
esac
"""


class World:
    """A machine with an almost empty PATH, a lab's folder, and a site that serves releases."""

    def __init__(self, tmp: Path, site_url: str) -> None:
        self.lab, self.bin, self.site = tmp / "lab", tmp / "bin", tmp / "site"
        self.calls, self.sdk, self.cache = tmp / "go-calls", tmp / "sdk", tmp / "cache"
        self.bin.mkdir()
        self.site_url = site_url
        self.said = io.StringIO()

    def program(self, name: str, version: str, *, folder: Path | None = None, extra: str = "") -> Path:
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\ncase "$1" in {extra} *) echo "{version}" ;; esac\n')
        path.chmod(0o755)
        return path

    def pulumi(self, version: str = "v3.259.0") -> Path:
        for companion in PULUMI.companions:
            self.program(companion, "")
        return self.program("pulumi", version)

    def go(self, *, version: str = "1.30.0", toolchain: str = "auto", middle: str = ":") -> None:
        for script in ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python"):
            self.program(script, "", folder=self.sdk / "python")
        text = GO.format(calls=self.calls, version=version, toolchain=toolchain, sdk=self.sdk, middle=middle)
        (self.bin / "go").write_text(text)
        (self.bin / "go").chmod(0o755)

    def builds(self) -> int:
        return self.calls.read_text().count("build -C") if self.calls.exists() else 0

    def release(self, *, honest: bool = True) -> None:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        system = {"Darwin": "mac"}.get(platform.system(), platform.system().lower())
        name = f"caddy_{WANTED}_{system}_{machine}.tar.gz"
        folder = self.site / f"v{WANTED}"
        caddy = self.program("caddy", f"v{WANTED} h1:abc=", folder=folder)
        with tarfile.open(folder / name, "w:gz") as tar:
            tar.add(caddy, "caddy")
        digest = hashlib.sha512((folder / name).read_bytes() if honest else b"another").hexdigest()
        (folder / f"caddy_{WANTED}_checksums.txt").write_text(f"{'0' * 128}  other.tar.gz\n{digest}  {name}\n")

    def ensure(self, *, caddy: str = "", pulumi: str = NOWHERE) -> Toolchain:
        progress = Progress(Console(file=self.said, soft_wrap=True))
        return ensure(self.lab, sources=Sources(caddy=caddy or self.site_url, pulumi=pulumi), progress=progress)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass
