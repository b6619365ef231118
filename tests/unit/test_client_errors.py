"""What the HTTP client tells when a call fails: object, call, reason and remedy, and never a secret."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tenacity
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from providers import retry as module
from providers.authentik.api.client import Client
from providers.authentik.api.errors import AuthentikError, Call, Forbidden, NotFound, Refused
from tests.tls import certificate, serving

from .server import Answer, Server, hang, reply, reset

CALL = Call("find group 'phones'", "authentik_core.view_group")
TOKEN = "the-token-of-this-test"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT", 0.1)
    monkeypatch.setattr(module, "READ", 1.0)
    monkeypatch.setattr(module, "UNREACHABLE_BOUND", 0.05)
    monkeypatch.setattr(module, "BUSY_BOUND", 0.05)
    monkeypatch.setattr(module, "_growing", tenacity.wait_fixed(0.04))


def failure(answer: Answer, method: str = "GET") -> AuthentikError:
    with Server(answer) as server:
        client = Client(server.url, TOKEN)
        call: Callable[[str, Call], Any] = client.delete if method == "DELETE" else client.get
        with pytest.raises(AuthentikError) as caught:
            call("/core/groups/", CALL)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"cannot find group 'phones': {method} /core/groups/")
    return caught.value


@pytest.mark.parametrize("detail", ["Token invalid/expired", "Authentication credentials were not provided."])
def test_a_wrong_token_is_told_by_the_name_of_its_variable(detail: str) -> None:
    error = failure(reply(403, {"detail": detail}))
    assert isinstance(error, Forbidden)
    assert "AUTHENTIK_TOKEN" in str(error)
    assert "view_group" not in str(error)


def test_a_missing_right_is_told_by_its_name() -> None:
    error = failure(reply(403, {"detail": "You do not have permission to perform this action."}))
    assert isinstance(error, Forbidden)
    assert str(error).endswith("The token's user needs the right authentik_core.view_group.")
    assert "AUTHENTIK_TOKEN" not in str(error)


def test_what_is_not_there_is_told_apart() -> None:
    assert isinstance(failure(reply(404, {"detail": "Not found."})), NotFound)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_page_that_says_404_is_not_taken_for_an_object_that_is_gone(method: str) -> None:
    error = failure(reply(404, b"<html>secret", Content_Type="text/html"), method)
    assert not isinstance(error, NotFound)
    assert "answered 404 with text/html, which is not an answer of its API. Check that authentik:url" in str(error)


def test_a_refused_body_is_told_field_by_field() -> None:
    said = {"slug": ["Reserved.", "Too short."], "non_field_errors": ["Only one of both."], "config": {"a": ["b"]}}
    error = failure(reply(400, said))
    assert isinstance(error, Refused)
    assert error.fields == {"slug": "Reserved. Too short.", "": "Only one of both.", "config": "refused"}
    assert "answered 400: slug: Reserved. Too short.; Only one of both.; config: refused" in str(error)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_a_login_page_is_refused_without_its_query(method: str, status: int) -> None:
    error = failure(reply(status, Location="https://sso.example.org/login?next=secret"), method)
    assert f"answered {status}, a redirect to https://sso.example.org/login." in str(error)
    assert "authentik:url must be Authentik's own address" in str(error)


def test_a_redirect_is_told_without_the_password_in_it() -> None:
    error = failure(reply(302, Location="https://anna:s3cret@sso.example.org/login"))
    assert "a redirect to https://sso.example.org/login." in str(error)
    assert "anna" not in str(error)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_login_page_with_200_is_refused(method: str) -> None:
    error = failure(reply(200, b"<html>password</html>", Content_Type="text/html; charset=utf-8"), method)
    assert "answered 200 with text/html; charset=utf-8, which is not " in str(error)
    assert "login page in front of it" in str(error)
    assert "password" not in str(error)


@pytest.mark.parametrize("body", [b'{"results": [', b"", b"\xff\xfe", b"null", b"7", b'"x"', b"[]"])
def test_an_answer_that_is_no_json_object_is_refused(body: bytes) -> None:
    assert "not a JSON object" in str(failure(reply(200, body, Content_Type="application/json")))


def test_an_answer_that_broke_off_is_told_as_that() -> None:
    assert "broke off" in str(failure(reply(200, b'{"pk": 1}', Content_Length="50")))


@pytest.mark.parametrize(
    "detail", ["a\nb", "a\x1b[31mb", "a\u202eb", "a\u2028b", "x" * 5000, ["a\nb"], {"deep": "x"}, None, 7]
)
def test_what_a_server_says_cannot_write_over_the_terminal(detail: Any) -> None:
    text = str(failure(reply(501, {"detail": detail})))
    assert text.isprintable()
    assert len(text) < 600


def test_a_body_that_is_no_json_is_never_told() -> None:
    assert "answered 501: text/html. Look into" in str(failure(reply(501, b"<pre>secret", Content_Type="text/html")))


def test_a_name_that_does_not_resolve_is_told() -> None:
    with pytest.raises(AuthentikError, match=r"http://authentik\.invalid does not answer: .+ Check authentik:url"):
        Client("http://authentik.invalid", TOKEN).get("/x/", CALL)


@pytest.mark.parametrize("url", ["authentik", "ftp://127.0.0.1", "http://", "http://[::1", "http://a\tb"])
def test_a_url_that_is_none_is_told_by_the_name_of_its_setting(url: str) -> None:
    client = Client(url, TOKEN)
    calls: list[Callable[[], Any]] = [lambda: client.get("/x/", CALL), lambda: client.post("/x/", {}, CALL)]
    for call in calls:
        with pytest.raises(AuthentikError, match="authentik:url") as caught:
            call()
        assert type(caught.value) is AuthentikError


@pytest.mark.parametrize(
    "token", ["", " ", "abc123\n", " abc123", "abc 123", "schlüssel", "€", "a\0b", "a\r\nX-Evil: 1", "\ud800"]
)
def test_a_token_that_cannot_go_into_a_header_is_told_by_the_name_of_its_variable(token: str) -> None:
    with Server() as server:
        with pytest.raises(AuthentikError, match="AUTHENTIK_TOKEN") as caught:
            Client(server.url, token).get("/x/", CALL)
        assert server.asked == []
    assert not token.strip() or token.strip() not in str(caught.value)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server with a certificate of its own, and that certificate as a PEM file."""
    pem = certificate(tmp_path_factory.mktemp("tls"), "localhost")
    with serving(pem, reply(200, {"pk": 1})) as (server, _):
        server.url = server.url.replace("http://127.0.0.1", "https://localhost")
        yield server, pem


