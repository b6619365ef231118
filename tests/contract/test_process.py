"""The stand-in as a process: what it prints, keeps, logs, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from lab.authentik import StandIn
from lab.authentik.__main__ import arguments, is_loopback
from tests.contract.api import TIMEOUT, Api, Site, fresh

TOKEN, PASSWORD = "t" * 40, "a password of the lab"
ROOT = Path(__file__).parents[2]


@contextmanager
def process(tmp_path: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], StandIn]]:
    """A running process and the words to talk to it."""
    arguments = ["--listen", "127.0.0.1:0", "--state", str(tmp_path / "state"), *more]
    environment = os.environ | {"AUTHENTIK_BOOTSTRAP_TOKEN": TOKEN, "AUTHENTIK_BOOTSTRAP_PASSWORD": PASSWORD}
    command = [sys.executable, "-m", "lab.authentik", *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            talk = StandIn(token=TOKEN)
            talk.url = json.loads(child.stdout.readline())["url"]
            yield child, talk
        finally:
            if child.poll() is None:
                child.kill()


def test_it_says_where_it_is_and_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    with process(tmp_path) as (child, talk):
        assert Api(talk).get("/core/users/me/")["user"]["username"] == "akadmin"
        child.send_signal(signal.SIGTERM)
        assert child.wait(5) == 0


def test_the_administrators_password_comes_from_the_environment(tmp_path: Path) -> None:
    with process(tmp_path) as (_, talk):
        url = f"{talk.url}/if/flow/default-authentication-flow/"
        login = {"username": "akadmin", "password": PASSWORD}
        assert requests.post(url, data=login, allow_redirects=False, timeout=TIMEOUT).status_code == 302


def test_what_was_answered_survives_a_sigkill(tmp_path: Path) -> None:
    with process(tmp_path) as (child, talk):
        site = Site(Api(talk))
        cookie = site.knock(site.basic).headers["Set-Cookie"].partition(";")[0]
        names = [Api(talk).make("/core/groups/", name=fresh("kept"))["name"] for _ in range(20)]
        child.kill()
    with process(tmp_path) as (_, again):
        api = site.api = Api(again)
        held = {group["name"] for group in api.rows("/core/groups/?page_size=100")}
        assert set(names) <= held
        assert site.enters(site.basic)
        assert site.enters(cookie=cookie)


def test_a_second_start_keeps_the_first_ones_administrator(tmp_path: Path) -> None:
    with StandIn(tmp_path / "state", token="first") as server:
        pk = Api(server).embedded()["pk"]
    with StandIn(tmp_path / "state", token="second") as server:
        assert Api(server, "first").embedded()["pk"] == pk
        Api(server, "second").refused("GET", "/core/users/me/", status=403)


def test_the_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    with StandIn(tmp_path / "state"):
        assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_requests_are_logged_without_anything_secret(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    with StandIn(tmp_path / "state", requests=log) as server:
        api = Api(server)
        site = Site(api)
        site.knock(site.basic)
        api.ask("POST", f"{site.token}set_key/", {"key": "a key that nobody may read"})
        Api(server, "wrong").ask("GET", "/core/users/?page_size=1")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert lines == server.requests
    assert all(set(line) == {"time", "method", "path", "query", "status", "user"} for line in lines)
    told = [(line["method"], line["path"], line["query"], line["status"], line["user"]) for line in lines]
    assert told[-3] == ("GET", "/outpost.goauthentik.io/auth/caddy", "", 200, site.username)
    assert told[-2] == ("POST", f"{site.token}set_key/", "", 204, "akadmin")
    assert told[-1] == ("GET", "/core/users/", "page_size=1", 403, None)
    for secret in (server.token, site.key, "a key that nobody may read"):
        assert secret not in log.read_text()


def test_it_listens_on_loopback_only() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert not is_loopback("192.0.2.1")
    assert not is_loopback("")
    with pytest.raises(SystemExit):
        arguments(["--listen", "192.0.2.1:0"])


def test_a_refused_request_changes_nothing(tmp_path: Path) -> None:
    with StandIn(tmp_path / "state") as server:
        api = Api(server)
        before = len(api.rows("/core/users/?page_size=100"))
        api.make("/core/tokens/", identifier="service-account-half-password")
        api.refused("POST", "/core/users/service_account/", {"name": "half"})
        assert len(api.rows("/core/users/?page_size=100")) == before
