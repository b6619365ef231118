"""Delivery: the settings `caddy:*`, how the site gets to Caddy. Read and checked. Pure."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from components.settings.caddy_options import OPTIONS
from components.settings.reader import Reader
from providers.caddy.delivery import CONTAINERS, Target, preset
from providers.caddy.rules import SOCKET, admin_address
from providers.caddy.site import Site

SECRETS: Final = {
    "caddy:privateKey": "CADDY_SSH_PRIVATE_KEY",
    "caddy:privateKeyPassword": "CADDY_SSH_PRIVATE_KEY_PASSWORD",
    "caddy:password": "CADDY_SSH_PASSWORD",
}
"""Secret settings, each with the variable of the environment that stands in for it."""

_LONGEST: Final = 2000
"""Characters: an RSA key takes 700."""


@dataclass(frozen=True)
class Host:
    """A host behind SSH. name: what its resources are called after. host_key: as in authorized_keys."""

    name: str
    address: str
    port: int
    user: str
    host_key: str
    target: Target


@dataclass(frozen=True)
class Delivery:
    """How the site gets to Caddy: by the admin API, as a file here (target) or on each of the hosts, or not at all.

    other_doors: addresses, host:port, at which Caddy may serve Immich past the site.
    """

    kind: str
    admin: str
    target: Target | None = None
    hosts: tuple[Host, ...] = ()
    redeliver: str = ""
    private_key: str | None = field(default=None, repr=False)
    private_key_password: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    other_doors: tuple[str, ...] = ()


def read_delivery(read: Reader, site: Site) -> Delivery:
    """The delivery; what belongs to another delivery is not looked at."""
    kind = _option(read, "delivery")
    admin = read.text("caddy:admin", rule=admin_address, default=OPTIONS["admin"].default)
    if kind == "file":
        return Delivery(kind, admin, target=_target(read, site, "this machine"), redeliver=_option(read, "redeliver"))
    if kind == "none":  # whether this Caddy's admin API can be reached from here is known only if it is said
        return Delivery(kind, admin if read.raw("caddy:admin") else "")
    if kind != "ssh":
        for name, inside in (("insideSite", site.inside), ("insideHandle", site.in_handle)):
            if inside:
                read.wrong(f"immich:{name}", "expected false, because caddy:delivery admin has no file to import")
        return Delivery(kind, admin)
    hosts = tuple(host for item in _entries(read) if (host := _host(read, site, item)))
    names = [host.name for host in hosts]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        read.wrong("caddy:hosts", f"expected each host once, got {repeated[0]!r:.60} again; give one a name of its own")
    key, key_password, password = (read.raw(each) for each in SECRETS)
    if key and not re.match(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s", key):
        read.wrong("caddy:privateKey", "expected the contents of a private key's file, from -----BEGIN to the end")
    return Delivery(kind, admin, None, hosts, _option(read, "redeliver"), key, key_password, password)


def _option(read: Reader, name: str) -> str:
    """A setting that OPTIONS describes; its default where it is not set."""
    option, key = OPTIONS[name], f"caddy:{name}"
    if not read.raw(key):
        return option.default
    return read.text(key, rule=option.rule, default=option.default, longest=_LONGEST)


def _target(read: Reader, site: Site, where: str) -> Target:
    file, variable = _option(read, "file"), _option(read, "importVariable")
    chosen, compose_file = _option(read, "commands"), _option(read, "composeFile")
    validate, reload = _option(read, "validate"), _option(read, "reload")
    admin, env_file = _option(read, "admin"), _option(read, "envFile")
    if chosen == "docker-compose" and not compose_file and not (validate and reload):
        read.wrong("caddy:composeFile", "is missing; expected the path of the compose file on the host of Caddy")
    if chosen in CONTAINERS and env_file:
        read.wrong("caddy:envFile", f"expected none with caddy:commands {chosen}: a container has its variables itself")
    if chosen in CONTAINERS and admin.startswith(SOCKET):
        read.wrong("caddy:admin", f"expected http://… with caddy:commands {chosen}: wget in it cannot ask a socket")
    commands = preset(
        chosen,
        caddyfile=_option(read, "caddyfile"),
        variable=variable,
        admin=admin,
        env_file=env_file,
        compose_file=compose_file,
        compose_service=_option(read, "composeService"),
        container=_option(read, "container"),
        sudo=_option(read, "sudo") == "true",
    )
    return Target(
        where=where,
        host=site.host,
        port=site.port,
        file=file,
        import_path=_option(read, "importPath") or file,
        variable=variable,
        validate=validate or commands.validate,
        reload=reload or commands.reload,
        adapt=_option(read, "adapt") or commands.adapt,
        running=commands.running,
        # Which Caddy another command runs is not known.
        version="" if validate else commands.version,
        reach=commands.reach,
        probe=_option(read, "probe"),
        probe_seconds=int(_option(read, "probeSeconds")),
        accept=_option(read, "acceptOtherChanges"),
    )


def _entries(read: Reader) -> list[dict[str, Any]]:
    entries = read.list("caddy:hosts") if read.raw("caddy:hosts") else []
    wrong = [item for item in entries if not isinstance(item, dict)]
    if wrong or not entries:
        got = f"{wrong[0]!r:.60}" if wrong else "none"
        read.wrong("caddy:hosts", f"expected hosts such as [{{host: proxy.example.org, hostKey: …}}], got {got}")
    return [item for item in entries if isinstance(item, dict)]


def _host(read: Reader, site: Site, item: dict[str, Any]) -> Host | None:
    """One host. What it does not say for itself is as the settings say for all."""
    known = {name for name, option in OPTIONS.items() if option.per_host or option.host_only}

    def get(key: str) -> str | None:
        name = key.removeprefix("caddy:")
        value = item.get(name)
        if value is None:
            return None if OPTIONS[name].host_only else read.raw(key)
        return value if isinstance(value, str) else json.dumps(value)

    inner = Reader(get)
    address, port, user, host_key = (_option(inner, name) for name in ("host", "port", "user", "hostKey"))
    label = _option(inner, "name") or (address if port == "22" else f"{address}:{port}")
    if unknown := sorted(map(str, set(item) - known)):
        inner.wrong("caddy:hosts", f"has no setting {unknown[0]!r:.40}")
    for name in ("host", "hostKey"):
        if not inner.raw(f"caddy:{name}"):
            inner.wrong(f"caddy:{name}", f"is missing; {OPTIONS[name].description}")
    target = _target(inner, site, label)
    for failure in inner.failures:
        read.wrong("caddy:hosts", f"{label or 'a host'}: {failure.removeprefix('caddy:')}")
    if inner.failures:
        return None
    return Host(label, address, int(port), user, host_key, target)
