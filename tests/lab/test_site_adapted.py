"""The Caddy site: what the real Caddy makes of it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from providers.caddy.rules import upstream_url
from providers.caddy.site import Site, render
from tests.unit.test_site import PLAIN, RENDERED

from .conftest import Adapt


@pytest.mark.parametrize("name", [name for name in RENDERED if name not in ("inside", "handle")])
def test_caddy_adapts_it_without_a_warning(name: str, adapt: Adapt) -> None:
    assert "warnings" not in adapt(RENDERED[name])


@pytest.mark.parametrize("name", RENDERED)
def test_caddy_fmt_changes_nothing(name: str, caddy: Path, tmp_path: Path) -> None:
    (tmp_path / "Caddyfile").write_text(RENDERED[name])
    answer = subprocess.run([caddy, "fmt"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.stdout == RENDERED[name]


@pytest.mark.parametrize(
    "upstream",
    ["http://localhost", "http://10.0.0.2:2283", "https://[::1]:9443", "http://immich_server:2283", "HTTPS://Auth.lan"],
)
def test_an_upstream_is_taken_and_caddy_takes_it_too(upstream: str, adapt: Adapt) -> None:
    assert upstream_url(upstream) is None
    site = Site(account="phone", url=PLAIN.url, immich=upstream, outpost=upstream)
    assert only_route(adapt(render(site)))
    to_immich = list(handlers(only_route(adapt(render(site)))))[-1]
    named = "Host" in to_immich["headers"]["request"].get("set", {})
    assert named == upstream.lower().startswith("https:")


def test_a_basic_header_never_reaches_immich_nor_earns_a_session(adapt: Adapt) -> None:
    steps = list(handlers(only_route(adapt(render(PLAIN)))))
    removed = [step["request"]["delete"] for step in steps if step["handler"] == "headers" and "request" in step]
    assert ["*Authentik*"] in removed
    assert removed.count(["Authorization"]) == 1  # after a good answer


def test_no_cookie_of_the_forward_auth_answer_reaches_a_phone(adapt: Adapt) -> None:
    asked = [
        step
        for step in handlers(only_route(adapt(render(PLAIN))))
        if step.get("rewrite", {}).get("uri", "").endswith("/auth/caddy")
    ]
    assert len(asked) == 2
    for step in asked:
        assert all("copy_response_headers" not in json.dumps(case) for case in step["handle_response"])


def test_nothing_between_caddy_and_immich_is_buffered_or_ends_after_a_time(adapt: Adapt) -> None:
    to_immich = [step for step in handlers(only_route(adapt(render(PLAIN)))) if step["handler"] == "reverse_proxy"][-1]
    assert to_immich["upstreams"] == [{"dial": "localhost:2283"}]
    assert set(to_immich) == {"handler", "upstreams", "headers", "stream_close_delay"}


def test_the_first_matcher_takes_basic_in_any_case(adapt: Adapt) -> None:
    text = json.dumps(only_route(adapt(render(PLAIN))))
    assert json.dumps(r"(?i)^\s*basic(\s|$)") in text


def only_route(answer: dict[str, Any]) -> dict[str, Any]:
    (server,) = answer["result"]["apps"]["http"]["servers"].values()
    (route,) = server["routes"]
    assert set(answer["result"]["apps"]) == {"http"}
    return dict(route)


def handlers(node: Any) -> Iterator[dict[str, Any]]:
    """Every handler in a route, in order."""
    if isinstance(node, dict):
        if "handler" in node:
            yield node
        for each in node.values():
            yield from handlers(each)
    elif isinstance(node, list):
        for each in node:
            yield from handlers(each)
