"""A site as a file that the operator's Caddyfile imports: what is written and what is run. Pure; deliver.sh does it."""

import hashlib
import shlex
from dataclasses import dataclass
from urllib.parse import urlsplit

SCRIPT = "providers/caddy/deliver.sh"
"""The script, from the project's folder. It stands in users' state, to be run by destroy: keep it here."""

WARNINGS = ("had been edited by hand", "could not compare")
"""How the script says that it set an edit aside, and that a reload may have changed other sites."""

PRESETS = ("systemd", "docker-compose", "admin-api")


@dataclass(frozen=True)
class Target:
    """One file on one host; deliver.sh tells what each is."""

    where: str
    host: str
    file: str
    import_path: str
    variable: str
    validate: str
    reload: str
    adapt: str
    running: str
    probe: str
    probe_seconds: int
    accept: str = ""


@dataclass(frozen=True)
class Commands:
    """How a Caddy is told and asked: shell commands. validate has the import's variable in its environment.

    adapt: prints the configuration that the Caddyfile says. running: prints the one that runs.
    """

    validate: str
    reload: str
    adapt: str
    running: str


def preset(
    name: str, *, caddyfile: str, variable: str, admin: str, compose_file: str, compose_service: str, sudo: bool
) -> Commands:
    """The commands of a preset. admin: URL of the admin API. sudo: for a user who may not do it otherwise."""
    configuration = f"{admin.rstrip('/')}/config/"
    config = f"--config {shlex.quote(caddyfile)} --adapter caddyfile"
    if name == "docker-compose":
        compose = f"{'sudo -n ' if sudo else ''}docker compose --file {shlex.quote(compose_file)} exec -T"
        service = shlex.quote(compose_service)
        return Commands(
            f'{compose} --env {variable}="${variable}" {service} caddy validate {config}',
            f"{compose} {service} caddy reload {config}",
            f"{compose} {service} caddy adapt {config}",
            # Caddy listens on one address of localhost, and BusyBox's wget tries one, which may be the other.
            f"{compose} {service} wget -q -O - {shlex.quote(configuration.replace('//localhost:', '//127.0.0.1:'))}",
        )
    # As the user caddy: a validation opens the log files, and ones that root made would be closed to Caddy.
    validate = f"{f'sudo -n -u caddy --preserve-env={variable} ' if sudo else ''}caddy validate {config}"
    by_systemd = f"{'sudo -n ' if sudo else ''}systemctl reload caddy"
    by_admin = f"caddy reload {config} --address {shlex.quote(urlsplit(admin).netloc)}"
    running = f"curl --silent --show-error --fail --noproxy '*' --max-time 10 {shlex.quote(configuration)}"
    return Commands(validate, by_admin if name == "admin-api" else by_systemd, f"caddy adapt {config}", running)


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
        "SITE_ADAPT": target.adapt,
        "SITE_RUNNING": target.running,
        "SITE_HOST": target.host,
        "SITE_ACCEPT": target.accept,
        "SITE_PROBE": target.probe,
        "SITE_PROBE_SECONDS": str(target.probe_seconds),
    }
    assigned = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"{assigned} sh {shlex.quote(script)} {action}"
