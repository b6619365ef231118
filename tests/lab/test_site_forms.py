"""The site in a real Caddy, asked in forms that HTTP allows and few clients send: none gets more than the plain one."""

import http.client
import shutil
import socket
import subprocess
from typing import Any

import pytest

from tests.unit.server import Handler, reply

from .site_world import ASKED, BROWSER, GOOD, HEALTH, LOGIN, SESSION, WRONG, Answer, World

pytestmark = pytest.mark.parametrize("world", ["file", "handle"], indirect=True)
BASIC, NO = GOOD["Authorization"], WRONG["Authorization"]


def raw(world: World, target: str, *lines: str, method: str = "GET", body: str = "") -> Answer:
    """One request, with its target and header lines as they stand here."""
    connection = world.connect()
    try:
        head = [f"{method} {target} HTTP/1.1", f"Host: localhost:{world.port}", *lines]
        connection.sock.sendall("\r\n".join([*head, "", body]).encode())
        answer = http.client.HTTPResponse(connection.sock, method=method)
        answer.begin()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, "")
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/api/x", "/.well-known/immich", "/share/x"])
@pytest.mark.parametrize(
    "lines",
    [
        *(["Upgrade: h2c"], ["Upgrade: websocket, h2c"], ["Upgrade: websocket", "Upgrade: h2c"], ["Upgrade: TLS/1.3"]),
        *(["Upgrade: h2c, websocket"], ["upgrade: websocketx"], ["Upgrade: websocket"]),
    ],
)
@pytest.mark.parametrize("who", [f"Authorization: {BASIC}", f"Cookie: {SESSION['Cookie']}"], ids=["phone", "browser"])
def test_no_upgrade_but_a_websockets_reaches_immich_and_none_by_an_open_path(
    who: str, lines: list[str], path: str, world: World
) -> None:
    world.serve(open_paths=("/.well-known/immich",), shares=world.shares.url)
    assert raw(world, path, who, "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: x", *lines).status == 200
    (asked,) = (*world.immich.asked, *world.shares.asked)
    passes = lines == ["Upgrade: websocket"] and path == "/api/x"
    assert asked.headers.get("upgrade") == ("websocket" if passes else None)


def test_an_answer_before_the_last_one_sets_no_cookie(world: World) -> None:
    def early(handler: Handler) -> None:
        for line in (b"HTTP/1.1 103 Early Hints", b"Link: </x>", b"Set-Cookie: authentik_proxy_1=session", b""):
            handler.wfile.write(line + b"\r\n")
        reply(200)(handler)

    world.serve()
    world.outpost.script.answers[:] = [early]
    lines = ["GET /api/x HTTP/1.1", f"Host: localhost:{world.port}", f"Authorization: {BASIC}", "Connection: close"]
    with (
        socket.create_connection(("localhost", world.port), timeout=20) as plain,
        world.tls.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall("\r\n".join([*lines, "", ""]).encode())
        got = b"".join(iter(lambda: secure.recv(65536), b"")).lower()
    assert got.startswith(b"http/1.1 103")
    assert b"http/1.1 200" in got
    assert b"authentik" not in got


@pytest.mark.parametrize("who", [BASIC, NO])
def test_a_header_in_a_trailer_lets_nobody_in(who: str, world: World) -> None:
    world.serve()
    chunked = ("Transfer-Encoding: chunked", "Trailer: Authorization", "Connection: close", "User-Agent: Mozilla/5.0")
    answer = raw(world, "/api/x", *chunked, method="POST", body=f"2\r\n{{}}\r\n0\r\nAuthorization: {who}\r\n\r\n")
    assert (answer.status, answer.headers["location"]) == (302, LOGIN)
    assert world.immich.asked == []


@pytest.mark.parametrize(
    "lines",
    [
        [BASIC, NO],
        [NO, BASIC],
        [BASIC, BASIC],
        ["Bearer x", BASIC],
        [BASIC, "Bearer x"],
        [BASIC, ""],
        [f"{BASIC},{BASIC}"],
        [f"{BASIC} x"],
        [BASIC.replace(" ", "  ")],
        [BASIC.replace(" ", "\t")],
        [BASIC[:-1]],
        [f"{BASIC}="],
        [f"{BASIC[:-4]}%3D"],
    ],
)
@pytest.mark.parametrize("session", [False, True], ids=["", "with a session"])
def test_several_headers_or_one_of_another_form_are_refused_without_asking(
    lines: list[str], session: bool, world: World
) -> None:
    world.serve()
    cookie = [f"Cookie: {SESSION['Cookie']}"] if session else []
    assert raw(world, "/api/x", *(f"Authorization: {line}" for line in lines), *cookie).status == 403
    assert world.immich.asked == []
    asked = [each.headers["authorization"] for each in world.outpost.asked if each.path == ASKED]
    assert asked in ([], [lines[0]])  # one that differs in its padding only is asked about


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc"])
def test_the_scheme_is_basic_in_any_letter_case(scheme: str, world: World) -> None:
    world.serve()
    raw(world, "/api/x", f"Authorization: {scheme} {NO.split()[1]}")
    assert world.outpost.asked[0].headers["authorization"] == f"{scheme} {NO.split()[1]}"


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
        assert asked.path in (ASKED, HEALTH)
        assert (asked.headers["x-forwarded-host"] == f"localhost:{world.port}") == (asked.path == ASKED)
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
