"""The Immich stand-in's live channel: socket.io, open only to who is logged in, and each hears only of their own."""

import base64
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from websockets.sync.client import ClientConnection, connect

from lab.immich import StandIn

DATES = {"fileCreatedAt": "2024-05-01T12:00:00.000Z", "fileModifiedAt": "2024-05-01T12:00:00.000Z"}
BASIC = "Basic " + base64.b64encode(b"phone:app-password").decode()


@pytest.fixture(scope="module")
def immich() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def token(immich: StandIn) -> str:
    return login(immich, immich.email, immich.password)


def login(immich: StandIn, email: str, password: str) -> str:
    answer = post(immich, "/auth/login", json={"email": email, "password": password})
    return str(answer["accessToken"])


def post(immich: StandIn, path: str, **how: Any) -> dict[str, Any]:
    answer = requests.post(f"{immich.url}/api{path}", timeout=10, **how)
    answer.raise_for_status()
    return dict(answer.json())


def upload(immich: StandIn, token: str) -> str:
    photo = {"assetData": ("a.jpg", os.urandom(100))}
    return str(post(immich, "/assets", files=photo, data=DATES, headers={"x-immich-user-token": token})["id"])


@contextmanager
def channel(immich: StandIn, headers: Mapping[str, str], query: str = "") -> Iterator[tuple[ClientConnection, str]]:
    """A websocket that spoke socket.io's opening words, and what the server said to them."""
    url = immich.url.replace("http://", "ws://") + f"/api/socket.io/?EIO=4&transport=websocket{query}"
    with connect(url, additional_headers=headers, open_timeout=10, close_timeout=1) as socket:
        assert str(socket.recv(timeout=10)).startswith("0{"), "the engine's own opening"
        socket.send("40")
        yield socket, str(socket.recv(timeout=10))


def event(socket: ClientConnection) -> tuple[str, Any]:
    message = str(socket.recv(timeout=10))
    assert message.startswith("42"), message
    name, value = json.loads(message[2:])
    return name, value


@pytest.mark.parametrize(
    "way", ["x-immich-user-token", "x-immich-session-token", "Bearer", "cookie", "sessionKey", "x-api-key"]
)
def test_the_channel_opens_by(immich: StandIn, token: str, way: str) -> None:
    session = {"x-immich-user-token": token}
    key = post(immich, "/api-keys", json={"permissions": ["all"]}, headers=session)["secret"]
    headers = {
        "Bearer": {"Authorization": f"Bearer {token}"},
        "cookie": {"Cookie": f"immich_access_token={token}", "Authorization": BASIC},
        "sessionKey": {},
        "x-api-key": {"x-api-key": key, "Authorization": BASIC},
    }.get(way, {way: token, "Authorization": BASIC})
    with channel(immich, headers, f"&sessionKey={token}" if way == "sessionKey" else "") as (socket, said):
        assert said.startswith('40{"sid":')
        assert event(socket) == ("on_server_version", {"major": 3, "minor": 2, "patch": 2, "prerelease": None})


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": BASIC}, {"x-immich-user-token": "wrong"}, {"x-api-key": "wrong"}],
    ids=["nothing", "Basic", "wrong token", "wrong key"],
)
def test_the_channel_stays_shut_for(immich: StandIn, headers: dict[str, str]) -> None:
    with channel(immich, headers) as (_, said):
        assert said == '44{"message":"unauthorized"}'


def test_an_upload_is_told_to_its_owner_and_to_nobody_else(immich: StandIn, token: str) -> None:
    person = {"email": f"{uuid.uuid4()}@lab.test", "password": "other", "name": "Other"}
    post(immich, "/admin/users", json=person, headers={"x-immich-user-token": token})
    other = login(immich, person["email"], "other")
    with (
        channel(immich, {"x-immich-user-token": token}) as (mine, _),
        channel(immich, {"x-immich-user-token": other}) as (theirs, _),
    ):
        for socket in (mine, theirs):
            assert event(socket)[0] == "on_server_version"
        my_photo, their_photo = upload(immich, token), upload(immich, other)
        # the first that each hears is their own: the other one was not sent to them
        for socket, photo in ((mine, my_photo), (theirs, their_photo)):
            name, asset = event(socket)
            assert (name, asset["id"]) == ("on_upload_success", photo)


class Polling:
    """The same words over plain requests, for a network that lets no websocket through."""

    def __init__(self, immich: StandIn, headers: dict[str, str]) -> None:
        self._url = f"{immich.url}/api/socket.io/?EIO=4&transport=polling"
        self._headers = headers
        self._url += "&sid=" + json.loads(self.hear()[1:])["sid"]
        answer = requests.post(self._url, data="40", headers=headers, timeout=10)
        assert answer.text == "OK"

    def hear(self) -> str:
        """What came since; several messages are put in one answer."""
        return requests.get(self._url, headers=self._headers, timeout=10).text


def test_a_client_without_websockets_polls(immich: StandIn, token: str) -> None:
    client = Polling(immich, {"x-immich-user-token": token})
    heard = client.hear()
    assert heard.startswith('40{"sid":')
    while "on_server_version" not in heard:
        heard = client.hear()
    photo = upload(immich, token)
    told = client.hear()
    assert told.startswith('42["on_upload_success"')
    assert photo in told


def test_a_polling_client_without_a_login_is_refused(immich: StandIn) -> None:
    assert Polling(immich, {"Authorization": BASIC}).hear().startswith('44{"message":"unauthorized"}')
