"""No text makes a Caddyfile say more, or less, than was meant: asked of the real Caddy."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from providers.caddy.rules import web_origin
from providers.caddy.site import Site, render, render_file
from tests.unit.test_site import FULL, PLAIN

from .conftest import Adapt
from .test_site_adapted import only_route

SEPARATORS = "htps:/.@?#[]{}$*%`\"'\\ \t\n\r\0-_:0189aZüK\u2028"
TEXTS = st.text(max_size=12) | st.text(SEPARATORS, max_size=12)
NAMES = st.from_regex(r"[A-Za-z0-9][-A-Za-z0-9._]{0,20}", fullmatch=True)
PORTS = st.just("") | (st.sampled_from([80, 443]) | st.integers(-1, 70_000)).map(":{}".format)
URLS = st.one_of(
    TEXTS,
    TEXTS.map("https://{}".format),
    st.builds(
        "{}://{}{}".format, st.sampled_from(["https", "http", "HTTPS", "hTTp", "h2c", "unix"]), NAMES | TEXTS, PORTS
    ),
    st.builds("https://{}{}{}".format, NAMES, PORTS, st.text(SEPARATORS, max_size=2)),
    st.builds("http://[{}]{}".format, st.ip_addresses(v=6) | st.text("0123456789abcdef:.%", max_size=12), PORTS),
)


@settings(max_examples=300)
@given(url=URLS, immich=URLS, outpost=URLS)
def test_any_texts_are_refused_or_make_exactly_one_formatted_route_for_that_host(
    adapt: Adapt, url: str, immich: str, outpost: str
) -> None:
    # Two of three stay good, so that a text that is taken reaches Caddy.
    for changed in ({"url": url}, {"immich": immich}, {"outpost": outpost}):
        try:
            site = Site(**{**vars(PLAIN), **changed})
        except ValueError:
            continue
        answer = adapt(render(site))
        assert "warnings" not in answer
        route = only_route(answer)
        assert route["match"] == [{"host": [site.host]}]
        assert route["terminal"] is True
        (server,) = answer["result"]["apps"]["http"]["servers"].values()
        assert server["listen"] == [f":{site.port}"]


@given(url=URLS)
def test_what_is_taken_as_a_public_address_is_what_a_browser_would_call(url: str) -> None:
    assume(web_origin(url) is None)
    site = Site(account="phone", url=url, immich=PLAIN.immich, outpost=PLAIN.outpost)
    suffix = "" if site.port == 443 else f":{site.port}"
    assert url.lower() == f"https://{site.host}{suffix}"
    assert url.isascii()


ALL = replace(FULL, basic_networks=("10.0.0.0/8", "fd00::/8"), trusted_proxies=("10.0.0.0/8", "fd00::/8"))
LISTS = ("open_paths", "basic_networks", "trusted_proxies")
FILES = st.from_regex(r"(?:/[-A-Za-z0-9_.+@~]{1,8}){1,3}", fullmatch=True) | TEXTS.map("/etc/{}".format)
PATHS = st.from_regex(r"(?:/\.?[-A-Za-z0-9_.~]{1,8}){1,3}", fullmatch=True) | TEXTS.map("/api/{}".format)
NETWORKS = st.one_of(
    st.ip_addresses().map(str),
    st.builds("{}/{}".format, st.sampled_from(["192.0.0.0", "10.0.0.0", "::", "fd00::"]) | TEXTS, st.integers(-1, 130)),
    TEXTS.map("10.0.0.0/8{}".format),
)
ATTRIBUTES: dict[str, st.SearchStrategy[str]] = {
    "url": URLS,
    "immich": URLS,
    "outpost": URLS,
    "outpost_ca": FILES,
    "open_paths": PATHS,
    "shares": URLS,
    "basic_networks": NETWORKS,
    "trusted_proxies": NETWORKS,
    "written_by": st.from_regex(r"[-A-Za-z0-9_.]{1,9}/[-A-Za-z0-9_.]{1,9}", fullmatch=True) | TEXTS,
}


FRAGMENTS = [
    *(
        "\n",
        " ",
        "{",
        "}",
        "\n\trespond ok\n",
        " }\n\trespond ok\n",
        "`",
        '"',
        "'",
        "\\",
        "\\\n",
        "#",
        " #",
        "*",
        "/*",
        "@basic",
    ),
    *(
        ",",
        ";",
        "{$HOME}",
        "{env.HOME}",
        "{http.request.uri}",
        "import x",
        "<<X\n",
        "%2f",
        "//",
        "/../",
        "/.",
        "\0",
        "\u2028",
    ),
]


GOOD_SHAPES: dict[Site, Any] = {}


def shape(node: Any) -> Any:
    """A configuration of Caddy's without what may differ from site to site: every directive still shows."""
    if isinstance(node, dict):
        kept = {name: node[name] for name in ("handler", "provider", "filter", "parameter") if name in node}
        names = {"logger_names": [*map(shape, node["logger_names"].values())]} if "logger_names" in node else {}
        return {key: shape(value) for key, value in node.items()} | kept | names
    return [shape(each) for each in node] if isinstance(node, list) else type(node).__name__


@pytest.mark.parametrize("inside", [False, True], ids=["whole", "inside"])
@pytest.mark.parametrize("name", ATTRIBUTES)
@given(data=st.data())
def test_no_text_of_a_file_adds_a_directive_or_takes_one_away(
    adapt: Adapt, name: str, inside: bool, data: st.DataObject
) -> None:
    text, cut = data.draw(ATTRIBUTES[name]), data.draw(st.integers(0, 30))
    for fragment in ("", *FRAGMENTS):
        value = text[:cut] + fragment + text[cut:]
        if not value:
            continue  # nothing is another shape, and reviewed above
        good = replace(ALL, inside=inside)
        try:
            changed: dict[str, Any] = {name: (value, value) if name in LISTS else value}
            site = good if name == "written_by" else replace(good, **changed)
            file = render_file(site, value if name == "written_by" else "immich/prod")
        except ValueError:
            continue
        schemes = {each: getattr(site, each).partition("//")[0].lower() for each in ("immich", "shares")}
        upstreams: dict[str, Any] = {each: f"{scheme}//{each}.example.org" for each, scheme in schemes.items()}
        good = replace(good, **upstreams)  # over TLS is another shape, too
        if good not in GOOD_SHAPES:
            GOOD_SHAPES[good] = shape(adapt(whole(good, render_file(good, "immich/prod")))["result"])
        assert shape(adapt(whole(site, file))["result"]) == GOOD_SHAPES[good]


def whole(site: Site, file: str) -> str:
    """The file, in a site block where it is made for one."""
    return f"{site.url.lower()} {{\n{file}}}\n" if site.inside else file
