"""The Immich stand-in as a process: how it starts and ends, what it writes down and what outlives it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
import requests
from websockets.sync.client import connect

from lab.immich import StandIn

ROOT = Path(__file__).parents[2]
EMAIL, PASSWORD = "owner@lab.test", "in the environment only"
DATES = {"fileCreatedAt": "2024-05-01T12:00:00.000Z", "fileModifiedAt": "2024-05-01T12:00:00.000Z"}
MIB = 1024 * 1024


class Running:
    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.log = folder / "requests.jsonl"
        where = ["--state", str(folder / "state"), "--log", str(self.log)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lab.immich", *where, *options],
            cwd=ROOT,
            env=os.environ | {"IMMICH_LAB_EMAIL": EMAIL, "IMMICH_LAB_PASSWORD": PASSWORD} | environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.said = self.process.stdout.readline()
        self.url = str(json.loads(self.said)["url"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=10)

    def login(self) -> dict[str, str]:
        body = {"email": EMAIL, "password": PASSWORD}
        answer = requests.post(f"{self.url}/api/auth/login", json=body, timeout=10)
        return {"x-immich-user-token": answer.json()["accessToken"]}

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def socket_of(immich: Running) -> Iterator[None]:
    url = immich.url.replace("http://", "ws://") + "/api/socket.io/?EIO=4&transport=websocket"
    with connect(url, additional_headers={"X-Test": "websocket"}, close_timeout=1) as socket:
        socket.recv(timeout=10)
        yield


def test_it_tells_its_address_when_ready_and_ends_cleanly_with_a_socket_open(tmp_path: Path) -> None:
    with Running(tmp_path, "--listen", "127.0.0.1:0") as immich:
        assert json.loads(immich.said) == {"url": immich.url}
        assert requests.get(f"{immich.url}/api/server/ping", timeout=10).json() == {"res": "pong"}
        with socket_of(immich):
            assert immich.end() == 0


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    where = ["--state", str(tmp_path), "--log", str(tmp_path / "log")]
    command = [sys.executable, "-m", "lab.immich", "--listen", "0.0.0.0:0", *where]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert refused.returncode == 2
    assert "0.0.0.0 is not a loopback address" in refused.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_sessions_keys_and_assets_survive_a_restart(tmp_path: Path, how: signal.Signals) -> None:
    photo = os.urandom(5000)
    with Running(tmp_path) as first:
        session = first.login()
        keys = f"{first.url}/api/api-keys"
        secret = requests.post(keys, json={"permissions": ["all"]}, headers=session, timeout=10).json()["secret"]
        form = {"files": {"assetData": ("a.jpg", photo)}, "data": DATES}
        asset = requests.post(f"{first.url}/api/assets", headers=session, timeout=10, **form).json()["id"]  # type: ignore[arg-type]
        first.end(how)
    with Running(tmp_path) as second:
        for headers in (session, {"x-api-key": secret}):
            answer = requests.get(f"{second.url}/api/assets/{asset}/original", headers=headers, timeout=10)
            assert answer.content == photo
        paths = [entry["path"] for entry in second.entries()]
        assert paths.count("/api/auth/login") == 1, "the log goes on where it was"


def test_without_a_password_in_the_environment_the_old_one_stays(tmp_path: Path) -> None:
    with Running(tmp_path) as first:
        first.login()
        first.end()
    with Running(tmp_path, IMMICH_LAB_PASSWORD="") as second:
        assert second.login()


def test_the_log_holds_every_request_with_all_its_headers(tmp_path: Path) -> None:
    with Running(tmp_path) as immich:
        headers = {"Authorization": "Basic cGhvbmU6c2VjcmV0", "X-Authentik-Username": "forged", "X-Twice": "1"}
        requests.get(f"{immich.url}/api/a%20b?c=d%20e&f", headers=headers, timeout=10)
        entry = immich.entries()[-1]  # on disk before the answer was
        assert (entry["method"], entry["path"], entry["query"]) == ("GET", "/api/a%20b", "c=d%20e&f")
        assert entry["headers"].items() >= {name.lower(): value for name, value in headers.items()}.items()
        with socket_of(immich):
            entry = immich.entries()[-1]
            assert (entry["method"], entry["path"]) == ("GET", "/api/socket.io/")
            assert entry["headers"].items() >= {"upgrade": "websocket", "x-test": "websocket"}.items()
        for path in ("/", "/nowhere", "/api/users/me"):
            requests.post(immich.url + path, timeout=10)
        assert len(immich.entries()) == 5
        assert all(set(entry) == {"time", "method", "path", "query", "headers"} for entry in immich.entries())


def test_in_a_thread_it_starts_anew_on_the_same_state(tmp_path: Path) -> None:
    with StandIn(tmp_path / "state", log=tmp_path / "log", password=PASSWORD) as first:
        body = {"email": first.email, "password": first.password}
        token = requests.post(f"{first.url}/api/auth/login", json=body, timeout=10).json()["accessToken"]
    with StandIn(tmp_path / "state", log=tmp_path / "log", password="new") as second:
        headers = {"x-immich-user-token": token}
        assert requests.get(f"{second.url}/api/users/me", headers=headers, timeout=10).status_code == 200
        login = requests.post(f"{second.url}/api/auth/login", json=body, timeout=10)
        assert login.status_code == 401, "the password is the one it was started with"
    assert (tmp_path / "log").read_text().count("\n") == 3


def test_an_upload_and_a_download_of_300_mb_keep_memory_flat(tmp_path: Path) -> None:
    with Running(tmp_path) as immich:
        session = immich.login()
        process = psutil.Process(immich.process.pid)
        before = process.memory_info().rss
        peak, sha1 = before, hashlib.sha1(usedforsecurity=False)

        def form() -> Iterator[bytes]:
            nonlocal peak
            for name, value in DATES.items():
                yield f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            yield b'--b\r\nContent-Disposition: form-data; name="assetData"; filename="a.mp4"\r\n\r\n'
            for _ in range(300):
                chunk = os.urandom(MIB)
                sha1.update(chunk)
                yield chunk
                peak = max(peak, process.memory_info().rss)
            yield b"\r\n--b--\r\n"

        headers = session | {"Content-Type": "multipart/form-data; boundary=b"}
        made = requests.post(f"{immich.url}/api/assets", data=form(), headers=headers, timeout=300)
        assert made.status_code == 201, made.text

        back, size = hashlib.sha1(usedforsecurity=False), 0
        original = f"{immich.url}/api/assets/{made.json()['id']}/original"
        with requests.get(original, headers=session, stream=True, timeout=300) as answer:
            for chunk in answer.iter_content(MIB):
                back.update(chunk)
                size += len(chunk)
                peak = max(peak, process.memory_info().rss)
        assert (size, back.hexdigest()) == (300 * MIB, sha1.hexdigest())
        assert peak - before < 60 * MIB, f"it grew from {before // MIB} to {peak // MIB} MiB"
        body = {"ids": [made.json()["id"]], "force": True}
        requests.delete(f"{immich.url}/api/assets", json=body, headers=session, timeout=10)
