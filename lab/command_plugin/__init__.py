"""A stand-in for Pulumi's `command` plugin, where no network reaches the real one; installed as the engine's own.

Held to what was seen of the real one, version 1.2.1: `stdin` reaches the command; changed inputs run `update`, or
`create` again; changed `triggers` replace where there is no `update`; `delete` runs with the last inputs; the error of
a failed command has its exit status, the command and its output; all outputs of secret inputs are secret. Not here:
assets of a command, proxies, SSH's environment of the former output.
"""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lab.files import ROOT

VERSION = "1.2.1"


class PluginError(Exception):
    """The plugin could not be installed; the text is what the engine said."""


def install(pulumi: Path, env: Mapping[str, str]) -> None:
    """Install the stand-in for the engine with this environment, unless it has a plugin of the name already."""
    if list(Path(env["PULUMI_HOME"]).glob("plugins/resource-command-v*")):
        return
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "pulumi-resource-command"
        root, python = shlex.quote(str(ROOT)), shlex.quote(sys.executable)
        program.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {python} -m lab.command_plugin "$@"\n')
        program.chmod(0o755)
        command: list[str | Path] = [pulumi, "plugin", "install", "resource", "command", VERSION, "--file", program]
        done = subprocess.run(command, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PluginError(f"the engine does not take the stand-in for its command plugin: {done.stderr}")
