"""The official downloads: Pulumi by its own installer, Caddy from its releases, verified."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from urllib.parse import urlsplit

import requests

from lab.toolchain.versions import CADDY
from lab.toolchain.ways import WayFailedError, Workshop, tail

CONNECT, READ, WHOLE = 3.0, 10.0, 600.0
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "armv7"}
_SYSTEMS = {"linux": "linux", "darwin": "mac"}


@dataclass(frozen=True)
class Sources:
    """Where downloads come from; a mirror, or a test, says otherwise."""

    caddy: str = "https://github.com/caddyserver/caddy/releases/download"
    # The Automation API knows its own addresses; this one tells quickly whether it is worth trying.
    pulumi: str = "https://get.pulumi.com/install.sh"

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Sources":
        return cls(
            caddy=environment.get("LAB_CADDY_RELEASES", cls.caddy),
            pulumi=environment.get("LAB_PULUMI_INSTALLER", cls.pulumi),
        )


def pulumi_wanted() -> str:
    """The engine that belongs to the installed SDK, as Pulumi itself chooses."""
    return installed_version("pulumi")


def caddy_wanted() -> str:
    return str(CADDY.modules[0].version)


def download_pulumi(sources: Sources, shop: Workshop) -> None:
    _get(sources.pulumi).close()
    log = shop.log("download-pulumi.log")
    # The installer has no time limits of its own: a process can be ended, a thread could not.
    install = (
        "import sys; from semver import VersionInfo; from pulumi.automation import PulumiCommand; "
        "PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))"
    )
    command = [sys.executable, "-c", install, str(shop.fresh), pulumi_wanted()]
    with shop.progress.step(f"Downloading Pulumi {pulumi_wanted()}", "half a minute"), log.open("wb") as output:
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=WHOLE,
                check=True,
            )
        except subprocess.TimeoutExpired:
            raise WayFailedError(f"Pulumi's installer did not end within {WHOLE:.0f} s (log: {log})") from None
        except subprocess.CalledProcessError:
            raise WayFailedError(f"Pulumi's installer failed (log: {log})", detail=tail(log)) from None


def download_caddy(sources: Sources, shop: Workshop) -> None:
    wanted = caddy_wanted()
    base = f"{sources.caddy.rstrip('/')}/v{wanted}"
    archive = f"caddy_{wanted}_{_platform()}.tar.gz"
    with shop.progress.step(f"Downloading Caddy {wanted}", "a few seconds"):
        expected = _expected(_get(f"{base}/caddy_{wanted}_checksums.txt").text, archive)
        packed = shop.fresh / archive
        if _save(f"{base}/{archive}", packed) != expected:
            packed.unlink()
            raise WayFailedError(f"{base}/{archive} does not have the sha512 its release names: refused")
        shop.bin.mkdir()
        try:
            # Its content alone: neither names nor links of the archive reach the disk.
            with tarfile.open(packed) as tar, (shop.bin / "caddy").open("wb") as program:
                content = tar.extractfile("caddy")
                if content is None:
                    raise WayFailedError(f"{base}/{archive} has no program in it")
                shutil.copyfileobj(content, program)
        except (tarfile.TarError, KeyError, OSError) as error:
            raise WayFailedError(f"{base}/{archive} cannot be unpacked: {error}") from error
        packed.unlink()
        (shop.bin / "caddy").chmod(0o755)


def _platform() -> str:
    system, machine = platform.system().lower(), platform.machine().lower()
    if system not in _SYSTEMS:
        raise WayFailedError(f"there is no download for {platform.system()} that the lab knows")
    return f"{_SYSTEMS[system]}_{_MACHINES.get(machine, machine)}"


def _expected(checksums: str, archive: str) -> str:
    for line in checksums.splitlines():
        if line.split()[1:] == [archive]:
            return line.split()[0].lower()
    raise WayFailedError(f"the release has no {archive}")


def _get(url: str) -> requests.Response:
    host = urlsplit(url).netloc
    try:
        response = requests.get(url, stream=True, timeout=(CONNECT, READ))
    except requests.Timeout:
        raise WayFailedError(f"{host} did not answer in time") from None
    except requests.RequestException:
        raise WayFailedError(f"{host} cannot be reached") from None
    if not response.ok:
        response.close()
        raise WayFailedError(f"{url} answered {response.status_code}")
    return response


def _save(url: str, path: Path) -> str:
    """Writes what the address serves to the path and gives its sha512."""
    digest = hashlib.sha512()
    deadline = time.monotonic() + WHOLE
    try:
        with _get(url) as response, path.open("wb") as file:
            for chunk in response.iter_content(1 << 16):
                digest.update(chunk)
                file.write(chunk)
                if time.monotonic() > deadline:
                    raise WayFailedError(f"{url} was not there within {WHOLE:.0f} s")
            os.fsync(file.fileno())
    except requests.RequestException:
        raise WayFailedError(f"{url} broke off") from None
    return digest.hexdigest()
