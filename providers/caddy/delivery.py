"""A site as a file that the operator's Caddyfile imports: what is written and what is run. Pure; deliver.sh does it."""

import hashlib
import shlex
from dataclasses import dataclass
from urllib.parse import urlsplit

SCRIPT = "providers/caddy/deliver.sh"
"""The script, from the project's folder. It stands in users' state, to be run by destroy: keep it here."""

EDITED = "had been edited by hand"
"""How the script says that it set an edit aside."""

PRESETS = ("systemd", "docker-compose", "admin-api")


@dataclass(frozen=True)
class Target:
    """One file on one host; deliver.sh tells what each is."""

    where: str
    file: str
    import_path: str
    variable: str
    validate: str
    reload: str
    probe: str
    patience: int


@dataclass(frozen=True)
class Commands:
    """How a Caddy is told: shell commands. validate has the import's variable in its environment."""

    validate: str
    reload: str


def preset(
    name: str, *, caddyfile: str, variable: str, admin: str, compose_file: str, compose_service: str, sudo: bool
) -> Commands:
    """The commands of a preset. admin: URL of the admin API. sudo: for a user who may not do it otherwise."""
    config = f"--config {shlex.quote(caddyfile)} --adapter caddyfile"
    if name == "docker-compose":
        compose = f"{'sudo -n ' if sudo else ''}docker compose --file {shlex.quote(compose_file)} exec -T"
        service = shlex.quote(compose_service)
        return Commands(
            f'{compose} --env {variable}="${variable}" {service} caddy validate {config}',
            f"{compose} {service} caddy reload {config}",
        )
    # As the user caddy: a validation opens the log files, and ones that root made would be closed to Caddy.
    validate = f"{f'sudo -n -u caddy --preserve-env={variable} ' if sudo else ''}caddy validate {config}"
    if name == "admin-api":
        return Commands(validate, f"caddy reload {config} --address {shlex.quote(urlsplit(admin).netloc)}")
    return Commands(validate, f"{'sudo -n ' if sudo else ''}systemctl reload caddy")


def probe(host: str, port: int) -> str:
    """Asks the Caddy on the same machine for the site: any answer but an error of the proxy's own will do."""
    asked = (
        "curl --silent --show-error --insecure --noproxy '*' --max-time 10 --output /dev/null "
        f"--write-out '%{{http_code}}' --connect-to {host}:{port}:127.0.0.1:{port} https://{host}:{port}/"
    )
    return f'code=$({asked}) && {{ [ "$code" -lt 500 ] || {{ echo "it answered $code"; false; }}; }}'


def snippet(caddyfile: str, owner: str) -> str:
    """The file: the site under a line by which an edit by hand is told from what was delivered, and whose it is.

    owner: project/stack/resource.
    """
    digest = hashlib.sha256(caddyfile.encode()).hexdigest()
    return f"# sha256 {digest} of the lines below, from {owner}\n{caddyfile}"


def command(action: str, target: Target, owner: str, script: str = SCRIPT) -> str:
    """The shell command that runs an action of the script on the target's host. owner: project/stack/resource."""
    environment = {
        "SITE_OWNER": owner,
        "SITE_WHERE": target.where,
        "SITE_FILE": target.file,
        "SITE_IMPORT": target.import_path,
        "SITE_VARIABLE": target.variable,
        "SITE_VALIDATE": target.validate,
        "SITE_RELOAD": target.reload,
        "SITE_PROBE": target.probe,
        "SITE_PATIENCE": str(target.patience),
    }
    assigned = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"{assigned} sh {shlex.quote(script)} {action}"
