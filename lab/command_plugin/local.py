"""command:local:Command: a shell command on this machine."""

import os
import subprocess
from typing import Any

from lab.command_plugin.failure import failed


def run(command: str, inputs: dict[str, Any], former: dict[str, Any]) -> dict[str, str]:
    """Run it and give its outputs. former: the outputs of the last run, which it finds in its environment."""
    environment = {**os.environ, **inputs.get("environment", {})}
    if inputs.get("addPreviousOutputInEnv", True):
        environment |= {
            f"PULUMI_COMMAND_{name.upper()}": former[name] for name in ("stdout", "stderr") if former.get(name)
        }
    done = subprocess.run(
        [*(inputs.get("interpreter") or ["/bin/sh", "-c"]), command],
        input=inputs.get("stdin", ""),
        cwd=inputs.get("dir"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise failed(f"exit status {done.returncode}", command, done.stdout + done.stderr)
    return {"stdout": done.stdout.removesuffix("\n"), "stderr": done.stderr.removesuffix("\n")}
