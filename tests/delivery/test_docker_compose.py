"""Caddy in Compose: the example is what it says, and the preset's commands reach a Caddy that sees other paths."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import yaml

from components.settings import read_settings
from lab.files import ROOT
from tests.caddyfile import import_line
from tests.reference import STACK

from .host import Host

EXAMPLE = ROOT / "examples" / "caddy"
# What `docker compose exec` does for its caller, on a machine without Docker: sets the environment, runs the command.
DOCKER = """\
#!/bin/sh
[ "$1 $2 $3 $4 $5" = "compose --file /opt/caddy/compose.yaml exec -T" ] || { echo "unexpected: $*"; exit 64; }
shift 5
if [ "$1" = --env ]; then export "$2"; shift 2; fi
[ "$1" = caddy ] || { echo "no such service: $1"; exit 1; }
shift
echo "$*" >>LOG
exec "$@"
"""


def settings() -> dict[str, str]:
    config = yaml.safe_load((EXAMPLE / "README.md").read_text().split("```yaml\n")[1].split("```")[0])
    return {**STACK, **{name: value if isinstance(value, str) else json.dumps(value) for name, value in config.items()}}


def test_the_examples_settings_fit_its_compose_file_and_its_caddyfile() -> None:
    target = read_settings(settings().get).delivery.target
    assert target is not None
    service = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]["caddy"]
    here, there = next(each.split(":")[:2] for each in service["volumes"] if each.startswith("./"))
    directory = str(Path("/opt/caddy") / here)
    assert target.file.replace(directory, there) == target.import_path
    assert import_line(target) in (EXAMPLE / here / "Caddyfile").read_text().splitlines()
    assert f"--config {there}/Caddyfile " in target.reload


def test_the_presets_commands_deliver_to_a_caddy_in_a_container(host: Host) -> None:
    own = {"caddy:caddyfile": str(host.caddyfile), "caddy:admin": f"http://{host.admin}"}
    target = read_settings((settings() | own).get).delivery.target
    assert target is not None
    programs = host.folder / "bin"
    programs.mkdir()
    log = host.folder / "docker"
    (programs / "docker").write_text(DOCKER.replace("LOG", shlex.quote(str(log))))
    (programs / "docker").chmod(0o755)
    (programs / "caddy").symlink_to(host.program)
    (programs / "wget").write_text('#!/bin/sh\n[ "$1 $2 $3" = "-q -O -" ] && exec curl --silent --fail "$4"\n')
    (programs / "wget").chmod(0o755)
    path = f"PATH={shlex.quote(str(programs))}:$PATH; "
    admin = f"--address {host.admin}"
    seen = host.folder / "seen-by-caddy"
    seen.symlink_to(host.sites)  # Caddy sees the directory under another path than the host
    host.caddyfile.write_text(host.caddyfile.read_text().replace(f"{host.sites}/*", f"{seen}/*"))
    host.target = replace(
        host.target,
        import_path=str(seen / "site.caddy"),
        validate=path + target.validate,
        reload=f"{path}{target.reload} {admin}",
        adapt=path + target.adapt,
        running=path + target.running,
        version=path + target.version,
    )
    host.deliver("one")
    assert host.served() == "one"
    config = f"--config {host.caddyfile} --adapter caddyfile"
    assert log.read_text().splitlines() == [
        *[f"caddy validate {config}"] * 2,
        f"wget -q -O - http://{host.admin}/config/",
        f"caddy adapt {config}",
        f"caddy validate {config}",
        f"caddy reload {config} {admin}",
        f"wget -q -O - http://{host.admin}/config/",
    ]
    assert host.left() == ["site.caddy"]
