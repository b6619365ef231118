"""What the last `pulumi up` left: the stack's outputs, the phones' headers in clear, and the stack's settings.

The engine is asked, by its own command line. The headers come on its stdout: they are in no argument, file or log.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
"""The project, beside whose Pulumi.yaml the engine works."""


class StackError(Exception):
    """The engine did not answer as needed; the message says why and what to do, and holds no secret."""


@dataclass(frozen=True)
class Outputs:
    """The outputs of a stack. By phone name: generations, accounts in Authentik, those of the generation before where
    both work, fingerprints, and headers (`Basic …`).
    """

    url: str
    header_name: str
    application: str
    generations: dict[str, int]
    accounts: dict[str, str]
    former_accounts: dict[str, str]
    fingerprints: dict[str, str]
    headers: dict[str, str] = field(repr=False)


def read_outputs(stack: str | None = None) -> Outputs:
    """The outputs of stack, or of the one that PULUMI_STACK names, or of the selected one. Raises StackError."""
    found = _asked(stack, "stack", "output", "--json", "--show-secrets")
    if not found:
        raise StackError("the stack has no outputs yet. Run: pulumi up")
    try:
        return Outputs(
            url=str(found["immichUrl"]),
            header_name=str(found["headerName"]),
            application=str(found["application"]),
            generations={phone: int(number) for phone, number in found["generations"].items()},
            accounts=dict(found["serviceAccounts"]),
            former_accounts=dict(found["formerServiceAccounts"]),
            fingerprints=dict(found["fingerprints"]),
            headers=dict(found["headers"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise StackError(
            f"the stack's outputs ({', '.join(map(str, found))}) are not this program's of today. Run: pulumi up"
        ) from None


def read_config(stack: str | None = None) -> dict[str, str]:
    """The settings of the stack with Pulumi.yaml's defaults, namespace:name to value (lists as JSON), secrets in clear.

    What is written in the stack's file; the last `pulumi up` may have run with other values. Raises StackError.
    """
    found = _asked(stack, "config", "--json", "--show-secrets")
    return {name: str(setting["value"]) for name, setting in found.items() if "value" in setting}


def read_state(stack: str | None = None) -> dict[str, Any]:
    """The stack's state as the engine exports it, its secrets in clear. Raises StackError."""
    return _asked(stack, "stack", "export", "--show-secrets")


def _asked(stack: str | None, *arguments: str) -> dict[str, Any]:
    """The JSON object that the engine answers."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise StackError("pulumi is not on PATH. Install it, or add its folder to PATH.")
    name = stack or os.environ.get("PULUMI_STACK", "")
    chosen = ["--stack", name] if name else []
    done = subprocess.run(
        [pulumi, *arguments, "--non-interactive", *chosen],
        cwd=ROOT,
        env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(_reason(done.stderr, name))
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise StackError(f"pulumi {' '.join(arguments)} answered something else than a JSON object.")
    return answer


_REMEDIES = (
    ("no stack selected", "no stack is selected. Name it with --stack or PULUMI_STACK, or run: pulumi stack select"),
    ("no stack named", "there is no stack {name!r} in this backend. Run: pulumi stack ls"),
    ("incorrect passphrase", "the passphrase is not this stack's. Check PULUMI_CONFIG_PASSPHRASE_FILE."),
    (
        "passphrase must be set",
        "the stack's secrets need their passphrase. Export PULUMI_CONFIG_PASSPHRASE_FILE, the path of its file.",
    ),
    ("PULUMI_ACCESS_TOKEN", "pulumi is not logged in to the stack's backend. Run: pulumi login"),
)


def _reason(stderr: str, name: str) -> str:
    """The engine's complaint in our words where we know it, else in its own."""
    for said, remedy in _REMEDIES:
        if said in stderr:
            return remedy.format(name=name)
    lines = [line for line in stderr.splitlines() if line.strip()]
    return "pulumi failed: " + " ".join(lines[-3:])[:500]
