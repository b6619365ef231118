"""The client of Caddy's admin API where the real Caddy cannot show it: when nothing or nonsense answers."""

import time
from pathlib import Path

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from providers import retry as module
from providers.caddy.admin import Admin, Changed
from providers.caddy.config import CaddyConfigProvider
from providers.caddy.errors import CaddyError
from providers.caddy.site import LEAST_VERSION, render
from tests.unit.test_site import PLAIN

from .server import Answer, Server, reply, reset


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT", 0.1)
    monkeypatch.setattr(module, "READ", 0.1)
    monkeypatch.setattr(module, "UNREACHABLE_BOUND", 0.3)


def test_a_caddy_that_is_not_there_is_told_with_its_address_within_the_bound() -> None:
    server = Server(listening=False)
    began = time.monotonic()
    with pytest.raises(CaddyError) as caught:
        Admin(server.url).servers()
    server.bound.close()
    assert time.monotonic() - began < 10
    text = str(caught.value)
    assert text.startswith("cannot set up Caddy: GET /config/apps/http/servers: 127.0.0.1:")
    assert "does not answer" in text
    assert "Check caddy:admin" in text


@pytest.mark.parametrize("there", [False, True], ids=["missing", "not a socket"])
def test_a_socket_that_does_not_answer_is_told_by_its_address(there: bool, tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    if there:
        path.touch()
    with pytest.raises(CaddyError) as caught:
        Admin(f"unix/{path}").servers()
    assert f": unix/{path} does not answer" in str(caught.value)
    assert "with `admin off`, deliver by a file" in str(caught.value)


def test_credentials_in_its_address_are_not_told() -> None:
    server = Server(listening=False)
    with pytest.raises(CaddyError) as caught:
        Admin(server.url.replace("http://", "http://user:secret@")).servers()
    server.bound.close()
    assert "secret" not in str(caught.value)


def test_a_caddy_that_is_just_starting_is_waited_for() -> None:
    with Server(reset, reply(200, {"main": {}}, Etag="x")) as server:
        assert Admin(server.url).servers() == ({"main": {}}, "x")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(403, {"error": "host not allowed: x"}), "answered 403: host not allowed: x"),
        (reply(500, b"<html>secret", Content_Type="text/html"), "answered 500: text/html"),
        (reply(302, Location="/login"), "answered 302: an empty answer"),
        (reply(200, b"<html>secret", Content_Type="text/html"), "text/html"),
        (reply(200, []), "Check caddy:admin"),
        (reply(200, {"main": 7}), "Check caddy:admin"),
    ],
)
def test_an_address_that_is_no_admin_api_is_told_and_its_body_is_not(answer: Answer, said: str) -> None:
    with Server(answer) as server, pytest.raises(CaddyError) as caught:
        Admin(server.url).servers()
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_configuration_that_was_changed_meanwhile_is_told_apart() -> None:
    with Server(reply(412, {"error": "x"})) as server:
        with pytest.raises(Changed):
            Admin(server.url).write("PUT", "/config/x", {"a": 1}, '"etag"')
        assert server.asked[0].headers["if-match"] == '"etag"'
        assert (server.asked[0].method, server.asked[0].body) == ("PUT", {"a": 1})


# What 2.8.4 makes of `header` with `match status 1xx`: all cookies are gone.
OF_2_8 = {"delete": ["Set-Cookie"], "replace": {"match": [{"replace": "1xx", "search_regexp": "status"}]}}
ADAPTED = {"apps": {"http": {"servers": {"srv0": {"routes": [{"handle": [{"response": OF_2_8}]}]}}}}}
UNKNOWN = "unrecognized subdirective stream_close_delay"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(200, {"result": ADAPTED}), "for another, so it is older than LEAST. Nothing was written. Update it: "),
        (reply(400, {"error": UNKNOWN}), f"{UNKNOWN}. Check caddy:admin (WHERE). If that Caddy is older than LEAST (`"),
    ],
    ids=["2.8.4", "2.6.2"],
)
def test_a_caddy_that_is_too_old_is_named_and_not_written_to(answer: Answer, said: str) -> None:
    provider = CaddyConfigProvider()
    provider.configure(ConfigureRequest(Config({}, "immich")))
    site = {"host": PLAIN.host, "port": PLAIN.port, "caddyfile": render(PLAIN), "upstream": PLAIN.immich}
    with Server(answer) as server:
        props = {**site, "admin": server.url, "route_id": "immich-test", "other_doors": []}
        with pytest.raises(CaddyError) as caught:
            provider.create(props)
    assert [(each.method, each.path) for each in server.asked] == [("POST", "/adapt")]
    assert said.replace("WHERE", server.url.removeprefix("http://")).replace("LEAST", LEAST_VERSION) in str(
        caught.value
    )
