"""The Caddy site: what it takes, and its text."""

from dataclasses import replace
from pathlib import Path

import pytest

from providers.caddy.site import Site, render, render_file

GOLDEN = Path(__file__).parent / "golden"
PLAIN = Site(
    account="immich-mobile-service",
    url="https://photos.example.org",
    immich="http://localhost:2283",
    outpost="http://authentik:9000",
)
TLS = Site(
    account="immich-mobile-service",
    url="https://photos.example.org:8443",
    immich="https://immich.lan",
    outpost="https://auth.example.org",
)
FULL = replace(
    TLS,
    outpost_ca="/etc/caddy/outpost-ca.pem",
    open_paths=("/api/oauth/mobile-redirect", "/.well-known/immich"),
    shares="http://shares:3000",
    basic_networks=("192.168.0.0/16", "fd00::/8"),
    trusted_proxies=("private_ranges",),
)
RENDERED = {
    "plain": render(PLAIN),
    "tls": render(TLS),
    "full": render(FULL),
    "file": render_file(PLAIN, "immich/prod"),
    "full-file": render_file(FULL, "immich/prod"),
    "inside": render_file(replace(PLAIN, inside=True, access_log=False), "immich/prod"),
    "handle": render_file(replace(FULL, in_handle=True, immich_ca="/etc/caddy/immich-ca.pem"), "immich/prod"),
}


@pytest.mark.parametrize("name", RENDERED)
def test_the_site_is_the_one_that_was_reviewed(name: str) -> None:
    assert RENDERED[name] == (GOLDEN / f"{name}.Caddyfile").read_text()


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://photos.example.org", "photos.example.org", 443),
        ("https://Photos.Example.org:8443", "photos.example.org", 8443),
        ("https://10.0.0.2", "10.0.0.2", 443),
        ("https://localhost", "localhost", 443),
    ],
)
def test_host_and_port_are_the_public_addresss(url: str, host: str, port: int) -> None:
    site = Site(account="phone", url=url, immich=PLAIN.immich, outpost=PLAIN.outpost)
    assert (site.host, site.port) == (host, port)


@pytest.mark.parametrize(("name", "value"), [("url", "http://x"), ("immich", "x"), ("outpost", "http://x/y")])
def test_a_site_names_the_attribute_that_is_wrong(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: expected http"):
        Site(**{**vars(PLAIN), name: value})


@pytest.mark.parametrize("shares", ["http://localhost:2283", "http://LOCALHOST:2283", "http://authentik:9000"])
def test_share_links_go_neither_to_immich_nor_to_the_outpost_itself(shares: str) -> None:
    with pytest.raises(ValueError, match=r"^shares: expected a server of its own"):
        replace(PLAIN, shares=shares)
