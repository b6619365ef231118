"""CaddyConfig: our site in a running Caddy, by its admin API. Only our own route, found again by its @id."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict, Unpack
from urllib.parse import urlsplit

import pulumi
from pulumi import Input, Output
from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from providers.arguments import Arguments
from providers.caddy.admin import Admin, Changed, Unreachable
from providers.caddy.doors import Doors, other_doors
from providers.caddy.errors import CaddyError
from providers.caddy.routes import (
    SERVERS,
    in_front,
    local_port,
    only_route,
    path_of,
    routes_of,
    server_of,
    shadowing,
    understood,
)
from providers.caddy.rules import admin_address, caddyfile, door, host_name, route_id, upstream_url
from providers.caddy.site import LEAST_VERSION
from providers.check import check
from providers.errors import brief
from providers.fields import Code, Integer, ListOf, Text
from providers.retry import RetryPolicy

_ATTEMPTS = 20
_COMPUTED = ("route", "applied", "written")


class CaddyConfigArgs(TypedDict):
    """The arguments of CaddyConfig."""

    admin: Annotated[Input[str], Text(rule=admin_address, replaces=True)]
    """Address of the admin API."""
    route_id: Annotated[Input[str], Text(rule=route_id, replaces=True)]
    """The @id of our route."""
    host: Annotated[Input[str], Text(rule=host_name)]
    """The host that the site serves."""
    port: Annotated[Input[int], Integer(minimum=1, maximum=65535)]
    """The port of its public address."""
    caddyfile: Annotated[Input[str], Code(rule=caddyfile)]
    """The site."""
    upstream: Annotated[Input[str], Text(rule=upstream_url)]
    """Where Caddy reaches Immich, http(s)://host[:port]."""
    other_doors: Annotated[Input[list[str]], ListOf(item=Text(rule=door))]
    """Addresses, host:port, that may lead there past the site, or serve its host."""


CONFIG = Arguments(word="site", args=CaddyConfigArgs)


class CaddyConfigProvider(ResourceProvider):
    """Adapts the Caddyfile and puts its route first on the server of its port; refuses a host that is served already.

    State: the inputs, `route` (the route as Caddy has it, as JSON, or what stands before it) and `applied` (the SHA-256
    of what we put).
    """

    serialize_as_secret_always = False  # nothing secret is ever pickled

    def configure(self, req: ConfigureRequest) -> None:
        self._policy = RetryPolicy.configured(req.config.get)

    @brief
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return check(CONFIG, news)

    @brief
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        replaces = [name for name, each in CONFIG.fields.items() if each.replaces and _differ(olds, news, name)]
        drifted = _digest(olds.get("route", "")) != olds.get("applied")
        changed = drifted or any(_differ(olds, news, name) for name in CONFIG.fields)
        # A replacement would meet the route that it replaces at the same @id.
        return DiffResult(changes=changed, replaces=replaces, delete_before_replace=True)

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["route_id"], self._deliver(props))

    @brief
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._deliver(news))

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        apps = self._admin(props).apps()
        http = apps.get("http") or {}
        servers = http.get("servers") or {}
        inputs = {name: props[name] for name in CONFIG.fields}
        found = next((route for _, _, route in routes_of(servers) if route.get("@id") == id_), None)
        if found is None:
            return ReadResult("", {})
        port = local_port(http, int(props["port"]))
        in_the_way = shadowing(servers, props["host"], port, id_) or in_front(servers, props["host"], id_)
        doors = in_the_way or ", ".join(_doors(apps, props).found)
        route = f"not alone: {doors}" if doors else _canonical(found)
        return ReadResult(id_, {**inputs, "route": route, **_kept(props, "applied", "written")}, inputs)

    @brief
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        admin = self._admin(props)
        for _ in range(_ATTEMPTS):
            try:
                servers, etag = admin.servers()
            except Unreachable as error:
                raise CaddyError(
                    f"{error} If that Caddy is gone for good, let the stack forget its site: pulumi state delete, with "
                    "the URN that this error stands under."
                ) from None
            ours = [(server, index) for server, index, route in routes_of(servers) if route.get("@id") == id_]
            if not ours:
                return
            try:
                admin.write("DELETE", path_of(*ours[0]), None, etag)
            except Changed:
                continue
        raise CaddyError(
            f"cannot take route {id_} out of Caddy: something else keeps changing its configuration. Run destroy again."
        )

    def _admin(self, props: dict[str, Any]) -> Admin:
        return Admin(props["admin"], self._policy)

    def _deliver(self, props: dict[str, Any]) -> dict[str, Any]:
        admin, id_ = self._admin(props), props["route_id"]
        host = props["host"]
        route = {"@id": id_, **only_route(admin.adapt(props["caddyfile"]))}
        if not understood(props["caddyfile"], route):
            raise CaddyError(
                f"cannot set up Caddy: it takes a line of the site for another, so it is older than {LEAST_VERSION}. "
                "Nothing was written. Update it: https://caddyserver.com/docs/install"
            )
        apps = admin.apps()
        port = local_port(apps.get("http") or {}, int(props["port"]))
        if doors := _doors(apps, props).found:
            raise CaddyError(
                f"cannot set up Caddy: {', '.join(doors)} leads to Immich, or serves {host}, without the forward auth. "
                f"Nothing was written. {_closing_or_allowing(doors, len(props['other_doors']))}"
            )
        for _ in range(_ATTEMPTS):
            servers, etag = admin.servers()
            if in_the_way := shadowing(servers, host, port, id_):
                raise CaddyError(
                    f"cannot set up Caddy: {host} is served already by {in_the_way}, which is not ours. Nothing was "
                    "written. Take that site out of Caddy's own configuration first."
                )
            server = server_of(servers, port)
            ours = [(name, index) for name, index, each in routes_of(servers) if each.get("@id") == id_]
            try:
                first = not in_front(servers, host, id_)
                if first and [(server, route)] == [(name, servers[name]["routes"][index]) for name, index in ours]:
                    break
                if first and [name for name, _ in ours] == [server]:
                    admin.write("PATCH", path_of(*ours[0]), route, etag)
                elif ours:  # on the server of another port, twice, or behind another: away with it, and look again
                    admin.write("DELETE", path_of(*ours[0]), None, etag)
                elif servers[server].get("routes"):
                    admin.write("PUT", path_of(server, 0), route, etag)
                else:
                    replace = "PATCH" if "routes" in servers[server] else "PUT"
                    admin.write(replace, f"{SERVERS}/{server}/routes", [route], etag)
            except Changed:
                continue
        else:
            raise CaddyError(
                f"cannot set up Caddy: something else keeps changing its configuration ({_ATTEMPTS} attempts). "
                "Let it finish and run the command again."
            )
        canonical = _canonical(route)
        inputs = {name: props[name] for name in CONFIG.fields}
        return {**inputs, "route": canonical, "applied": _digest(canonical), "written": uuid.uuid4().hex}