def test_a_certificate_of_the_operators_own_ca_is_refused_once_with_the_remedy(tls: tuple[Server, Path]) -> None:
    server, _ = tls
    with pytest.raises(AuthentikError) as caught:
        Client(server.url, TOKEN).get("/x/", CALL)
    text = str(caught.value)
    assert text.startswith(f"cannot find group 'phones': GET /x/: TLS with {server.url} failed: ")
    assert "certificate verify failed" in text
    assert text.endswith("name that CA's PEM file in REQUESTS_CA_BUNDLE.")
    assert server.asked == []


def test_the_remedy_helps(tls: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    server, pem = tls
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    assert Client(server.url, TOKEN).get("/x/", CALL) == {"pk": 1}


@pytest.mark.parametrize(
    "answer",
    [
        *(reset, hang),
        *(reply(status, {"detail": "Bearer ECHO", "ECHO": ["ECHO"]}) for status in (400, 401, 403, 404, 429, 500, 503)),
        reply(200, b"ECHO", Content_Type="text/ECHO"),
        reply(500, b"ECHO", Content_Type="text/ECHO"),
        reply(302, Location="https://ECHO:ECHO@ECHO/ECHO?ECHO#ECHO"),
    ],
)
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=12, max_size=80))
@example(token="ak-Token_1.2/3+4==")
@example(token="%s%(x)s{0}{token}\\n$1")
def test_the_token_is_in_no_message_even_if_the_server_says_it(answer: Answer, token: str) -> None:
    with Server(answer) as server:
        client = Client(server.url, token)
        for call in (client.get, lambda path, call: client.patch(path, {}, call)):
            with pytest.raises(AuthentikError) as caught:
                call("/x/", CALL)
            assert token not in str(caught.value)
            assert token not in repr(caught.value.__cause__)
            assert caught.value.__suppress_context__ or caught.value.__context__ is None
