"""Where the lab keeps its things: one ignored folder, so that two labs are two folders."""

import json
import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
"""The project."""
TOOLS = ROOT / ".lab"
"""The folder whose tools/ all labs of a clone share."""


def lab_folder() -> Path:
    """This command's lab: LAB_DIR, or .lab in the project."""
    return Path(os.environ.get("LAB_DIR") or ROOT / ".lab").resolve()


@dataclass(frozen=True)
class Lab:
    """A running lab, as .lab/lab.json tells it to whoever drives it.

    immich_url: public, through Caddy. ca: path of the PEM that signed its certificate. address: host:port to connect
    to, as the name does not resolve. authentik_url, authentik_token: Authentik and who may do everything in it.
    caddy_admin: Caddy's admin API. immich_log: path of a JSON line for each request that reached Immich. pulumi: path
    of the engine. env: what to run it with. stack, config_file: which stack, and its settings.

    Beyond what drives a lab: gateway_log: path of the access log of all calls of the program to Authentik.
    cache_seconds: how long the outpost may remember a header. names: the names of the lab's objects in Authentik.
    people: accounts of the people's group, username to app password. immich_email, immich_password: Immich's owner.
    real: whether Authentik is a real one. own: what every name of the lab's own objects ends in, "" where all of
    Authentik is the lab's.
    """

    immich_url: str
    ca: str
    address: str
    authentik_url: str
    authentik_token: str
    caddy_admin: str
    immich_log: str
    pulumi: str
    env: dict[str, str]
    stack: str
    config_file: str
    gateway_log: str
    cache_seconds: float
    names: dict[str, str]
    people: dict[str, str]
    immich_email: str
    immich_password: str
    real: bool
    own: str

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises FileNotFoundError where no lab runs."""
        return cls(**json.loads((folder / "lab.json").read_text()))

    def save(self, folder: Path) -> None:
        """For this user's eyes only: it holds tokens. lab.env: for a shell in which the user tries commands."""
        write_private(folder / "lab.json", asdict(self))
        tried = {**self.env, "PULUMI_STACK": self.stack}
        write_private(
            folder / "lab.env", "".join(f"export {name}={shlex.quote(value)}\n" for name, value in tried.items())
        )


def write_private(path: Path, value: Any) -> None:
    """Write JSON, or a text as it is, that only this user may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = value if isinstance(value, str) else json.dumps(value, indent=2) + "\n"
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
