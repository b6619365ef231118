"""What each setting `caddy:*` is. Pulumi.yaml can declare only the project's own namespace. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from components.settings.reader import Rule
from providers.caddy.delivery import PRESETS
from providers.caddy.rules import admin_address


@dataclass(frozen=True)
class Option:
    """One setting. per_host: a host's entry may say it too, for itself. host_only: it stands in no other place."""

    description: str
    default: str = ""
    rule: Rule | None = None
    per_host: bool = False
    host_only: bool = False


def _matching(pattern: str, expected: str) -> Rule:
    return lambda value: None if re.fullmatch(pattern, value) else expected


def _one_of(*names: str) -> Rule:
    return lambda value: None if value in names else f"expected one of {', '.join(names)}"


def _number(least: int, most: int) -> Rule:
    def rule(value: str) -> str | None:
        fits = re.fullmatch(r"[0-9]{1,5}", value) and least <= int(value) <= most
        return None if fits else f"expected a number from {least} to {most}"

    return rule


_PATH = r"(?:/(?!\.\.?(?:/|$))[-A-Za-z0-9._@+]+)+"
_path = _matching(_PATH, "expected an absolute path of letters, digits and ._@+-")
_site_path = _matching(
    rf"{_PATH}/[-A-Za-z0-9_@+][-A-Za-z0-9._@+]*\.caddy", "expected an absolute path that ends in .caddy"
)
_flag = _one_of("true", "false")
_HOST_KEY = r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{40,}={0,2}(?: [!-~]+)?"

OPTIONS: Final[dict[str, Option]] = {
    "delivery": Option(
        "admin: into the running Caddy by its admin API; file: a file on this machine; ssh: files on hosts; none: it "
        "is left to you.",
        "admin",
        _one_of("admin", "file", "ssh", "none"),
    ),
    "admin": Option(
        "Caddy's admin API; also a socket, such as unix//run/caddy/admin.sock. For a delivered file as seen from "
        "Caddy's host, with docker and docker-compose from its container.",
        "http://localhost:2019",
        admin_address,
        per_host=True,
    ),
    "file": Option(
        "The site's file, in a directory of its own that Caddy can read and nobody else writes to.",
        "/etc/caddy/immich/site.caddy",
        _site_path,
        per_host=True,
    ),
    "importPath": Option("The same file as Caddy sees it, if that differs.", "", _site_path, per_host=True),
    "importVariable": Option(
        "The variable in the Caddyfile's import line; a second stack on one Caddy takes one of its own.",
        "IMMICH_SITE",
        _matching(r"[A-Z_][A-Z0-9_]{0,60}", "expected A-Z, 0-9 and _"),
        per_host=True,
    ),
    "caddyfile": Option("The Caddyfile that imports it, as Caddy sees it.", "/etc/caddy/Caddyfile", _path, True),
    "commands": Option(
        "How Caddy is told: systemd, docker-compose, docker or admin-api.", "systemd", _one_of(*PRESETS), per_host=True
    ),
    "composeFile": Option("With docker-compose: the compose file on the host. Required then.", "", _path, True),
    "composeService": Option(
        "With docker-compose: Caddy's service.",
        "caddy",
        _matching(r"[a-zA-Z0-9][-a-zA-Z0-9._]{0,60}", "expected the name of a service"),
        per_host=True,
    ),
    "container": Option(
        "With docker: the name of Caddy's container.",
        "caddy",
        _matching(r"[a-zA-Z0-9][-a-zA-Z0-9._]{0,60}", "expected the name of a container"),
        per_host=True,
    ),
    "envFile": Option(
        "The file of variables (NAME=value) that Caddy's service has, such as systemd's EnvironmentFile. Only Caddy "
        "reads it.",
        "",
        _path,
        per_host=True,
    ),
    "sudo": Option("true: the commands go by sudo -n.", "false", _flag, per_host=True),
    "validate": Option("A shell command instead of the preset's, with the import's variable set.", per_host=True),
    "reload": Option("A shell command instead of the preset's.", per_host=True),
    "adapt": Option("A shell command, instead of the preset's, that prints the Caddyfile as JSON.", per_host=True),
    "acceptOtherChanges": Option(
        "Digests of changes to other sites that a reload may make; a refused delivery prints its own.",
        "",
        _matching(r"[0-9a-f]{8}( [0-9a-f]{8})*", "expected digests of 8 characters, as a refused delivery prints them"),
        per_host=True,
    ),
    "probe": Option(
        "A shell command instead of asking for the site by curl; $SITE_AT is where Caddy listens, host:port.",
        per_host=True,
    ),
    "probeSeconds": Option(
        "How long the probe may take to succeed, before the former site is put back.", "30", _number(1, 600), True
    ),
    "redeliver": Option("Any text; a new one delivers again, and so mends what was edited by hand."),
    "hosts": Option("With ssh: the hosts, each with host and hostKey. Required then."),
    "privateKey": Option("With ssh, secret: the private key. Without key and password the SSH agent is asked."),
    "privateKeyPassword": Option("With ssh, secret: the password of that key."),
    "password": Option("With ssh, secret: the user's password."),
    "host": Option(
        "the host's name or address.",
        "",
        _matching(
            r"[A-Za-z0-9](?:[-A-Za-z0-9.]{0,250}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}", "expected a name or an address"
        ),
        host_only=True,
    ),
    "hostKey": Option(
        "the host's public key, such as ssh-ed25519 AAAA…; see ssh-keyscan.",
        "",
        _matching(_HOST_KEY, "expected a public key such as ssh-ed25519 AAAA…"),
        host_only=True,
    ),
    "port": Option("the port of SSH.", "22", _number(1, 65535), host_only=True),
    "user": Option(
        "who to log in as.", "root", _matching(r"[A-Za-z_][-A-Za-z0-9_.]{0,31}", "expected a user's name"), False, True
    ),
    "name": Option(
        "what to call it; host, or host:port.",
        "",
        _matching(r"[A-Za-z0-9][-A-Za-z0-9._:]{0,60}", "expected a name of letters, digits and -._:"),
        host_only=True,
    ),
}