class CaddyConfig(Resource, module="caddy", name="CaddyConfig"):
    """Our site in a running Caddy. id: the @id of its route."""

    caddyfile: Output[str]
    applied: Output[str]
    written: Output[str]
    """Another one after each delivery."""

    def __init__(
        self,
        resource_name: str,
        *,
        opts: pulumi.ResourceOptions | None = None,
        **args: Unpack[CaddyConfigArgs],
    ) -> None:
        # The engine does not ask the provider where --replace demands it.
        own = pulumi.ResourceOptions(delete_before_replace=True)
        props = {**dict.fromkeys(_COMPUTED), **args}
        super().__init__(CaddyConfigProvider(), resource_name, props, pulumi.ResourceOptions.merge(own, opts))


def _doors(apps: dict[str, Any], props: dict[str, Any]) -> Doors:
    url = f"https://{props['host']}:{int(props['port'])}"
    return other_doors(apps, url, props["upstream"], props["other_doors"], props["route_id"])


def _closing_or_allowing(doors: Sequence[str], allowed: int) -> str:
    """What to do about other doors. allowed: how many the settings allow already."""
    lines = [
        f"pulumi config set --path 'immich:otherDoors[{allowed + index}]' '{each}'" for index, each in enumerate(doors)
    ]
    return f"Take that site out of Caddy's own configuration, or allow it: {'; '.join(lines)}"


def doors_of(admin: str, url: str, upstream: str, allowed: Sequence[str], policy: RetryPolicy | None = None) -> Doors:
    """The other doors to Immich in the Caddy of that admin API, whoever put its site there."""
    return other_doors(Admin(admin, policy, "look at Caddy").apps(), url, upstream, allowed)


def serving(admin: str, url: str, policy: RetryPolicy | None = None) -> bool:
    """Whether the Caddy of that admin API has a route for a public address, whoever put it there."""
    parts = urlsplit(url)
    http = Admin(admin, policy, "look at Caddy").apps().get("http") or {}
    port = local_port(http, parts.port or 443)
    return bool(shadowing(http.get("servers") or {}, parts.hostname or "", port, ""))


def _kept(state: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: state[name] for name in names if name in state}


def _differ(olds: dict[str, Any], news: dict[str, Any], name: str) -> bool:
    return pulumi.contains_unknowns(news.get(name)) or olds.get(name) != news.get(name)


def _canonical(route: dict[str, Any]) -> str:
    return json.dumps(route, indent=1, sort_keys=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
