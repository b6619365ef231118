"""Every request of the Immich app that passes the site, replayed through the real Caddy: what the app is answered.

app/requests.jsonl was read from the app's source; app/answers.json is the table of answers.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from providers.caddy.site import VERDICT_HEADER

from .site_world import GOOD, LOGIN, SESSION, WRONG, World

APP = Path(__file__).parent / "app"
REQUESTS: list[dict[str, Any]] = [json.loads(line) for line in (APP / "requests.jsonl").read_text().splitlines()]
PASSING = [each for each in REQUESTS if each["path"].startswith("/")]
ANSWERS: dict[str, dict[str, str]] = json.loads((APP / "answers.json").read_text())
HEADERS: dict[str, dict[str, str]] = {"good": GOOD, "wrong": WRONG, "none": {}}
COOKIES = "immich_access_token=t; immich_auth_type=password; immich_is_authenticated=true"
ERAS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "token": ({"x-immich-user-token": "t"}, {"User-Agent": "Dart/3.8 (dart:io)"}),
    "cookies": ({"Cookie": COOKIES}, {"User-Agent": "Immich_Android_2.6.0"}),
}
SAFARI_12 = "Mozilla/5.0 (iPhone; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 Version/12.1 Safari/604.1"
CHROMECAST = "Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 Chrome/90.0 Safari/537.36 CrKey/1.56"


def sent_by(request: Mapping[str, Any], era: str) -> dict[str, str]:
    """The headers that the app of that era sends, but for its custom ones."""
    login, agent = ERAS[era]
    sent: dict[str, str] = {}
    for name, _, value in (each.partition(": ") for each in request["headers"]):
        if name == "User-Agent":
            sent |= {"User-Agent": value.split(" (")[0].replace("…", "x")} if value else agent
        elif name == "browser's own":
            sent["User-Agent"] = SAFARI_12
        elif name == "Chromecast's own":
            sent["User-Agent"] = CHROMECAST
        elif "x-immich-user-token" in name or name.startswith("Cookie"):
            sent |= login
        elif value and name not in ("Connection", "Upgrade"):
            sent[name] = value.replace("…", "x")
    # A request whose row has no user agent is one of a player or downloader: it says nothing that tells it.
    return {"User-Agent": ""} | sent


def is_apps(request: Mapping[str, Any]) -> bool:
    return not {"browser's own", "Chromecast's own"} & set(request["headers"])


def key(request: Mapping[str, Any]) -> str:
    return f"{request['feature']} | {request['method']} {request['path']}"


def answered(world: World, request: Mapping[str, Any], *headers: dict[str, str]) -> str:
    """Who answered: Immich, or the site by its mark."""
    path = request["path"].translate(str.maketrans({"{": "", "}": "", "…": "x"}))
    answer = world.ask(path, *headers, method=request["method"])
    mark = answer.headers.get(VERDICT_HEADER.lower(), "Immich")
    assert (mark == "Immich") == (answer.status == 200)
    if mark in ("refused", "header-missing"):
        assert (answer.status, answer.error["statusCode"], answer.error["error"]) == (403, 403, "Forbidden")
        assert answer.headers["cache-control"] == "no-store"
        assert "www-authenticate" not in answer.headers
        assert "Authorization" in answer.error["message"]
        assert "location" not in answer.headers
    if mark == "login":
        assert (answer.status, answer.headers["location"]) == (302, LOGIN)
    return f"{answer.status} {mark}"


def test_the_table_has_each_request_that_passes_the_site() -> None:
    assert set(ANSWERS) == set(map(key, PASSING))


@pytest.mark.parametrize("era", ERAS)
def test_each_request_of_the_app_gets_the_answer_of_the_table_and_never_a_redirect(era: str, world: World) -> None:
    world.serve()
    for request in PASSING:
        got = {name: answered(world, request, sent_by(request, era), header) for name, header in HEADERS.items()}
        assert got == ANSWERS[key(request)], key(request)
        if is_apps(request):
            assert not [each for each in got.values() if each.startswith("3")]


@pytest.mark.parametrize("path", ["/api/server/ping", "/api/users/me", "/.well-known/immich", "/", "/photos"])
@pytest.mark.parametrize("mode", [{}, {"Sec-Fetch-Mode": "cors"}], ids=["old Safari", "today's"])
def test_a_browser_without_a_session_gets_the_login_page(mode: dict[str, str], path: str, world: World) -> None:
    world.serve()
    answer = world.ask(path, {"User-Agent": SAFARI_12}, mode)
    assert (answer.status, answer.headers[VERDICT_HEADER.lower()], answer.headers["location"]) == (302, "login", LOGIN)


def test_a_valid_session_passes_whatever_its_user_agent(world: World) -> None:
    world.serve()
    for agent in ("Immich_Android_2.6.0", "Dalvik/2.1.0", "Dart/3.8 (dart:io)", ""):
        answer = world.ask("/api/users/me", {"User-Agent": agent}, SESSION)
        assert answer.status == 200
        assert VERDICT_HEADER.lower() not in answer.headers
