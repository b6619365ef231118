"""Other doors: what of a Caddy's configuration leads to Immich past the forward auth."""

from typing import Any

import pytest

from providers.caddy.doors import Doors, other_doors

URL, UPSTREAM = "https://photos.example.org", "http://localhost:2283"
HERE = ("photos.example.org",)


def proxy(dial: str = "localhost:2283", **more: Any) -> dict[str, Any]:
    return {"handler": "reverse_proxy", "upstreams": [{"dial": dial}], **more}


def route(*handle: Any, hosts: tuple[str, ...] = ("photos.lan",), **more: Any) -> dict[str, Any]:
    return {"match": [{"host": list(hosts)}], "handle": list(handle), **more}


OURS = route(proxy(), hosts=HERE)
REDIRECT = {"handler": "static_response", "status_code": 308, "headers": {"Location": ["https://{http.request.host}"]}}


def found(*routes: Any, listen: str = ":443", allowed: tuple[str, ...] = (), **server: Any) -> Doors:
    """The doors beside our own route, on a server of that address."""
    beside = list(routes) if listen == ":443" else []
    servers: dict[str, Any] = {"main": {"listen": [":443"], "routes": [OURS, *beside]}}
    if not beside:
        servers["other"] = {"listen": [listen], "routes": list(routes), **server}
    return other_doors({"http": {"servers": servers}}, URL, UPSTREAM, allowed)


@pytest.mark.parametrize(
    ("listen", "theirs", "door"),
    [
        (":80", route(proxy(), hosts=HERE), "photos.example.org:80"),
        (":80", route(proxy("other:1"), hosts=HERE), "photos.example.org:80"),
        (":80", route({"handler": "file_server"}, hosts=("PHOTOS.example.org",)), "photos.example.org:80"),
        (":8443", route(proxy(), hosts=HERE), "photos.example.org:8443"),
        (":443", route(proxy()), "photos.lan:443"),
        (":443", route(proxy("127.0.0.1:2283")), "photos.lan:443"),
        (":443", route(proxy("[::1]:2283")), "photos.lan:443"),
        (":443", route(proxy("tcp/LOCALHOST:2283")), "photos.lan:443"),
        (":443", {"handle": [proxy()]}, "*:443"),
        (":443", route({"handler": "subroute", "routes": [route(proxy(), hosts=("x.lan",))]}, hosts=("*.lan",)),
         "x.lan:443"),
        (":443", route({"handler": "subroute", "routes": [{"handle": [proxy()]}]}, hosts=("*.lan",)), "*.lan:443"),
        (":443", route(proxy("auth:9000", handle_response=[{"routes": [{"handle": [proxy()]}]}])), "photos.lan:443"),
        (":443", route({"handler": "subroute", "errors": {"routes": [{"handle": [proxy()]}]}}), "photos.lan:443"),
        ("0.0.0.0:8080", route(proxy()), "photos.lan:8080"),
        ("tcp/:8000-8010", route(proxy()), "photos.lan:8000-8010"),
    ],
)  # fmt: skip
def test_what_leads_to_immich_or_has_its_name_elsewhere_is_a_door(listen: str, theirs: Any, door: str) -> None:
    assert found(theirs, listen=listen) == Doors((door,))
    assert found(theirs, listen=listen, allowed=(door,)) == Doors()
    assert found(theirs, listen=listen, allowed=("another:1",)) == Doors((door,))


@pytest.mark.parametrize(
    ("listen", "theirs"),
    [
        (":80", route(REDIRECT, hosts=HERE)),
        (":80", route({**REDIRECT, "status_code": "301"}, hosts=HERE)),
        (":80", route({"handler": "static_response", "abort": True}, hosts=HERE)),
        (":80", route({"handler": "subroute", "routes": [{"handle": [REDIRECT]}]}, hosts=HERE)),
        (":443", route(proxy("localhost:2284"))),
        (":443", route(proxy("other:2283"))),
        (":80", route(proxy("other:1"), hosts=("*.example.org",))),
        ("127.0.0.1:8080", route(proxy())),
        ("[::1]:8080", route(proxy())),
        ("unix//run/caddy.sock", route(proxy())),
        (":443", route({"handler": "file_server"})),
        (":80", route({"handler": "static_response", "status_code": "{http.error.status_code}"}, hosts=HERE)),
    ],
)
def test_what_redirects_refuses_or_leads_elsewhere_is_none(listen: str, theirs: Any) -> None:
    assert found(theirs, listen=listen) == Doors()


def test_where_the_site_itself_is_reached_by_this_machine_only_a_door_beside_it_is_one_too() -> None:
    """As by a tunnel, which may lead to it as well."""
    main = {"listen": ["127.0.0.1:443"], "routes": [OURS]}
    servers = {"main": main, "other": {"listen": ["127.0.0.2:8080"], "routes": [route(proxy())]}}
    assert other_doors({"http": {"servers": servers}}, URL, UPSTREAM) == Doors(("photos.lan:8080",))


def test_a_route_that_also_matches_by_something_else_is_for_any_host_too() -> None:
    theirs = {"match": [{"path": ["/x/*"]}, {"host": ["photos.lan"]}], "handle": [proxy()]}
    assert found(theirs, listen=":8080") == Doors(("*:8080", "photos.lan:8080"))


def test_our_own_route_is_none_by_its_name_or_its_id() -> None:
    assert found() == Doors()
    marked = {"http": {"servers": {"main": {"listen": [":443"], "routes": [OURS | {"@id": "immich-prod"}]}}}}
    assert other_doors(marked, URL, UPSTREAM, id_="immich-prod") == Doors()
    beside = {"http": {"servers": {"main": {"listen": [":443"], "routes": [route(proxy()) | {"@id": "x"}]}}}}
    assert other_doors(beside, URL, UPSTREAM, id_="immich-prod") == Doors(("photos.lan:443",))


@pytest.mark.parametrize("named", ["named_routes", "errors"])
def test_a_route_that_others_use_counts_for_any_host(named: str) -> None:
    server: dict[str, Any] = {
        "named_routes": {"x": {"handle": [proxy()]}},
        "errors": {"routes": [{"handle": [proxy()]}]},
    }
    assert found(listen=":8080", **{named: server[named]}) == Doors(("*:8080",))


@pytest.mark.parametrize(
    ("theirs", "unread"),
    [
        (proxy("{env.BACKEND}"), "{env.BACKEND}"),
        (proxy("{http.vars.backend}:2283"), "{http.vars.backend}:2283"),
        ({"handler": "reverse_proxy", "dynamic_upstreams": {"source": "srv"}}, "dynamic"),
    ],
)
def test_an_upstream_that_only_caddy_knows_is_unchecked(theirs: Any, unread: str) -> None:
    (told,) = found(route(theirs)).unchecked
    assert told == f"a route of server main for photos.lan, whose upstream is {unread}"


def test_an_app_that_serves_by_rules_of_its_own_is_unchecked() -> None:
    assert other_doors({"layer4": {}, "tls": {}}, URL, UPSTREAM).unchecked == ("the app layer4",)
