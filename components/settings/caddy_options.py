"""What each setting `caddy:*` is. Pulumi.yaml can declare only the project's own namespace. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from providers.arguments import Arguments, Object
from providers.caddy.delivery import PRESETS
from providers.caddy.rules import admin_address
from providers.fields import Boolean, Code, Field, Integer, ListOf, Text, matching

_LONGEST = 2000
_PATH = r"(?:/(?!\.\.?(?:/|$))[-A-Za-z0-9._@+]+)+"
_path = matching(_PATH, "expected an absolute path of letters, digits and ._@+-")
_site_path = matching(
    rf"{_PATH}/[-A-Za-z0-9_@+][-A-Za-z0-9._@+]*\.caddy", "expected an absolute path that ends in .caddy"
)
_HOST_KEY = r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{40,}={0,2}(?: [!-~]+)?"


def _private_key(value: str) -> str | None:
    right = re.match(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s", value)
    return None if right else "expected the contents of a private key's file, from -----BEGIN to the end"


def _command(doc: str) -> Text:
    return Text(default="", max_length=_LONGEST, doc=doc)


def _named_apart(hosts: Sequence[dict[str, Any]]) -> str | None:
    names = [label(host) for host in hosts]
    repeated = sorted({name for name in names if names.count(name) > 1})
    return f"expected each host once, got {repeated[0]!r:.60} again; give one a name of its own" if repeated else None


def label(host: dict[str, Any]) -> str:
    """What a host is called: its name, or else its address. host: as HOST has it."""
    return str(host["name"] or (host["host"] if host["port"] == 22 else f"{host['host']}:{host['port']}"))


PER_HOST: Final[dict[str, Field]] = {
    "admin": Text(
        rule=admin_address,
        default="http://localhost:2019",
        doc="Caddy's admin API; also a socket, such as unix//run/caddy/admin.sock. For a delivered file as seen from "
        "Caddy's host, with docker and docker-compose from its container.",
    ),
    "file": Text(
        rule=_site_path,
        default="/etc/caddy/immich/site.caddy",
        doc="The site's file, in a directory of its own that Caddy can read and nobody else writes to.",
    ),
    "importPath": Text(rule=_site_path, default="", doc="The same file as Caddy sees it, if that differs."),
    "importVariable": Text(
        rule=matching(r"[A-Z_][A-Z0-9_]{0,60}", "expected A-Z, 0-9 and _"),
        default="IMMICH_SITE",
        doc="The variable in the Caddyfile's import line; a second stack on one Caddy takes one of its own.",
    ),
    "caddyfile": Text(
        rule=_path, default="/etc/caddy/Caddyfile", doc="The Caddyfile that imports it, as Caddy sees it."
    ),
    "commands": Text(
        choices=PRESETS, default="systemd", doc="How Caddy is told: systemd, docker-compose, docker or admin-api."
    ),
    "composeFile": Text(
        rule=_path, default="", doc="With docker-compose: the compose file on the host. Required then."
    ),
    "composeService": Text(
        rule=matching(r"[a-zA-Z0-9][-a-zA-Z0-9._]{0,60}", "expected the name of a service"),
        default="caddy",
        doc="With docker-compose: Caddy's service.",
    ),
    "container": Text(
        rule=matching(r"[a-zA-Z0-9][-a-zA-Z0-9._]{0,60}", "expected the name of a container"),
        default="caddy",
        doc="With docker: the name of Caddy's container.",
    ),
    "envFile": Text(
        rule=_path,
        default="",
        doc="The file of variables (NAME=value) that Caddy's service has, such as systemd's EnvironmentFile. Only "
        "Caddy reads it.",
    ),
    "sudo": Boolean(default=False, doc="true: the commands go by sudo -n."),
    "validate": _command("A shell command instead of the preset's, with the import's variable set."),
    "reload": _command("A shell command instead of the preset's."),
    "adapt": _command("A shell command, instead of the preset's, that prints the Caddyfile as JSON."),
    "acceptOtherChanges": Text(
        rule=matching(
            r"[0-9a-f]{8}( [0-9a-f]{8})*", "expected digests of 8 characters, as a refused delivery prints them"
        ),
        default="",
        doc="Digests of changes to other sites that a reload may make; a refused delivery prints its own.",
    ),
    "probe": _command(
        "A shell command instead of asking for the site by curl; $SITE_AT is where Caddy listens, host:port."
    ),
    "probeSeconds": Integer(
        minimum=1,
        maximum=600,
        default=30,
        doc="How long the probe may take to succeed, before the former site is put back.",
    ),
}
"""What a host's entry may say for itself, too."""

HOST_ONLY: Final[dict[str, Field]] = {
    "host": Text(
        rule=matching(
            r"[A-Za-z0-9](?:[-A-Za-z0-9.]{0,250}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}", "expected a name or an address"
        ),
        doc="The host's name or address.",
    ),
    "hostKey": Text(
        max_length=_LONGEST,
        rule=matching(_HOST_KEY, "expected a public key such as ssh-ed25519 AAAA…"),
        doc="The host's public key, such as ssh-ed25519 AAAA…; see ssh-keyscan.",
    ),
    "port": Integer(minimum=1, maximum=65535, default=22, doc="The port of SSH."),
    "user": Text(
        rule=matching(r"[A-Za-z_][-A-Za-z0-9_.]{0,31}", "expected a user's name"),
        default="root",
        doc="Who to log in as.",
    ),
    "name": Text(
        rule=matching(r"[A-Za-z0-9][-A-Za-z0-9._:]{0,60}", "expected a name of letters, digits and -._:"),
        default="",
        doc="What to call it; host, or host:port.",
    ),
}
"""What stands in a host's entry and in no other place."""

HOST: Final = Arguments(
    word="host", args={**HOST_ONLY, **{name: replace(each, default=None) for name, each in PER_HOST.items()}}
)

CADDY: Final[dict[str, Field]] = {
    "delivery": Text(
        choices=("admin", "file", "ssh", "none"),
        default="admin",
        doc="admin: into the running Caddy by its admin API; file: a file on this machine; ssh: files on hosts; none: "
        "it is left to you.",
    ),
    **PER_HOST,
    "redeliver": Text(default="", doc="Any text; a new one delivers again, and so mends what was edited by hand."),
    "hosts": ListOf(
        item=Object(arguments=HOST, title="host", unique=False, example="host: proxy.example.org, hostKey: …"),
        rule=_named_apart,
        default=[],
        doc="With ssh: the hosts, each with host and hostKey. Required then.",
    ),
    "privateKey": Code(
        rule=_private_key,
        default="",
        doc="With ssh, secret: the private key. Without key and password the SSH agent is asked.",
    ),
    "privateKeyPassword": Code(default="", doc="With ssh, secret: the password of that key."),
    "password": Code(default="", doc="With ssh, secret: the user's password."),
}
"""The settings by name, without the namespace."""
