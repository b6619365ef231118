"""The app of each era against a real Immich behind the site: LAB_IMMICH_URL, LAB_IMMICH_EMAIL, LAB_IMMICH_PASSWORD.

Without them there is none, and the stand-in's own tests remain. Only objects that are made here are removed again.
"""

import json
import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from urllib3.filepost import encode_multipart_formdata
from websockets.sync.client import connect

from providers.caddy.site import VERDICT_HEADER

from .site_world import GOOD, WRONG, World

URL, EMAIL, PASSWORD = (os.environ.get(f"LAB_IMMICH_{name}", "") for name in ("URL", "EMAIL", "PASSWORD"))
pytestmark = pytest.mark.skipif(not (URL and EMAIL and PASSWORD), reason="no real Immich is named")
ERAS = {
    "token header": ({"User-Agent": "Dart/3.8 (dart:io)"}, {"x-immich-user-token": "{}"}),
    "cookies": (
        {"User-Agent": "Immich_Android_2.6.0"},
        {"Cookie": "immich_access_token={}; immich_auth_type=password; immich_is_authenticated=true"},
    ),
}
# The smallest GIF there is; a comment makes each another file.
PICTURE = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xfe\x10"
END = b"\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"


@pytest.fixture(scope="module")
def site(world: World) -> World:
    world.serve(immich=URL)
    return world


@pytest.fixture(scope="module", params=ERAS)
def app(site: World, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The headers of an app that is logged in, without its custom one."""
    agent, session = ERAS[request.param]
    body = {"email": EMAIL, "password": PASSWORD}
    answer = json_of(site, "POST", "/api/auth/login", {**agent, **GOOD}, json.dumps(body).encode())
    sent = agent | {name: value.format(answer["accessToken"]) for name, value in session.items()}
    yield sent
    ask(site, "POST", "/api/auth/logout", sent | GOOD)


def ask(site: World, method: str, path: str, headers: dict[str, str], body: bytes = b"", kind: str = "") -> Any:
    connection = site.connect()
    try:
        connection.request(method, path, body or None, {"Content-Type": kind or "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def json_of(site: World, method: str, path: str, headers: dict[str, str], body: bytes = b"", kind: str = "") -> Any:
    status, _, data = ask(site, method, path, headers, body, kind)
    assert status in (200, 201, 204), data
    return json.loads(data or b"null")


def test_the_app_is_known_to_immich_and_a_refusal_keeps_its_session(site: World, app: dict[str, str]) -> None:
    assert json_of(site, "GET", "/api/users/me", app | GOOD)["email"] == EMAIL
    for header, mark in ((WRONG, "refused"), ({}, "header-missing")):
        status, headers, _ = ask(site, "GET", "/api/users/me", app | header)
        assert (status, headers[VERDICT_HEADER.lower()]) == (403, mark)
    assert json_of(site, "GET", "/api/users/me", app | GOOD)["email"] == EMAIL


def test_an_upload_arrives_as_it_was_sent(site: World, app: dict[str, str]) -> None:
    picture = PICTURE + secrets.token_bytes(16) + END
    fields = {"deviceAssetId": secrets.token_hex(4), "deviceId": "site-test"}
    fields |= dict.fromkeys(("fileCreatedAt", "fileModifiedAt"), "2026-01-01T00:00:00.000Z")
    body, kind = encode_multipart_formdata({**fields, "assetData": ("a.gif", picture, "image/gif")})
    made = json_of(site, "POST", "/api/assets", app | GOOD, body, kind)
    try:
        assert ask(site, "GET", f"/api/assets/{made['id']}/original", app | GOOD)[2] == picture
    finally:
        json_of(site, "DELETE", "/api/assets", app | GOOD, json.dumps({"ids": [made["id"]], "force": True}).encode())


def test_the_websocket_opens(site: World, app: dict[str, str]) -> None:
    url = f"wss://localhost:{site.port}/api/socket.io/?EIO=4&transport=websocket"
    with connect(url, ssl=site.tls, additional_headers=app | GOOD, proxy=None) as socket:
        assert str(socket.recv(timeout=20)).startswith("0{")
        socket.send("40")
        assert str(socket.recv(timeout=20)).startswith("40")


def test_immichs_own_refusal_passes_without_a_mark_and_ours_has_its_form(site: World) -> None:
    status, headers, data = ask(site, "GET", "/api/users/me", GOOD)
    assert (status, VERDICT_HEADER.lower() in headers) == (401, False)
    ours = json.loads(ask(site, "GET", "/api/users/me", WRONG)[2])
    assert ours.keys() <= json.loads(data).keys()
    assert {name: type(value) for name, value in ours.items()} == {name: type(json.loads(data)[name]) for name in ours}
