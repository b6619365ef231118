"""The HTTP client against a real server: what it sends again, what it never sends again, when it gives up."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tenacity

from providers import retry as module
from providers.authentik.api.client import Client, shared_client
from providers.authentik.api.errors import AnswerLost, AuthentikError, Call, NotFound, Refused

from .server import Answer, Server, hang, page, reply, reset

CALL = Call("make group 'x'", "authentik_core.add_group")
TOKEN = "the-token-of-this-test"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds short enough to wait for, in the same proportions."""
    monkeypatch.setattr(module, "CONNECT", 0.1)
    monkeypatch.setattr(module, "READ", 0.05)
    monkeypatch.setattr(module, "UNREACHABLE_BOUND", 0.25)
    monkeypatch.setattr(module, "BUSY_BOUND", 2)
    monkeypatch.setattr(module, "_growing", tenacity.wait_fixed(0.02))


Do = Callable[[Client], Any]
SAFE: dict[str, Do] = {
    "GET": lambda client: client.get("/x/1/", CALL),
    "PUT": lambda client: client.put("/x/1/", {"a": 1}, CALL),
    "PATCH": lambda client: client.patch("/x/1/", {"a": 1}, CALL),
    "DELETE": lambda client: client.delete("/x/1/", CALL),
}
ALL: dict[str, Do] = {**SAFE, "POST": lambda client: client.post("/x/", {"a": 1}, CALL)}


def done(method: str) -> Answer:
    return reply(204) if method == "DELETE" else reply(200, {"pk": 1})


@pytest.mark.parametrize("method", SAFE)
@pytest.mark.parametrize(
    "trouble",
    [reply(429, {}), reply(502, b"<html>"), reply(503), reply(504, {}), reset, hang],
    ids=["429", "502", "503", "504", "reset", "hang"],
)
def test_a_call_that_cannot_do_harm_twice_is_sent_again(method: str, trouble: Answer) -> None:
    with Server(trouble, trouble, done(method)) as server:
        SAFE[method](Client(server.url, TOKEN))
        assert server.methods == [method] * 3


@pytest.mark.parametrize("trouble", [reply(502), reply(503, {"detail": "starting"}), reply(504), reset, hang])
def test_a_post_whose_answer_is_lost_is_never_sent_again(trouble: Answer) -> None:
    with Server(trouble, reply(201, {"pk": 1})) as server:
        with pytest.raises(AnswerLost, match="cannot make group 'x': POST /x/"):
            ALL["POST"](Client(server.url, TOKEN))
        assert server.methods == ["POST"]


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"<html>login</html>", Content_Type="text/html"),
        reply(201, b'{"pk": 1', Content_Type="application/json"),
        reply(201, b'{"pk": 1}', Content_Length="50"),
        reply(201, []),
        reply(201),
    ],
    ids=["html", "half JSON", "broken off", "list", "empty"],
)
def test_a_post_whose_answer_cannot_be_read_counts_as_lost(answer: Answer) -> None:
    with Server(answer, reply(201, {"pk": 1})) as server:
        with pytest.raises(AnswerLost):
            ALL["POST"](Client(server.url, TOKEN))
        assert server.methods == ["POST"]


def test_a_post_that_was_refused_for_a_while_is_sent_again_because_the_server_did_not_act() -> None:
    with Server(reply(429, {}), reply(201, {"pk": 1})) as server:
        assert ALL["POST"](Client(server.url, TOKEN)) == {"pk": 1}
        assert server.methods == ["POST", "POST"]


