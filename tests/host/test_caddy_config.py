"""Our site in a real Caddy, through the real host: our own route and nothing else."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lab.processes import free_port
from providers.caddy.config import CaddyConfigProvider

from .caddy import ROUTES, SERVERS, Caddy, declared, ours
from .engine import UNKNOWN, Host, HostError, Resource


def test_the_route_goes_first_and_the_others_stay_byte_for_byte(caddy: Caddy, site: Resource) -> None:
    before = caddy.text(f"{ROUTES}/0")
    assert site.up(declared(caddy)) == "created"
    assert site.id == "immich-test"
    assert ours(caddy) == [0]
    assert caddy.text(f"{ROUTES}/1") == before
    assert caddy.get(f"{ROUTES}/0/match") == [{"host": ["photos.example.org"]}]


def test_what_was_delivered_is_same_at_once_and_after_a_refresh(caddy: Caddy, site: Resource) -> None:
    bag = declared(caddy)
    site.up(bag)
    assert site.up(bag) == "same"
    assert site.refresh()
    assert site.up(bag) == "same"


def test_deleting_leaves_the_configuration_as_it_was(caddy: Caddy, site: Resource) -> None:
    before = caddy.text("/config/")
    site.up(declared(caddy))
    site.delete()
    assert caddy.text("/config/") == before
    site.delete()
    assert not site.refresh()


@pytest.mark.parametrize("routes", [None, []])
def test_a_server_without_routes_of_its_own_gets_ours(routes: Any, caddy: Caddy, site: Resource) -> None:
    server = {"listen": [f":{caddy.port}"], "automatic_https": {"disable": True}}
    caddy.call("PATCH", f"{SERVERS}/main", server | ({} if routes is None else {"routes": routes}))
    site.up(declared(caddy))
    assert ours(caddy) == [0]
    site.delete()
    assert not caddy.get(f"{SERVERS}/main").get("routes")


def test_a_change_is_made_in_its_place(caddy: Caddy, site: Resource) -> None:
    site.up(declared(caddy))
    caddy.call("PUT", f"{ROUTES}/0", {"match": [{"host": ["first.example.org"]}]})
    assert site.up(declared(caddy, immich="http://127.0.0.1:2284")) == "updated"
    assert ours(caddy) == [1]
    assert "127.0.0.1:2284" in caddy.text(f"{ROUTES}/1")
    assert "127.0.0.1:2283" not in caddy.text()


def test_delivering_the_same_again_writes_nothing(caddy: Caddy, caddy_host: Host, site: Resource) -> None:
    site.up(declared(caddy))
    before = caddy.text("/config/")
    again = Resource(caddy_host, CaddyConfigProvider)
    again.up(declared(caddy))
    assert caddy.text("/config/") == before


def test_a_route_that_was_edited_is_seen_and_mended(caddy: Caddy, site: Resource) -> None:
    site.up(declared(caddy))
    good = caddy.get(f"{ROUTES}/0")
    caddy.call("PATCH", f"{ROUTES}/0/handle", [{"handler": "static_response", "body": "open to all"}])
    assert site.refresh()
    assert site.up(declared(caddy)) == "updated"
    assert caddy.get(f"{ROUTES}/0") == good
    site.refresh()
    assert site.up(declared(caddy)) == "same"


def test_a_route_that_was_removed_is_gone_and_made_again(caddy: Caddy, site: Resource) -> None:
    site.up(declared(caddy))
    caddy.call("DELETE", f"{ROUTES}/0", None)
    assert not site.refresh()
    assert site.up(declared(caddy)) == "created"
    assert ours(caddy) == [0]


def test_a_server_that_went_away_takes_the_route_with_it(caddy: Caddy, site: Resource) -> None:
    site.up(declared(caddy))
    caddy.call("DELETE", "/config/apps/http", None)
    site.delete()
    assert not site.refresh()


def test_the_same_host_on_another_port_is_somebody_elses_business(caddy: Caddy, site: Resource) -> None:
    other = {"listen": [":1"], "routes": [{"match": [{"host": ["photos.example.org"]}]}]}
    caddy.call("PUT", f"{SERVERS}/other", {**other, "listen": [f"127.0.0.1:{free_port()}"]})
    site.up(declared(caddy))
    assert ours(caddy) == [0]


def test_a_route_moves_with_its_port_and_is_never_there_twice(caddy: Caddy, site: Resource) -> None:
    site.up(declared(caddy))
    port = free_port()
    caddy.call("PUT", f"{SERVERS}/other", {"listen": [f":{port}"], "automatic_https": {"disable": True}})
    assert site.up(declared(caddy, port=port)) == "updated"
    assert ours(caddy) == []
    assert ours(caddy, "other") == [0]


def test_a_port_that_nothing_listens_on_is_told(caddy: Caddy, site: Resource) -> None:
    with pytest.raises(HostError, match=r"no HTTP server on port 444. Give its own configuration a site on that port"):
        site.up(declared(caddy, port=444))


@pytest.mark.parametrize("public", [443, 8443])
def test_where_caddy_listens_on_another_port_than_the_public_one_the_route_goes_there(
    public: int, caddy: Caddy, site: Resource
) -> None:
    caddy.call("PUT", "/config/apps/http/https_port", caddy.port)
    bag = declared(caddy, port=public)
    assert site.up(bag) == "created"
    assert ours(caddy) == [0]
    assert site.refresh()
    assert site.up(bag) == "same"
    theirs = {"match": [{"host": ["photos.example.org"]}], "handle": [{"handler": "static_response"}]}
    caddy.add(ROUTES, theirs)
    site.refresh()
    with pytest.raises(HostError, match=r"photos.example.org is served already by route 2 of server 'main'"):
        site.up(bag)


def test_a_caddy_without_any_http_server_is_told_as_that(caddy: Caddy, site: Resource) -> None:
    caddy.call("DELETE", "/config/apps/http", None)
    with pytest.raises(HostError, match=rf"no HTTP server on port {caddy.port}"):
        site.up(declared(caddy))


def test_a_site_that_caddy_does_not_take_is_told_in_its_words(caddy: Caddy, site: Resource) -> None:
    with pytest.raises(HostError, match=r"POST /adapt answered 400: .*unrecognized directive: nonsense"):
        site.up(declared(caddy, caddyfile="photos.example.org {\n\tnonsense\n}\n"))


@pytest.mark.parametrize("text", ["", "{\n\tdebug\n}\n", "a.org {\n\trespond 1\n}\nb.org {\n\trespond 2\n}\n"])
def test_a_site_that_is_not_one_route_is_refused_and_nothing_is_written(
    text: str, caddy: Caddy, site: Resource
) -> None:
    before = caddy.text("/config/")
    with pytest.raises(HostError, match=r"instead of one|adapter: EOF") as caught:
        site.create_unchecked(declared(caddy, caddyfile=text))
    assert "a defect of this program" not in str(caught.value)
    assert caddy.text("/config/") == before


def test_another_name_or_another_caddy_replaces_the_route_old_first(caddy: Caddy, site: Resource) -> None:
    site.up(declared(caddy))
    assert site.diff(declared(caddy, route_id="other")) == (True, ["route_id"], True)
    assert site.diff(declared(caddy, admin="http://127.0.0.1:1")) == (True, ["admin"], True)
    assert site.up(declared(caddy, route_id="other")) == "replaced"
    assert ours(caddy) == []
    assert caddy.get(f"{ROUTES}/0")["@id"] == "other"


def test_two_who_write_at_once_lose_nothing(caddy: Caddy, caddy_host: Host) -> None:
    rounds = 20
    sites = [Resource(caddy_host, CaddyConfigProvider) for _ in range(2)]
    barrier = threading.Barrier(3, timeout=60)

    def we(number: int) -> None:
        for each in range(rounds):
            barrier.wait()
            bag = declared(
                caddy, f"photos-{number}.example.org", immich=f"http://127.0.0.1:{3000 + 100 * number + each}"
            )
            sites[number].up(bag | {"route_id": f"ours-{number}"})

    def they() -> None:
        for each in range(rounds):
            barrier.wait()
            caddy.add(ROUTES, {"match": [{"host": [f"theirs-{each}.example.org"]}]})

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(we, 0), pool.submit(we, 1), pool.submit(they)]:
            done.result()
    text = json.dumps(caddy.get(ROUTES))
    assert sorted(route.get("@id", "") for route in caddy.get(ROUTES))[-2:] == ["ours-0", "ours-1"]
    assert all(f'"theirs-{each}.example.org"' in text for each in range(rounds))
    assert [text.count(f"127.0.0.1:{3000 + 100 * number + rounds - 1}") for number in range(2)] == [1, 1]
    assert len(caddy.get(ROUTES)) == rounds + 3


def test_a_preview_asks_caddy_nothing_and_takes_what_is_not_known_yet(caddy_host: Host) -> None:
    site = Resource(caddy_host, CaddyConfigProvider)
    bag = {"admin": "http://127.0.0.1:1", "route_id": "x", "host": UNKNOWN, "port": 443, "caddyfile": UNKNOWN}
    bag |= {"upstream": UNKNOWN, "other_doors": []}
    assert site.check(bag) == (bag, {})
    site.id, site.outs = "x", {**bag, "host": "photos.example.org", "caddyfile": "x", "route": "{}"}
    assert site.diff(bag)[0]


def test_what_is_missing_is_told_by_property(caddy_host: Host) -> None:
    _, failures = Resource(caddy_host, CaddyConfigProvider).check({"port": 443.0})
    missing = ("admin", "route_id", "host", "caddyfile", "upstream", "other_doors")
    assert failures == {name: f"{name}: is missing" for name in missing}
