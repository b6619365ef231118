"""A site as a file that the operator's Caddyfile imports: what is written and what is run. Pure; deliver.sh does it."""

import hashlib
import shlex
from dataclasses import dataclass
from urllib.parse import urlsplit

from providers.caddy.rules import SOCKET
from providers.caddy.site import LEAST_VERSION

SCRIPT = "providers/caddy/deliver.sh"
"""The script, from the project's folder. It stands in users' state, to be run by destroy: keep it here."""

WARNINGS = ("had been edited by hand", "could not compare")
"""How the script says that it set an edit aside, and that a reload may have changed other sites."""

PRESETS = ("systemd", "docker-compose", "docker", "admin-api")
CONTAINERS = ("docker-compose", "docker")
"""Those of a Caddy in a container."""


@dataclass(frozen=True)
class Target:
    """One file on one host; deliver.sh tells what each is."""

    where: str
    host: str
    port: int
    file: str
    import_path: str
    variable: str
    validate: str
    reload: str
    adapt: str
    running: str
    version: str
    reach: str
    probe: str
    probe_seconds: int
    accept: str = ""


@dataclass(frozen=True)
class Commands:
    """How a Caddy is told and asked: shell commands. validate has the import's variable in its environment.

    adapt: prints the configuration that the Caddyfile says. running: prints the one that runs. version: prints Caddy's
    version. reach: prints where the host reaches port $SITE_CONTAINER_PORT of Caddy's container; empty without one.
    """

    validate: str
    reload: str
    adapt: str
    running: str
    version: str
    reach: str = ""


def preset(
    name: str,
    *,
    caddyfile: str,
    variable: str,
    admin: str,
    env_file: str = "",
    compose_file: str = "",
    compose_service: str = "",
    container: str = "",
    sudo: bool = False,
) -> Commands:
    """The commands of a preset. admin: address of the admin API. sudo: for a user who may not do it otherwise.

    env_file: what Caddy's service has in its environment, for a Caddy that runs in no container.
    """
    config = f"--config {shlex.quote(caddyfile)} --adapter caddyfile"
    root = "sudo -n " if sudo else ""
    if name == "docker":
        own = shlex.quote(container)
        return _in_container(f"{root}docker", "exec", own, f"{root}docker inspect {own}", config, variable, admin)
    if name == "docker-compose":
        compose, own = f"{root}docker compose --file {shlex.quote(compose_file)}", shlex.quote(compose_service)
        inspect = f'{root}docker inspect "$({compose} ps --quiet {own})"'
        return _in_container(compose, "exec -T", own, inspect, config, variable, admin)
    # As the user caddy: a validation opens the log files, and ones that root made would be closed to Caddy.
    validate = f"{f'sudo -n -u caddy --preserve-env={variable} ' if sudo else ''}caddy validate {config}"
    adapt = f"caddy adapt {config}"
    if env_file:
        validate += f" --envfile {shlex.quote(env_file)}"
        adapt = f"{'sudo -n -u caddy ' if sudo else ''}{adapt} --envfile {shlex.quote(env_file)}"
    curl = "curl --silent --show-error --fail --noproxy '*'"
    if admin.startswith(SOCKET):
        address, api = shlex.quote(admin), f"--unix-socket {shlex.quote(admin.removeprefix('unix/'))} http://127.0.0.1"
    else:
        address, api = shlex.quote(urlsplit(admin).netloc), shlex.quote(admin.rstrip("/"))
    reload = f"{root}systemctl reload caddy"
    if name == "admin-api":
        reload = f"caddy reload {config} --address {address}"
        if env_file:  # which `caddy reload` does not take
            load = f"{curl} --header 'Content-Type: application/json' --data-binary @- {api}/load"
            reload = f"config=$({adapt}) && printf '%s' \"$config\" | {load}"
    return Commands(validate, reload, adapt, f"{curl} --max-time 10 {api}/config/", "caddy version")


def _in_container(
    docker: str, run: str, container: str, inspect: str, config: str, variable: str, admin: str
) -> Commands:
    """docker: the command that has the container by this name, and run, its `exec`. inspect: tells of it."""
    inside = f"{docker} {run} {container}"
    # Caddy listens on one address of localhost, and BusyBox's wget tries one, which may be the other.
    running = shlex.quote(f"{admin.rstrip('/')}/config/".replace("//localhost:", "//127.0.0.1:"))
    # Where the port is published; or else the container itself, unless it has the host's network.
    address = "--format '{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}'"
    return Commands(
        f'{docker} {run} --env {variable}="${variable}" {container} caddy validate {config}',
        f"{inside} caddy reload {config}",
        f"{inside} caddy adapt {config}",
        f"{inside} wget -q -O - {running}",
        f"{inside} caddy version",
        f'{docker} port {container} "$SITE_CONTAINER_PORT" 2>/dev/null || '
        f'{inspect} {address} | sed "/./!d; s/$/:$SITE_CONTAINER_PORT/"',
    )


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
        "SITE_PORT": str(target.port),
        "SITE_VERSION": target.version,
        "SITE_LEAST": LEAST_VERSION,
        "SITE_REACH": target.reach,
        "SITE_ACCEPT": target.accept,
        "SITE_PROBE": target.probe,
        "SITE_PROBE_SECONDS": str(target.probe_seconds),
    }
    assigned = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"{assigned} sh {shlex.quote(script)} {action}"
