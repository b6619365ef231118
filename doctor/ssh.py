"""A command on a host by the system's own `ssh`, logged in as the last `pulumi up` was."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# What ssh must be told is asked for by a program of ours, so that no argument and no variable ever holds it.
_ASKPASS = """\
#!/bin/sh
case $1 in *assphrase*) exec cat "${0%/*}/privateKeyPassword" ;; *) exec cat "${0%/*}/password" ;; esac
"""
_WAYS = ("privateKey", "password")
# What Pulumi is given for itself, as deliver.sh knows it.
_OURS = re.compile("AUTHENTIK_TOKEN$|CADDY_SSH_|PULUMI_")


def environment() -> dict[str, str]:
    """What a command gets: this process's environment without the secrets in it that are Pulumi's own."""
    return {name: value for name, value in os.environ.items() if not _OURS.match(name)}


def run(to: Mapping[str, Any], command: str, stdin: str) -> tuple[int, str]:
    """The exit status, 255 where ssh itself failed, and what was said. to: a connection, as the plugin takes it."""
    if shutil.which("ssh") is None:
        return 255, "ssh is not on PATH. Install OpenSSH's client (Debian: openssh-client), or add its folder to PATH."
    host, port = to["host"], str(int(to["port"]))
    with tempfile.TemporaryDirectory() as name:  # for this user's eyes only
        folder = Path(name)
        known = folder / "known_hosts"
        known.write_text(f"[{host}]:{port} {to['hostKey']}\n{host} {to['hostKey']}\n")
        options = [f"UserKnownHostsFile={known}", "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes"]
        options += ["ConnectTimeout=10", "NumberOfPasswordPrompts=1"]
        if to.get("privateKey"):
            key = folder / "key"
            key.touch(0o600)
            # The plugin takes a key without a line break at its end, as of $(cat key); ssh does not.
            key.write_text("".join(f"{line}\n" for line in to["privateKey"].splitlines()))
            options += [f"IdentityFile={key}", "IdentitiesOnly=yes"]
        asked = [secret for secret in ("privateKeyPassword", "password") if to.get(secret)]
        options += [] if asked else ["BatchMode=yes"]
        for secret in asked:
            (folder / secret).write_text(to[secret])
        askpass = folder / "askpass"
        askpass.write_text(_ASKPASS)
        askpass.chmod(0o700)
        done = subprocess.run(
            ["ssh", *(f"-o{option}" for option in options), "-p", port, "-l", to["user"], "--", host, command],
            env={**environment(), "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
    said = done.stdout + done.stderr
    return done.returncode, f"{said}{_remedy(to)}" if done.returncode == 255 and "Permission denied" in said else said


def _remedy(to: Mapping[str, Any]) -> str:
    who, ways = f"{to['user']} cannot log in at {to['host']}", [f"caddy:{facts}" for facts in _WAYS if to.get(facts)]
    if not ways:
        return (
            f"{who}: the last `pulumi up` had neither caddy:privateKey nor caddy:password, so the SSH agent and the "
            "keys of this user were asked. Run this where SSH_AUTH_SOCK names the agent that has the key."
        )
    return (
        f"{who} with {' and '.join(ways)} as of the last `pulumi up`. Run `pulumi up` with what is valid now, or let "
        "the host take them again."
    )