@pytest.mark.parametrize("method", ALL)
def test_every_call_waits_for_a_server_that_is_only_starting(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNREACHABLE_BOUND", 20.0)
    with Server(done(method), listening=False) as server:
        threading.Timer(0.1, server.listen).start()
        ALL[method](Client(server.url, TOKEN))
        assert server.methods == [method]


@pytest.mark.parametrize("method", ALL)
def test_a_server_that_never_comes_is_given_up_within_its_bound(method: str) -> None:
    server = Server(listening=False)
    began = time.monotonic()
    with pytest.raises(AuthentikError, match=r"does not answer: .*refused.*Check authentik:url") as caught:
        ALL[method](Client(server.url, TOKEN))
    assert time.monotonic() - began < 10
    assert not isinstance(caught.value, AnswerLost)
    server.bound.close()


@pytest.mark.parametrize("trouble", [reply(503), reset, hang], ids=["503", "reset", "hang"])
def test_a_server_that_is_busy_for_good_is_given_up_within_the_longer_bound(trouble: Answer) -> None:
    with Server(trouble) as server:
        began = time.monotonic()
        with pytest.raises(AuthentikError):
            SAFE["GET"](Client(server.url, TOKEN))
        assert 0.3 < time.monotonic() - began < 20
        assert len(server.asked) > 1


def test_retry_after_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_BOUND", 5)
    with Server(reply(429, {}, Retry_After="1"), reply(200, {})) as server:
        began = time.monotonic()
        SAFE["GET"](Client(server.url, TOKEN))
        assert time.monotonic() - began >= 1


@pytest.mark.parametrize("asked", ["3600", "99999999999999999999"])
def test_a_wait_beyond_the_bound_is_not_begun(asked: str) -> None:
    with Server(reply(429, {"detail": "slow down"}, Retry_After=asked)) as server:
        began = time.monotonic()
        with pytest.raises(AuthentikError, match=r"answered 429: slow down\. Authentik is busy"):
            SAFE["GET"](Client(server.url, TOKEN))
        assert time.monotonic() - began < 10
        assert len(server.asked) == 1


@pytest.mark.parametrize("nonsense", ["0", "", "-1", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "1e9", "nan"])
def test_a_server_that_asks_for_no_wait_is_not_hammered(nonsense: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_BOUND", 0.3)
    with Server(reply(429, {}, Retry_After=nonsense)) as server:
        with pytest.raises(AuthentikError):
            SAFE["GET"](Client(server.url, TOKEN))
        assert 1 < len(server.asked) <= 16  # 0.3 s by 0.02 s; on a busy machine few


def test_a_read_that_met_a_worker_at_its_end_is_asked_again() -> None:
    """A real server that recycles a worker answers so once in a while, in plain text."""
    with Server(reply(500, b"Internal Server Error", Content_Type="text/plain"), reply(200, {"pk": 1})) as server:
        assert Client(server.url, TOKEN).get("/x/1/", CALL) == {"pk": 1}
        assert server.methods == ["GET", "GET"]


@pytest.mark.parametrize("status", [405, 500])
def test_a_delete_that_the_server_failed_on_is_sent_again(status: int) -> None:
    """As that of an account in use on 2025.8.1: a token of its next login came in between, and 405 went out."""
    with Server(reply(status, b"", Content_Type="text/html"), reply(204)) as server:
        SAFE["DELETE"](Client(server.url, TOKEN))
        assert server.methods == ["DELETE", "DELETE"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_write_that_met_a_worker_at_its_end_is_sent_again(method: str) -> None:
    """Seen on 2026.5.0-rc1, on a POST; uvicorn answers so for an exception that never reached Authentik's own pages."""
    with Server(reply(500, b"Internal Server Error", Content_Type="text/plain"), reply(200, {"pk": 1})) as server:
        ALL[method](Client(server.url, TOKEN))
        assert server.methods == [method, method]


def test_a_create_that_met_a_worker_at_its_end_is_a_lost_answer() -> None:
    with Server(reply(500, b"Internal Server Error", Content_Type="text/plain; charset=utf-8")) as server:
        with pytest.raises(AnswerLost):
            ALL["POST"](Client(server.url, TOKEN))
        assert server.methods == ["POST"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("status", [405, 500])
def test_a_write_that_the_server_failed_on_is_never_sent_again(method: str, status: int) -> None:
    with Server(reply(status, b"", Content_Type="text/html")) as server:
        with pytest.raises(AuthentikError, match=f"answered {status}"):
            ALL[method](Client(server.url, TOKEN))
        assert server.methods == [method]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 418, 501])
def test_an_answer_that_is_final_is_asked_for_once(status: int) -> None:
    with Server(reply(status, {"detail": "no"})) as server:
        with pytest.raises(AuthentikError, match=f"answered {status}: no"):
            SAFE["GET"](Client(server.url, TOKEN))
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "words",
    [b"Client sent an HTTP request to an HTTPS server.\n", b"<h1>The plain HTTP request was sent to HTTPS port</h1>"],
    ids=["Go", "nginx"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_port_that_speaks_https_is_named(method: str, words: bytes) -> None:
    with Server(reply(400, words)) as server:
        with pytest.raises(AuthentikError, match=r"that port speaks HTTPS\. authentik:url .* must begin with https://"):
            ALL[method](Client(server.url, TOKEN))
        assert server.methods == [method]


def test_a_refusal_in_words_of_another_server_is_not_taken_for_authentiks() -> None:
    with Server(reply(400, b"Bad Request", Content_Type="text/plain")) as server:
        with pytest.raises(AuthentikError, match="400 with text/plain, which is not an answer of its API") as failure:
            SAFE["GET"](Client(server.url, TOKEN))
        assert not isinstance(failure.value, Refused)


def test_deleting_what_is_gone_is_told_apart_also_when_the_first_answer_was_lost() -> None:
    with Server(reset, reply(404, {"detail": "Not found."})) as server:
        with pytest.raises(NotFound):
            SAFE["DELETE"](Client(server.url, TOKEN))
        assert server.methods == ["DELETE", "DELETE"]


def test_a_list_is_read_over_all_its_pages_by_a_hundred() -> None:
    with Server(page({"pk": 1}, {"pk": 2}, following=2), page({"pk": 3}, following=3), page()) as server:
        found = Client(server.url, TOKEN).find("/x/", {"name": "a b&c"}, CALL)
        assert found == [{"pk": 1}, {"pk": 2}, {"pk": 3}]
        assert [each.path for each in server.asked] == [
            "/api/v3/x/?name=a+b%26c&page_size=100",
            "/api/v3/x/?name=a+b%26c&page_size=100&page=2",
            "/api/v3/x/?name=a+b%26c&page_size=100&page=3",
        ]


@pytest.mark.parametrize("following", [1, 2, -1])
def test_a_list_whose_pages_never_end_is_given_up(following: int) -> None:
    with Server(page({"pk": 1}, following=2), page({"pk": 2}, following=following)) as server:
        with pytest.raises(AuthentikError, match="cannot make group 'x': GET /x/ answered something other than page 2"):
            Client(server.url, TOKEN).find("/x/", {}, CALL)
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"results": []},
        {"pagination": {}, "results": []},
        {"pagination": 1},
        {"pagination": {"next": 0}, "results": "text"},
        {"pagination": {"next": 0}, "results": [1]},
        {"pagination": {"next": float("inf")}, "results": []},
    ],
)
def test_a_list_of_something_that_is_not_authentik_is_told_as_that(answer: Any) -> None:
    with Server(reply(200, answer)) as server, pytest.raises(AuthentikError, match="authentik:url"):
        Client(server.url, TOKEN).find("/x/", {}, CALL)


def test_what_goes_out_is_json_with_the_token_and_nothing_is_kept_of_what_comes_back() -> None:
    with Server(reply(200, {}, Set_Cookie="session=1; Path=/", Location="/elsewhere")) as server:
        client = Client(f"{server.url}/", TOKEN)
        client.patch("/x/1/", {"name": "ü"}, CALL)
        client.get("/x/1/", CALL)
        first, second = server.asked
        assert first.headers["authorization"] == second.headers["authorization"] == f"Bearer {TOKEN}"
        assert first.headers["accept"] == second.headers["accept"] == "application/json"
        assert (first.path, first.body) == ("/api/v3/x/1/", {"name": "ü"})
        assert "cookie" not in second.headers


def test_a_netrc_never_replaces_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with Server() as server:
        SAFE["GET"](Client(server.url, TOKEN))
        assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_one_client_is_shared_by_url_and_token() -> None:
    assert shared_client("http://a", "t") is shared_client("http://a", "t")
    assert shared_client("http://a", "t") is not shared_client("http://a", "u")
    assert shared_client("http://a", "t") is not shared_client("http://b", "t")
