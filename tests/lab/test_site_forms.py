"""The site in a real Caddy, asked in forms that HTTP allows and few clients send: none gets more than the plain one."""

import http.client
import shutil
import subprocess
from typing import Any

import pytest

from .site_world import ASKED, BROWSER, GOOD, LOGIN, SESSION, WRONG, Answer, World

BASIC, NO = GOOD["Authorization"], WRONG["Authorization"]


def raw(world: World, target: str, *lines: str, method: str = "GET", body: str = "") -> Answer:
    """One request, with its target and header lines as they stand here."""
    connection = http.client.HTTPSConnection("localhost", world.port, context=world.tls, timeout=60)
    connection.connect()
    try:
        head = [f"{method} {target} HTTP/1.1", f"Host: localhost:{world.port}", *lines]
        connection.sock.sendall("\r\n".join([*head, "", body]).encode())
        answer = http.client.HTTPResponse(connection.sock, method=method)
        answer.begin()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, "")
    finally:
        connection.close()


def test_a_wish_for_a_websocket_does_not_pass_to_the_outpost(world: World) -> None:
    world.serve()
    for wish in ({"Connection": "Upgrade", "Upgrade": "websocket"}, {"Connection": "keep-alive, Upgrade"}):
        assert world.ask("/api/socket.io/", GOOD, wish).status == 200
    for asked in world.outpost.asked:
        assert not {"upgrade", "connection"} & asked.headers.keys()


@pytest.mark.parametrize("who", [BASIC, NO])
def test_a_header_in_a_trailer_lets_nobody_in(who: str, world: World) -> None:
    world.serve()
    chunked = ("Transfer-Encoding: chunked", "Trailer: Authorization", "Connection: close", "User-Agent: Mozilla/5.0")
    answer = raw(world, "/api/x", *chunked, method="POST", body=f"2\r\n{{}}\r\n0\r\nAuthorization: {who}\r\n\r\n")
    assert (answer.status, answer.headers["location"]) == (302, LOGIN)
    assert world.immich.asked == []


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([BASIC, NO], 200),  # as with Authentik, the first counts
        ([NO, BASIC], 403),
        (["Bearer x", BASIC], 403),
        ([BASIC, "Bearer x"], 200),
        (["Bearer x", NO], 403),
    ],
)
@pytest.mark.parametrize("session", [False, True], ids=["", "with a session"])
def test_of_two_headers_basic_is_decided_on_and_neither_passes(
    lines: list[str], status: int, session: bool, world: World
) -> None:
    world.serve()
    cookie = [f"Cookie: {SESSION['Cookie']}"] if session else []
    assert raw(world, "/api/x", *(f"Authorization: {line}" for line in lines), *cookie).status == status
    assert [each.headers.get("authorization") for each in world.immich.asked] == ([None] if status == 200 else [])


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_target_with_its_host_is_decided_on_as_its_path(scheme: str, world: World) -> None:
    world.serve(open_paths=("/.well-known/immich",), shares=world.shares.url)
    ours = f"{scheme}://localhost:{world.port}"
    for path in ("/api/users", "/.well-known/immich/../../api/users", "//.well-known/immich"):
        assert raw(world, ours + path, "User-Agent: Mozilla/5.0").status == 302
        assert raw(world, ours + path, f"Authorization: {NO}").status == 403
    assert world.immich.asked == world.shares.asked == []
    assert raw(world, f"{ours}/api/users", f"Authorization: {BASIC}").status == 200
    for asked in world.outpost.asked:
        assert asked.path == ASKED
        assert asked.headers["x-forwarded-host"] == f"localhost:{world.port}"
    assert [each.path for each in world.immich.asked] == ["/api/users"]


def test_a_target_with_another_host_reaches_nobody(world: World) -> None:
    world.serve(open_paths=("/.well-known/immich",), shares=world.shares.url)
    for path in ("/api/users", "/.well-known/immich", "/share/x", "/outpost.goauthentik.io/x"):
        raw(world, f"https://other.example.org{path}", f"Authorization: {BASIC}")
    assert world.immich.asked == world.shares.asked == world.outpost.asked == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [(GOOD, 200), (WRONG, 403), ({}, 302), (SESSION, 200)],
    ids=["phone", "wrong", "nobody", "browser"],
)
def test_by_http2_the_same_holds(sent: dict[str, Any], status: int, world: World) -> None:
    curl = shutil.which("curl") or ""
    if "HTTP2" not in subprocess.run([curl, "--version"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("this curl speaks no HTTP/2")
    world.serve()
    headers = [f"-H{name}: {value}" for name, value in {**BROWSER, **sent, "x-authentik-username": "akadmin"}.items()]
    asked = [
        curl,
        "--silent",
        "--http2",
        "--cacert",
        str(world.ca),
        *headers,
        "--write-out",
        "\n%{http_version} %{http_code}",
    ]
    url = f"https://localhost:{world.port}/api/x"
    done = subprocess.run([*asked, url], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"2 {status}"
    assert len(world.immich.asked) == (1 if status == 200 else 0)
    for reached in world.immich.asked:
        assert not {"authorization", "x-authentik-username"} & reached.headers.keys()
