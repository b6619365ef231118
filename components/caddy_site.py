"""CaddySite: the site at Caddy, by whichever way it is delivered."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import Alias, Output, Resource, ResourceOptions

from components.arguments import Delivery, Host
from providers.caddy.config import CaddyConfig
from providers.caddy.delivery import SCRIPT, WARNINGS, Target, command, snippet
from providers.caddy.site import Site, render, render_file
from providers.stack import this_stack

if TYPE_CHECKING:
    from pulumi_command import local, remote
    from pulumi_command.remote import ConnectionArgs


class CaddySite(pulumi.ComponentResource):
    """One site at Caddy: in the running one by its admin API, as a file here or on each of the hosts, or left to you.

    resource: what its resources are called; a host's name is added. after: what must stand before anything of it. Of a
    file the whole text is an input, so that a preview shows which lines change.
    """

    applied: Output[Any]
    """Another one after each delivery."""
    text: str
    """The site as a file for a Caddyfile to import."""

    def __init__(
        self,
        name: str,
        resource: str,
        site: Site,
        delivery: Delivery,
        after: Sequence[Resource],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("immich:index:CaddySite", name, None, opts)
        self._resource, self._site, self._delivery, self._after = resource, site, delivery, after
        self._project, self._stack = pulumi.get_project(), pulumi.get_stack()
        self.text = render_file(site, this_stack())
        if delivery.kind == "none":
            self.applied = Output.from_input(hashlib.sha256(self.text.encode()).hexdigest())
        elif delivery.kind == "admin":
            self.applied = self._admin(former_parent=opts.parent if opts else None).written
        elif delivery.target:
            self.applied = self._told(self._here(delivery.target).stdout)
        else:
            # The connection makes all of a command secret; what the script says never is.
            said = [self._told(Output.unsecret(self._there(host).stdout)) for host in delivery.hosts]
            self.applied = Output.all(*said)
        self.register_outputs({})

    def _admin(self, former_parent: Resource | None) -> CaddyConfig:
        return CaddyConfig(
            self._resource,
            admin=self._delivery.admin,
            route_id=f"{self._project}-{self._stack}",
            host=self._site.host,
            port=self._site.port,
            caddyfile=render(self._site),
            upstream=self._site.immich,
            other_doors=[*self._delivery.other_doors],
            opts=ResourceOptions(parent=self, depends_on=self._after, aliases=[Alias(parent=former_parent)]),
        )

    def _here(self, target: Target) -> "local.Command":
        # Here and below: pulumi_command takes a while to import, and the admin API does without it.
        from pulumi_command import local

        return local.Command(
            self._resource,
            create=self._deliver(target, self._resource),
            delete=command("remove", target, self._owner(self._resource)),
            stdin=self._snippet(self._resource),
            add_previous_output_in_env=False,
            triggers=[target.file],
            opts=ResourceOptions(parent=self, depends_on=self._after, delete_before_replace=True),
        )

    def _there(self, host: Host) -> "remote.Command":
        from pulumi_command import remote

        resource, connection = f"{self._resource}-{host.name}", self._connection(host)
        place = [host.address, host.port, host.user]
        # In the user's home: no more than reading is ever needed of it. No second stack may take the same, nor this one
        # at another place, whose removal comes after the copy.
        digest = hashlib.sha256(json.dumps(place).encode()).hexdigest()[:8]
        script = f".{self._project}-{self._stack}-{self._resource}-{digest}-deliver.sh"
        # A copy has no delete of its own, and takes the script away last.
        removal = remote.Command(
            f"{resource}-script-removal",
            connection=connection,
            delete=f"rm -f {script}",
            triggers=place,
            add_previous_output_in_env=False,
            opts=ResourceOptions(parent=self),
        )
        copy = remote.CopyToRemote(
            f"{resource}-script",
            connection=connection,
            source=pulumi.FileAsset(SCRIPT),
            remote_path=script,
            triggers=[*place, self._delivery.redeliver],
            opts=ResourceOptions(parent=self, depends_on=[removal]),
        )
        return remote.Command(
            resource,
            connection=connection,
            create=self._deliver(host.target, resource, script),
            delete=command("remove", host.target, self._owner(resource), script),
            stdin=self._snippet(resource),
            add_previous_output_in_env=False,
            triggers=[*place, host.target.file],
            opts=ResourceOptions(parent=self, depends_on=[copy, *self._after], delete_before_replace=True),
        )

    def _told(self, stdout: Output[Any]) -> Output[Any]:
        """What a delivery said. The engine shows none of it, so its warnings are told here, until the next one."""

        def tell(said: str | None) -> str | None:
            for line in (said or "").splitlines():
                if any(each in line for each in WARNINGS):
                    pulumi.log.warn(line, self)
            return said

        return stdout.apply(tell)

    def _owner(self, resource: str) -> str:
        return f"{this_stack()}/{resource}"

    def _snippet(self, resource: str) -> str:
        return snippet(self.text, self._owner(resource))

    def _deliver(self, target: Target, resource: str, script: str = SCRIPT) -> str:
        again = f"SITE_DELIVERY={shlex.quote(self._delivery.redeliver)} " if self._delivery.redeliver else ""
        return again + command("deliver", target, self._owner(resource), script)

    def _connection(self, host: Host) -> "ConnectionArgs":
        from pulumi_command.remote import ConnectionArgs

        return ConnectionArgs(
            host=host.address,
            port=host.port,
            user=host.user,
            host_key=host.host_key,
            private_key=_secret(self._delivery.private_key),
            private_key_password=_secret(self._delivery.private_key_password),
            password=_secret(self._delivery.password),
            dial_error_limit=3,
            per_dial_timeout=10,
        )


def _secret(value: str | None) -> pulumi.Output[str] | None:
    return None if value is None else pulumi.Output.secret(value)
