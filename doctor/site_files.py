"""`python -m doctor.site_files`: is the site's file on each host what the last `pulumi up` delivered? Exit 3 if not.

Pulumi's refresh cannot tell: its command plugin reads nothing back. Asks over SSH by the system's own `ssh`.
Exit 1 where something cannot be told, 130 when interrupted.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from doctor import ssh
from phone.outputs import ROOT, StackError, read_state

_DELIVER = " deliver"


@dataclass(frozen=True)
class Delivered:
    """One file of the stack's state. command: compares it with site, its text. connection: as the plugin takes it."""

    name: str
    command: str
    site: str = field(repr=False)
    connection: dict[str, Any] | None = field(default=None, repr=False)


def delivered(state: dict[str, Any]) -> Iterator[Delivered]:
    """The files of a stack's state, its secrets in clear."""
    for resource in state.get("deployment", {}).get("resources", []):
        inputs = resource.get("inputs", {})
        command = str(inputs.get("create", ""))
        if resource.get("type") in ("command:local:Command", "command:remote:Command") and command.endswith(_DELIVER):
            name = resource["urn"].split("::", 3)[-1]  # of urn:pulumi:STACK::PROJECT::TYPE::NAME; an IPv6 host has a ::
            connection = json.loads(inputs["connection"]["plaintext"]) if "connection" in inputs else None
            yield Delivered(name, command.removesuffix(_DELIVER) + " check", inputs["stdin"], connection)


def check(file: Delivered) -> tuple[int, str]:
    """0 where it is as delivered, 3 where it is not, anything else where it could not be told; and what was said."""
    if file.connection is not None:
        return ssh.run(file.connection, file.command, file.site)
    here = ["/bin/sh", "-c", file.command]
    done = subprocess.run(
        here, cwd=ROOT, env=ssh.environment(), input=file.site, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def main() -> int:
    """Print a line for each file, and the difference where there is one."""
    parser = argparse.ArgumentParser(prog="python -m doctor.site_files", description=__doc__)
    parser.add_argument("--stack", help="the stack; the selected one if left out")
    try:
        files = sorted(delivered(read_state(parser.parse_args().stack)), key=lambda file: file.name)
        found = [(file, *check(file)) for file in files]
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for file, code, said in found:
        print(f"{file.name}: {'as delivered' if code == 0 else said.strip()}")
    if not found:
        print("the stack delivers no file")
    codes = {code for _, code, _ in found if code}
    return 0 if not codes else 3 if codes == {3} else 1


if __name__ == "__main__":
    sys.exit(main())
