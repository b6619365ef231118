"""The Immich stand-in keeps photos: what was uploaded comes back, whole or in ranges, and only to its owner."""

import base64
import hashlib
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from lab.immich import StandIn

DATES = {"fileCreatedAt": "2024-05-01T12:00:00.000Z", "fileModifiedAt": "2024-05-01T14:00:00+02:00"}
PHONE = {"deviceAssetId": "IMG_0001", "deviceId": "phone"}


class Person:
    """Somebody who is logged in."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self._url = url
        self._session = requests.Session()
        answer = self.ask("POST", "/auth/login", json={"email": email, "password": password})
        self._session.cookies.clear()
        self._session.headers["x-immich-user-token"] = answer.json()["accessToken"]

    def ask(self, method: str, path: str, **how: Any) -> requests.Response:
        return self._session.request(method, f"{self._url}/api{path}", timeout=10, **how)

    def upload(self, data: bytes, name: str = "IMG_0001.jpg", **headers: str) -> requests.Response:
        return self.ask("POST", "/assets", files={"assetData": (name, data)}, data=DATES | PHONE, headers=headers)


@pytest.fixture(scope="module")
def immich() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def owner(immich: StandIn) -> Person:
    return Person(immich.url, immich.email, immich.password)


@pytest.fixture
def other(immich: StandIn, owner: Person) -> Person:
    """A fresh account, with nothing uploaded."""
    body = {"email": f"{uuid.uuid4()}@lab.test", "password": "other", "name": "Other"}
    assert owner.ask("POST", "/admin/users", json=body).status_code == 201
    return Person(immich.url, body["email"], "other")


def sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def test_an_upload_is_created_and_told_back_with_its_checksum(owner: Person) -> None:
    data = os.urandom(200_000)
    answer = owner.upload(data, "Ferien am Meer.HEIC")
    assert (answer.status_code, answer.json()["status"]) == (201, "created")
    asset = owner.ask("GET", f"/assets/{answer.json()['id']}").json()
    expected = {
        "checksum": base64.b64encode(sha1(data)).decode(),
        "type": "IMAGE",
        "originalFileName": "Ferien am Meer.HEIC",
        "originalMimeType": "image/heic",
        "fileCreatedAt": "2024-05-01T12:00:00.000Z",
        "fileModifiedAt": "2024-05-01T12:00:00.000Z",
    }
    assert asset.items() >= expected.items()


def test_the_same_bytes_again_are_a_duplicate(owner: Person) -> None:
    data = os.urandom(1000)
    first = owner.upload(data).json()["id"]
    again = owner.upload(data, "another name.jpg")
    assert (again.status_code, again.json()) == (200, {"id": first, "status": "duplicate"})


@pytest.mark.parametrize("encode", [bytes.hex, lambda raw: base64.b64encode(raw).decode()], ids=["hex", "base64"])
def test_a_checksum_told_beforehand_tells_a_duplicate(owner: Person, encode: Any) -> None:
    data = os.urandom(1000)
    first = owner.upload(data).json()["id"]
    answer = owner.upload(b"dropped unseen", **{"x-immich-checksum": encode(sha1(data))})
    assert (answer.status_code, answer.json()) == (200, {"id": first, "status": "duplicate"})


@pytest.mark.parametrize(
    ("asked", "start", "end"), [("bytes=0-99", 0, 100), ("bytes=900-", 900, 1000), ("bytes=-50", 950, 1000)]
)
def test_a_range_of_the_original_is_downloaded(owner: Person, asked: str, start: int, end: int) -> None:
    data = os.urandom(1000)
    path = f"/assets/{owner.upload(data).json()['id']}/original"
    answer = owner.ask("GET", path, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, data[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1000"


def test_a_range_beyond_the_end_is_416_and_no_range_is_the_whole(owner: Person) -> None:
    data = os.urandom(1000)
    path = f"/assets/{owner.upload(data, 'clip.mp4').json()['id']}/original"
    assert owner.ask("GET", path, headers={"Range": "bytes=1000-"}).status_code == 416
    whole = owner.ask("GET", path)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, data, "video/mp4")


def test_a_range_of_bytes_that_changed_is_answered_with_the_whole(owner: Person) -> None:
    data = os.urandom(1000)
    path = f"/assets/{owner.upload(data).json()['id']}/original"
    tag = owner.ask("HEAD", path).headers["etag"]
    for known, status in ((tag, 206), ('"of another file"', 200)):
        assert owner.ask("GET", path, headers={"Range": "bytes=1-", "If-Range": known}).status_code == status


def test_what_is_deleted_goes_to_the_trash(owner: Person) -> None:
    asset = owner.upload(os.urandom(10)).json()["id"]
    assert owner.ask("DELETE", "/assets", json={"ids": [asset]}).status_code == 204
    assert owner.ask("GET", f"/assets/{asset}").json()["isTrashed"] is True


def test_a_forced_delete_takes_the_bytes_along(immich: StandIn, owner: Person) -> None:
    asset_id = owner.upload(os.urandom(1000)).json()["id"]
    kept = immich.state / "originals" / asset_id
    assert kept.stat().st_size == 1000
    assert owner.ask("DELETE", "/assets", json={"ids": [asset_id], "force": True}).status_code == 204
    assert not kept.exists()
    assert owner.ask("GET", f"/assets/{asset_id}").status_code == 400


def test_nobody_reaches_the_photos_of_somebody_else(owner: Person, other: Person) -> None:
    data = os.urandom(1000)
    asset_id = owner.upload(data).json()["id"]
    for method, path in (("GET", ""), ("GET", "/original")):
        assert other.ask(method, f"/assets/{asset_id}{path}").status_code == 400
    assert other.ask("DELETE", "/assets", json={"ids": [asset_id]}).status_code == 400
    assert other.upload(data).status_code == 201, "the same bytes of another person are no duplicate"


def test_an_upload_that_is_not_whole_or_no_photo_is_refused_and_leaves_nothing(immich: StandIn, owner: Person) -> None:
    kept = len(list((immich.state / "originals").iterdir()))
    photo = {"assetData": ("a.jpg", os.urandom(10))}
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    cut_off = b'--b\r\nContent-Disposition: form-data; name="assetData"; filename="a.jpg"\r\n\r\nhalf'
    refused = {
        "no dates": owner.ask("POST", "/assets", files=photo),
        "no file": owner.ask("POST", "/assets", files={"fileCreatedAt": (None, "2024-05-01T12:00:00Z")}),
        "no photo": owner.upload(b"text", "notes.txt"),
        "no form": owner.ask("POST", "/assets", json={}),
        "half a form": owner.ask("POST", "/assets", data=cut_off, headers=form),
    }
    assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(refused, 400)
    assert refused["no photo"].json()["message"] == "Unsupported file type notes.txt"
    assert refused["no dates"].json()["message"] == [f"{name} must be a Date instance" for name in DATES]
    assert len(list((immich.state / "originals").iterdir())) == kept
    assert list((immich.state / "incoming").iterdir()) == []
