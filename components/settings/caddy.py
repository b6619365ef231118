"""Delivery out of the settings `caddy:*`. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from components.arguments import Delivery, Host
from components.settings.caddy_options import CADDY, PER_HOST, label
from providers.arguments import Bag
from providers.caddy.delivery import Target, preset
from providers.caddy.site import Site
from providers.fields import Json

SECRETS: Final = {
    "caddy:privateKey": "CADDY_SSH_PRIVATE_KEY",
    "caddy:privateKeyPassword": "CADDY_SSH_PRIVATE_KEY_PASSWORD",
    "caddy:password": "CADDY_SSH_PASSWORD",
}
"""Secret settings, each with the variable of the environment that stands in for it."""


def delivery(values: Bag, site: Site, *, admin_is_given: bool) -> Delivery:
    """The delivery that the settings ask for. values: all of them, checked. admin_is_given: whether caddy:admin is."""
    chosen = {name: values[f"caddy:{name}"] for name in CADDY}
    kind = chosen["delivery"]
    # Without a delivery, whether this Caddy's admin API can be reached from here is known only if it is said.
    admin = chosen["admin"] if kind != "none" or admin_is_given else ""
    made = Delivery(kind, admin, other_doors=tuple(values["immich:otherDoors"]))
    if kind == "file":
        return replace(made, target=_target(chosen, site, "this machine"), redeliver=chosen["redeliver"])
    if kind != "ssh":
        return made
    return replace(
        made,
        hosts=tuple(_host(chosen, site, each) for each in chosen["hosts"]),
        redeliver=chosen["redeliver"],
        private_key=chosen["privateKey"] or None,
        private_key_password=chosen["privateKeyPassword"] or None,
        password=chosen["password"] or None,
    )


def _host(chosen: Mapping[str, Json], site: Site, entry: Bag) -> Host:
    """One host. What it does not say for itself is as the settings say for all."""
    own = {name: entry[name] for name in PER_HOST if entry[name] is not None}
    target = _target({**chosen, **own}, site, label(entry))
    return Host(label(entry), entry["host"], entry["port"], entry["user"], entry["hostKey"], target)


def _target(chosen: Mapping[str, Json], site: Site, where: str) -> Target:
    commands = preset(
        chosen["commands"],
        caddyfile=chosen["caddyfile"],
        variable=chosen["importVariable"],
        admin=chosen["admin"],
        env_file=chosen["envFile"],
        compose_file=chosen["composeFile"],
        compose_service=chosen["composeService"],
        container=chosen["container"],
        sudo=chosen["sudo"],
    )
    return Target(
        where=where,
        host=site.host,
        port=site.port,
        file=chosen["file"],
        import_path=chosen["importPath"] or chosen["file"],
        variable=chosen["importVariable"],
        validate=chosen["validate"] or commands.validate,
        reload=chosen["reload"] or commands.reload,
        adapt=chosen["adapt"] or commands.adapt,
        running=commands.running,
        # Which Caddy another command runs is not known.
        version="" if chosen["validate"] else commands.version,
        reach=commands.reach,
        probe=chosen["probe"],
        probe_seconds=chosen["probeSeconds"],
        accept=chosen["acceptOtherChanges"],
    )
