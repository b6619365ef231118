"""Routes: what a Caddy serves, as its configuration says (JSON); which of it is in our way."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers.caddy.errors import CaddyError

SERVERS = "/config/apps/http/servers"
"""Where the admin API has the HTTP servers."""


def routes_of(servers: dict[str, Any]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Every route as (server, index, route)."""
    for name, server in servers.items():
        for index, route in enumerate(server.get("routes") or []):
            yield name, index, route


def path_of(server: str, index: int) -> str:
    """Where the admin API has a route."""
    return f"{SERVERS}/{server}/routes/{index}"


def only_route(config: dict[str, Any]) -> dict[str, Any]:
    """The one route that a site adapts to, with its answers to errors inside."""
    servers = config.get("apps", {}).get("http", {}).get("servers", {})
    routes = [route for _, _, route in routes_of(servers)]
    if len(routes) != 1:
        raise CaddyError(f"the site adapts to {len(routes)} routes instead of one; please report it")
    errors = [each for server in servers.values() for each in server.get("errors", {}).get("routes", [])]
    if not errors:
        return dict(routes[0])
    # A server's answers to errors are shared by all of its sites; ours go into our own route.
    first, *others = routes[0]["handle"]
    return {**routes[0], "handle": [{**first, "errors": {"routes": errors}}, *others]}


def understood(caddyfile: str, route: Mapping[str, Any]) -> bool:
    """Whether a site means to Caddy what it should: up to 2.8 `match` is the name of a header."""
    return "match status" not in caddyfile or '"require"' in json.dumps(route)


def listens(server: Mapping[str, Any], port: int) -> bool:
    """Whether a server has the port among its addresses."""
    for address in server.get("listen") or []:
        first, _, last = str(address).rpartition(":")[2].partition("-")
        if first.isdecimal() and int(first) <= port <= int(last or first):
            return True
    return False


def local_port(http: Mapping[str, Any], port: int) -> int:
    """Where Caddy itself listens for what is public at port: what stands in front may pass one port on to another.

    http: the configuration of its HTTP app. Caddy has sites without a port at its `https_port`.
    """
    https = int(http.get("https_port") or 443)
    wanted = https if port == 443 else port
    ports = (wanted, https, port)
    servers = (http.get("servers") or {}).values()
    return next((each for each in ports if any(listens(server, each) for server in servers)), wanted)


def server_of(servers: dict[str, Any], port: int) -> str:
    """The name of the server that a site on port goes to. Raises CaddyError."""
    found = [name for name, server in servers.items() if listens(server, port)]
    everywhere = [name for name in found if f":{port}" in servers[name]["listen"]]
    if len(found) == 1 or len(everywhere) == 1:
        return (everywhere or found)[0]
    if found:
        raise CaddyError(
            f"cannot set up Caddy: its HTTP servers {', '.join(found)} share port {port} on different addresses, and "
            f"which of them the site goes to is not ours to guess. Let one listen on all of them (:{port})."
        )
    raise CaddyError(
        f"cannot set up Caddy: it has no HTTP server on port {port}. Give its own configuration a site on that port, "
        "such as the one of Authentik, or set https_port in its global options if it should listen on another one."
    )


def shadowing(servers: dict[str, Any], host: str, port: int, id_: str) -> str:
    """The route of somebody else's that serves host by its name, on port, in words, or nothing.

    A site for all hosts, or for *.example.org, is none: whatever has a site of its own goes before it. But one that
    tells our host from the others inside is.
    """
    for name, index, route in routes_of(servers):
        if route.get("@id") != id_ and listens(servers[name], port) and _names(route, host):
            return f"route {index} of server {name!r}"
    return ""


def in_front(servers: dict[str, Any], host: str, id_: str) -> str:
    """The route that stands before ours and takes requests for host away from it, in words, or nothing."""
    for name, server in servers.items():
        first = ""
        for index, route in enumerate(server.get("routes") or []):
            if route.get("@id") == id_:
                return first
            if not first and route.get("terminal") and _admits(route, host):
                first = f"route {index} of server {name!r}"
    return ""


def _names(route: dict[str, Any], host: str) -> bool:
    """Whether a route, or one inside it, is for host by its very name."""
    if any(host == pattern for matcher in route.get("match") or [] for pattern in hosts_of(matcher)):
        return True
    inside = (each for handler in route.get("handle") or [] for each in handler.get("routes") or [])
    return _admits(route, host) and any(_names(each, host) for each in inside)


def _admits(route: dict[str, Any], host: str) -> bool:
    """Whether requests for host may match a route, whatever else it asks of them."""
    matchers = route.get("match") or [{}]
    return any("host" not in matcher or any(_covers(each, host) for each in hosts_of(matcher)) for matcher in matchers)


def hosts_of(matcher: Mapping[str, Any]) -> list[str]:
    """The hosts, or patterns of them, of one matcher; none if it is for any."""
    return [str(each).lower() for each in matcher.get("host") or []]


def _covers(pattern: str, host: str) -> bool:
    """Whether host is what a pattern stands for; * stands for one whole label."""
    labels, wanted = pattern.split("."), host.split(".")
    return len(labels) == len(wanted) and all(a in ("*", b) for a, b in zip(labels, wanted, strict=True))
