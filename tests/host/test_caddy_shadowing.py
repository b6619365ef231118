"""Who serves our host: a site of somebody else's is never shadowed, and ours by none."""

from typing import Any

import pytest

from lab.processes import free_port

from .caddy import ROUTES, SERVERS, Caddy, declared, ours
from .engine import HostError, Resource

HERE = {"host": ["photos.example.org"]}
WILD = {"host": ["*.example.org"]}
ANSWER = {"handler": "static_response", "body": "theirs"}


@pytest.mark.parametrize("host", ["photos.example.org", "PHOTOS.example.org"])
def test_a_host_that_somebody_else_serves_is_refused_and_nothing_is_written(
    host: str, caddy: Caddy, site: Resource
) -> None:
    caddy.call("POST", ROUTES, {"match": [{"host": ["x.example.org", host]}]})
    before = caddy.text("/config/")
    with pytest.raises(HostError, match=r"photos.example.org is served already by route 1 of server 'main'") as caught:
        site.up(declared(caddy))
    assert str(caught.value).count("\n") == 1
    assert caddy.text("/config/") == before


@pytest.mark.parametrize(
    "match", [[], [{"host": ["*.example.org"]}], [{"path": ["/x/*"]}, {"host": ["*.example.org"]}]]
)
def test_a_site_that_tells_our_host_from_others_inside_is_refused(match: Any, caddy: Caddy, site: Resource) -> None:
    inside = {"handler": "subroute", "routes": [{"match": [HERE], "handle": [ANSWER]}]}
    caddy.call("POST", ROUTES, {"match": match, "handle": [{"handler": "subroute", "routes": [{"handle": [inside]}]}]})
    before = caddy.text("/config/")
    with pytest.raises(HostError, match=r"photos.example.org is served already by route 1 of server 'main'"):
        site.up(declared(caddy))
    assert caddy.text("/config/") == before


@pytest.mark.parametrize(
    "match",
    [[{"path": ["/*"]}], *([{"host": [host]}] for host in ("*.example.org", "*.*.org", "*")), [{"not": [HERE]}]],
)
def test_a_site_for_many_hosts_is_no_site_for_ours_and_stays_for_the_others(
    match: Any, caddy: Caddy, site: Resource
) -> None:
    theirs = {"match": match, "handle": [ANSWER], "terminal": True}
    caddy.call("POST", ROUTES, theirs)
    site.up(declared(caddy))
    assert ours(caddy) == [0]
    assert caddy.get(f"{ROUTES}/2") == theirs
    assert site.refresh()
    assert site.up(declared(caddy)) == "same"


@pytest.mark.parametrize("match", [[], [WILD], [{"path": ["/api/*"]}]])
def test_a_site_that_takes_our_requests_away_is_seen_and_ours_goes_first_again(
    match: Any, caddy: Caddy, site: Resource
) -> None:
    site.up(declared(caddy))
    caddy.call("PUT", f"{ROUTES}/0", {"match": match, "handle": [ANSWER], "terminal": True})
    assert ours(caddy) == [1]
    assert site.refresh()
    assert site.up(declared(caddy)) == "updated"
    assert ours(caddy) == [0]
    assert len(caddy.get(ROUTES)) == 3
    site.refresh()
    assert site.up(declared(caddy)) == "same"


def test_what_stands_before_ours_without_taking_its_requests_stays_there(caddy: Caddy, site: Resource) -> None:
    site.up(declared(caddy))
    caddy.call("PUT", f"{ROUTES}/0", {"handle": [{"handler": "headers"}]})
    caddy.call("PUT", f"{ROUTES}/0", {"match": [{"host": ["*.example.com"]}], "handle": [ANSWER], "terminal": True})
    assert site.refresh()
    assert site.up(declared(caddy)) == "same"
    assert ours(caddy) == [2]


PROXY = {"handler": "reverse_proxy", "upstreams": [{"dial": "localhost:2283"}]}


def opened(caddy: Caddy, match: Any) -> int:
    """The port of a server of theirs that leads to Immich."""
    port = free_port()
    server = {"listen": [f":{port}"], "automatic_https": {"disable": True}}
    caddy.call("PUT", f"{SERVERS}/plain", {**server, "routes": [{"match": match, "handle": [PROXY]}]})
    return port


@pytest.mark.parametrize("match", [[HERE], [{"host": ["photos.lan"]}], []])
def test_another_way_to_immich_is_refused_with_the_line_that_allows_it(
    match: Any, caddy: Caddy, site: Resource
) -> None:
    door = f"{match[0]['host'][0] if match else '*'}:{opened(caddy, match)}"
    before = caddy.text("/config/")
    with pytest.raises(HostError) as caught:
        site.up(declared(caddy))
    assert f"{door} leads to Immich, or serves photos.example.org, without the forward auth" in str(caught.value)
    assert f"pulumi config set --path 'immich:otherDoors[0]' '{door}'" in str(caught.value)
    assert caddy.text("/config/") == before
    assert site.up(declared(caddy, other_doors=[door])) == "created"


def test_another_way_to_immich_that_is_opened_later_is_drift_and_stops_the_next_run(
    caddy: Caddy, site: Resource
) -> None:
    site.up(declared(caddy))
    port = opened(caddy, [HERE])
    site.refresh()
    with pytest.raises(HostError, match=f"photos.example.org:{port} leads to Immich"):
        site.up(declared(caddy))
