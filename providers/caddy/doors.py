"""Doors: the other ways to Immich that a Caddy's configuration (JSON) opens, past the forward auth. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from providers.caddy.routes import hosts_of, listens, local_port
from providers.caddy.rules import origin

# What passes a request on, or answers with nothing of anybody's.
_PASSING = {
    *("subroute", "headers", "vars", "rewrite", "encode", "map", "log_append", "request_body"),
    *("error", "static_response"),
}
_READ = {"http", "tls", "pki", "events"}
"""The apps that are looked into, or serve no requests."""


@dataclass(frozen=True)
class Doors:
    """found: addresses, host:port, * for any host; unchecked: what could not be looked at, in words."""

    found: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def other_doors(apps: Mapping[str, Any], url: str, upstream: str, allowed: Iterable[str] = (), id_: str = "") -> Doors:
    """The other doors of a configuration's apps.

    url: Immich's public address, whose own route is none of them; nor is the one with the @id id_. upstream: where
    Caddy reaches Immich. allowed: addresses that may be there.

    A door is what leads to upstream, or to anything for the public name at another port. A redirect, a text, and
    what only this machine can reach are none, unless the site itself is reached by this machine only, as by a tunnel.
    """
    host, port = origin(url)
    found: dict[str, None] = {}
    unchecked = {f"the app {name}": None for name in apps if name not in _READ}
    http = apps.get("http") or {}
    servers, port = http.get("servers", {}), local_port(http, port)
    ours = [address for server in servers.values() if listens(server, port) for address in server["listen"]]
    near = bool(ours) and all(map(_is_here, ours))
    for name, server in servers.items():
        ours_here = listens(server, port)
        routes = [*(server.get("routes") or []), *_named_routes(server)]
        for route in (each for each in routes if each.get("@id") != id_ or not id_):
            for way in _ways(route, ("*",), upstream):
                hosts = [each for each in way.hosts if not (ours_here and each == host)]
                if way.unread and hosts:
                    unchecked[f"a route of server {name} for {', '.join(hosts)}, whose upstream is {way.unread}"] = None
                doors = hosts if way.to_immich else [each for each in hosts if each == host]
                found |= {f"{each}:{where}": None for each in doors for where in _ports(server, near=near)}
    return Doors(tuple(each for each in found if each not in set(allowed)), tuple(unchecked))


@dataclass(frozen=True)
class _Way:
    """One handler that answers. unread: its upstream, where only Caddy knows what that is."""

    hosts: tuple[str, ...]
    to_immich: bool
    unread: str = ""


def _ways(route: Mapping[str, Any], hosts: tuple[str, ...], upstream: str) -> Iterator[_Way]:
    matchers = route.get("match") or [{}]
    hosts = tuple(dict.fromkeys(each for matcher in matchers for each in hosts_of(matcher) or hosts))
    for handler in route.get("handle") or []:
        kind = handler.get("handler")
        if kind == "reverse_proxy":
            yield from _proxied(handler, hosts, upstream)
        elif kind not in _PASSING:
            yield _Way(hosts, to_immich=False)
        for inside in _routes_in(handler):
            yield from _ways(inside, hosts, upstream)


def _proxied(handler: Mapping[str, Any], hosts: tuple[str, ...], upstream: str) -> Iterator[_Way]:
    dials = [str(each.get("dial") or "") for each in handler.get("upstreams") or []]
    unread = next((each for each in dials if "{" in each), "dynamic" if "dynamic_upstreams" in handler else "")
    yield _Way(hosts, any(_same(each, upstream) for each in dials), unread)


def _routes_in(handler: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from handler.get("routes") or []
    yield from (handler.get("errors") or {}).get("routes") or []
    for response in handler.get("handle_response") or []:
        yield from response.get("routes") or []


def _named_routes(server: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Routes of a server that others invoke, or that answer its errors: for any host, as far as can be told."""
    yield from (server.get("named_routes") or {}).values()
    yield from (server.get("errors") or {}).get("routes") or []


def _same(dial: str, upstream: str) -> bool:
    wanted, wanted_port = origin(upstream)
    host, _, port = dial.lower().removeprefix("tcp/").rpartition(":")
    return port == str(wanted_port) and _plain(host) == _plain(wanted)


def _plain(host: str) -> str:
    bare = host.strip("[]")
    try:
        return "localhost" if ip_address(bare).is_loopback else bare
    except ValueError:
        return bare


def _ports(server: Mapping[str, Any], *, near: bool) -> Iterator[str]:
    """The ports, or ranges of them, at which a server can be reached. near: whether from this machine is enough."""
    for address in server.get("listen") or []:
        if near or not _is_here(address):
            yield str(address).rpartition(":")[2]


def _is_here(address: str) -> bool:
    """Whether only this machine reaches an address at which a server listens."""
    return address.startswith("unix") or _plain(address.rpartition(":")[0].rpartition("/")[2]) == "localhost"
