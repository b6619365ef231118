"""A hostile or broken server: every answer ends, in bytes and in time, whatever is sent."""

import gzip
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from providers import exchange, retry
from providers.access import probe as access
from providers.access.facts import NoAnswer
from providers.access.probe import PublicAddress
from providers.authentik.api import client as module
from providers.authentik.api.client import Client
from providers.authentik.api.errors import AnswerLost, AuthentikError, Call
from providers.caddy.admin import Admin
from providers.caddy.errors import CaddyError
from providers.retry import RetryPolicy
from tests.tls import certificate, serving

from .server import Answer, Handler, Server, page, reply

CALL = Call("list groups", "authentik_core.view_group")
TOKEN = "the-token-of-this-test"
MEGABYTE = 1024 * 1024

Do = Callable[[Client], Any]
CALLS: dict[str, Do] = {
    "GET": lambda client: client.get("/x/", CALL),
    "list": lambda client: client.find("/x/", {}, CALL),
    "bare list": lambda client: client.bare_list("/x/", CALL),
    "POST": lambda client: client.post("/x/", {}, CALL),
    "PATCH": lambda client: client.patch("/x/", {}, CALL),
    "DELETE": lambda client: client.delete("/x/", CALL),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BUSY_BOUND", 0.1)
    monkeypatch.setattr(exchange, "WHOLE", 0.3)
    monkeypatch.setattr(access, "WHOLE", 0.3)
    monkeypatch.setattr(exchange, "MOST", MEGABYTE)


def sending(head: bytes, parts: Iterator[bytes] | list[bytes], pause: float = 0.0) -> Answer:
    """The head of an answer, then parts, until the caller goes away."""

    def answer(handler: Handler) -> None:
        handler.close_connection = True
        for part in itertools.chain([head], parts):
            handler.wfile.write(part)
            time.sleep(pause)

    return answer


def forever(part: bytes) -> Iterator[bytes]:
    while True:
        yield part


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SLOW: dict[str, Callable[[], Answer]] = {
    "a body by drips": lambda: sending(OK + b"Content-Length: 100000\r\n\r\n", forever(b" "), 0.05),
    "a head by drips": lambda: sending(OK + b"X: ", forever(b"x"), 0.05),
    "chunks by drips": lambda: sending(OK + b"Transfer-Encoding: chunked\r\n\r\n", forever(b"1\r\n \r\n"), 0.05),
    "one chunk's size by drips": lambda: sending(OK + b"Transfer-Encoding: chunked\r\n\r\n", forever(b"0"), 0.05),
    "only promises": lambda: sending(b"", forever(b"HTTP/1.1 100 Continue\r\n\r\n"), 0.01),
    "a redirect's body by drips": lambda: sending(
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 100000\r\n\r\n", forever(b" "), 0.05
    ),
}
LONG: dict[str, Callable[[], Answer]] = {
    "a body without an end": lambda: sending(OK + b"\r\n", forever(b" " * 65536)),
    "a long body": lambda: reply(200, b" " * 2 * MEGABYTE),
    "chunks without an end": lambda: sending(
        OK + b"Transfer-Encoding: chunked\r\n\r\n", forever(b"10000\r\n" + b" " * 65536 + b"\r\n")
    ),
    "a packed body": lambda: reply(200, gzip.compress(b" " * 200 * MEGABYTE), Content_Encoding="gzip"),
    "a redirect without an end": lambda: sending(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", forever(b" " * 65536)),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("slow", SLOW)
def test_an_answer_that_never_ends_is_given_up_in_time(slow: str, call: str) -> None:
    with Server(SLOW[slow]()) as server:
        began = time.monotonic()
        with pytest.raises(AuthentikError, match=r"did not finish its answer within \d+ seconds") as caught:
            CALLS[call](Client(server.url, TOKEN))
    assert time.monotonic() - began < 5
    assert isinstance(caught.value, AnswerLost) is (call == "POST")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("long", LONG)
def test_of_an_answer_that_is_too_long_no_more_is_read_than_its_bound(
    long: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "WHOLE", 60.0)
    with Server(LONG[long]()) as server:
        with pytest.raises(AuthentikError, match=r"answered more than 1 MiB. Check that authentik:url") as caught:
            CALLS[call](Client(server.url, TOKEN))
        assert len(server.asked) == 1
    assert isinstance(caught.value, AnswerLost) is (call == "POST")


def endless(size: int, pause: float = 0.0) -> Answer:
    """A list of which every page names a next one."""
    numbers = iter(range(2, 10**9))

    def answer(handler: Handler) -> None:
        time.sleep(pause)
        page({"pk": "x" * size}, following=next(numbers))(handler)

    return answer


def test_a_list_has_an_end_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGES", 20)
    with Server(endless(1)) as server:
        with pytest.raises(AuthentikError, match=r"answered more than 20 pages\. Check that authentik:url"):
            Client(server.url, TOKEN).find("/x/", {}, CALL)
        assert len(server.asked) == 20


def test_a_list_has_an_end_in_bytes() -> None:
    with Server(endless(300_000)) as server:
        with pytest.raises(AuthentikError, match="answered more than 1 MiB"):
            Client(server.url, TOKEN).find("/x/", {}, CALL)
        assert len(server.asked) == 4


def test_a_list_has_an_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LISTING", 0.3)
    with Server(endless(1, pause=0.1)) as server:
        with pytest.raises(AuthentikError, match="did not come to the end of the list within"):
            Client(server.url, TOKEN).find("/x/", {}, CALL)
        assert len(server.asked) < 10


def test_the_percentage_scales_the_whole_time() -> None:
    with Server(sending(OK + b"Content-Length: 2\r\n\r\n", [b"{", b"}"], 0.4)) as server:
        with pytest.raises(AuthentikError, match="raise immich:timeoutPercent"):
            Client(server.url, TOKEN).get("/x/", CALL)
        assert Client(server.url, TOKEN, RetryPolicy(500)).get("/x/", CALL) == {}


@pytest.mark.parametrize("call", ["GET", "list", "bare list", "POST"])
def test_an_answer_that_is_nested_too_deep_is_no_defect_of_the_program(call: str) -> None:
    deep = reply(200, b"[" * 200_000, Content_Type="application/json")
    with Server(deep) as server, pytest.raises(AuthentikError, match="Check that authentik:url"):
        CALLS[call](Client(server.url, TOKEN))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_the_token_nowhere(status: int) -> None:
    with Server() as elsewhere, Server(reply(status, Location=f"{elsewhere.url}/api/v3/x/")) as server:
        for do in CALLS.values():
            with pytest.raises(AuthentikError, match="a redirect to"):
                do(Client(server.url, TOKEN))
        assert elsewhere.asked == []


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), "photos.example.org")


@pytest.mark.parametrize("slow", SLOW)
def test_the_public_address_is_given_up_in_time(slow: str, pem: Path) -> None:
    with serving(pem, SLOW[slow]()) as (_, address):
        began = time.monotonic()
        seen = PublicAddress("https://photos.example.org", address, str(pem), "/api/server/ping").ask(None)
        assert time.monotonic() - began < 5
    assert isinstance(seen, NoAnswer)
    assert "did not finish its answer in time" in seen.reason


@pytest.mark.parametrize("answer", [*LONG.values(), lambda: reply(200, b"[" * 60_000)])
def test_a_long_or_deep_answer_of_the_public_address_is_not_immichs(answer: Callable[[], Answer], pem: Path) -> None:
    with serving(pem, answer()) as (_, address):
        seen = PublicAddress("https://photos.example.org", address, str(pem), "/api/server/ping").ask(None)
    assert isinstance(seen, NoAnswer) or not seen.immich


@pytest.mark.parametrize("answer", [*SLOW.values(), *LONG.values()])
def test_caddys_api_is_given_up_in_time_and_bytes(answer: Callable[[], Answer]) -> None:
    with Server(answer()) as server:
        began = time.monotonic()
        with pytest.raises(CaddyError, match=r"Check caddy:admin"):
            Admin(server.url).servers()
        assert time.monotonic() - began < 5
