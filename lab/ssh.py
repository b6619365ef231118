"""Hosts behind a real sshd on the loopback, each in a folder of its own with keys of its own."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.processes import Port, ProcessError, Processes
from lab.system import SSH_CLIENT, SSH_SERVER, program

_SFTP = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server")
_PRIVILEGE_SEPARATION = Path("/run/sshd")


@dataclass(frozen=True)
class SshHost:
    """One host: whoever logs in with the client's key (client_key, and .pub) is this user, at home in its folder."""

    name: str
    folder: Path
    port: int
    client_key: Path

    @property
    def host_key(self) -> str:
        """What the host is known by."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    def start(self, processes: Processes, environment: Mapping[str, str]) -> None:
        """Start its sshd unless it runs. environment: what its commands find. Raises ProcessError."""
        if processes.find(self.name):
            return
        sshd, keygen = program(SSH_SERVER), program(SSH_CLIENT)
        sftp = next((each for each in _SFTP if Path(each).exists()), None)
        if sshd is None or keygen is None or sftp is None:
            raise ProcessError(f"{SSH_SERVER.name} and {SSH_CLIENT.name} are needed: see python -m lab.system")
        self.folder.mkdir(parents=True, exist_ok=True)
        for key in (self.folder / "host_key", self.client_key):
            if not key.exists():
                made = ("-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(key))
                subprocess.run([keygen, *made], check=True, stdin=subprocess.DEVNULL)
        if os.geteuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)  # where root's sshd insists on it
        shell, config = self.folder / "shell", self.folder / "sshd_config"
        exports = "".join(f"export {name}='{value}'\n" for name, value in environment.items())
        # Several hosts are one machine and one user: a home each is all that parts them.
        shell.write_text(f"""\
#!/bin/sh
cd '{self.folder}' || exit 1
{exports}export HOME='{self.folder}'
case "$SSH_ORIGINAL_COMMAND" in *sftp-server*) exec {sftp} ;; esac
exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
""")
        shell.chmod(0o755)
        config.write_text(f"""\
ListenAddress 127.0.0.1:{self.port}
HostKey {self.folder}/host_key
AuthorizedKeysFile {self.client_key}.pub
PidFile none
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
Subsystem sftp {sftp}
ForceCommand {shell}
""")
        processes.start(
            self.name,
            [sshd, "-D", "-e", "-f", config],
            dict(environment),
            self.folder.parent / "logs" / f"{self.name}.log",
            ready=Port(self.port),
        )
