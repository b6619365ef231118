"""`python -m lab.system`: the programs of the operating system that some tests run, a browser, an SSH server, a linter.

`program()` finds one. On a Debian where we are root the command installs what is missing; elsewhere it names it.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A package of Debian's, and the names under which systems have its program."""

    name: str
    programs: tuple[str, ...]


CHROMIUM = Package("chromium", ("chromium", "chromium-browser", "google-chrome"))
SSH_SERVER = Package("openssh-server", ("sshd",))
SSH_CLIENT = Package("openssh-client", ("ssh-keygen",))
SHELLCHECK = Package("shellcheck", ("shellcheck",))
PACKAGES = (CHROMIUM, SSH_SERVER, SSH_CLIENT, SHELLCHECK)


def program(package: Package) -> Path | None:
    """Where the package's program is, or None; an SSH server is rarely on a user's PATH."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = (shutil.which(name, path=path) for name in package.programs)
    return next((Path(each) for each in found if each), None)


def main() -> None:
    """Install what is missing where that is ours to do, and name what is missing after it."""
    missing = [each for each in PACKAGES if program(each) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        names = [each.name for each in missing]
        print(f"Installing {', '.join(names)} for the tests (about a minute)", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *names]):
            subprocess.run(["apt-get", "-qq", *command], env=environment, stdout=subprocess.DEVNULL, check=False)
        missing = [each for each in PACKAGES if program(each) is None]
    for each in missing:
        print(
            f"{each.name} is not installed; the tests that need it are skipped. On Debian: apt-get install {each.name}"
        )


if __name__ == "__main__":
    main()
