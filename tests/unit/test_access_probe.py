"""The requests to the public address, against a real server with TLS; and a trial made of them."""

import base64
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from providers.access import verify
from providers.access.collect import Collector, Names
from providers.access.facts import Answer, NoAnswer, ProbeResult
from providers.access.findings import Finding
from providers.access.header import wrong_header
from providers.access.probe import PublicAddress
from providers.access.verify import ProofError, Verification
from providers.authentik.api.client import Client
from providers.authentik.api.configured import connect
from providers.errors import ProviderError
from tests.tls import certificate, serving

from .server import Answer as Reply
from .server import Handler, Server, hang, reply

NAME = "photos.example.org"
PING = "/api/server/ping"
HEADER = "Basic " + base64.b64encode(b"phone:s3cret").decode()
USERNAMES = {"anna": "phone"}
WRONG_HEADER = wrong_header("phone")
PONG = reply(200, {"res": "pong"})
REFUSED = reply(403, {"message": "The proxy refused"}, X_Immich_Access="refused")
LOGIN = reply(
    302,
    Location="https://auth.example.org/application/o/authorize/?client_id=public-id&state=s3cret",
    X_Immich_Access="login",
)


MISSING = reply(403, {"message": "The proxy needs the header"}, X_Immich_Access="header-missing")
APP = "app"
"""In place of a header: the app without one."""


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of its own for the public name, with its key."""
    return certificate(tmp_path_factory.mktemp("tls"), NAME)


def public(address: str, ca: Path | str, name: str = NAME, path: str = PING) -> PublicAddress:
    return PublicAddress(f"https://{name}:8443", address, str(ca), path)


def test_a_request_goes_to_the_address_by_the_public_name_with_the_header_and_nothing_of_it_comes_back(
    pem: Path,
) -> None:
    with serving(pem, PONG) as (server, address):
        assert public(address, pem).ask(HEADER) == Answer(200, immich=True)
        asked = server.asked[0]
    assert (asked.method, asked.path, asked.headers["host"]) == ("GET", PING, f"{NAME}:8443")
    assert asked.headers["authorization"] == HEADER


def test_without_a_header_none_is_sent_even_with_a_netrc(
    pem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text(f"machine {NAME} login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving(pem, LOGIN) as (server, address):
        answer = public(address, pem).ask(None)
        assert "authorization" not in server.asked[0].headers
        assert server.asked[0].headers["sec-fetch-mode"] == "navigate"
    login = "https://auth.example.org/application/o/authorize/"
    assert answer == Answer(302, location=login, verdict="login", client="public-id")


@pytest.mark.parametrize(
    ("path", "answer", "immich"),
    [
        (PING, PONG, True),
        (PING, reply(200, b"<html>Log in", Content_Type="text/html"), False),
        (PING, reply(200, b""), False),
        (PING, reply(200, ["res"]), False),
        (PING, reply(200, {"res": "pong", "more": 1}), False),
        (PING, reply(201, {"res": "pong"}), False),
        ("/api/server/version", reply(200, {"major": 3, "minor": 0, "patch": 1}), True),
        ("/api/server/version", PONG, False),
        ("/api/server/version", reply(200, ["major"]), False),
    ],
)
def test_only_immichs_own_answer_is_taken_for_it(pem: Path, path: str, answer: Reply, immich: bool) -> None:
    with serving(pem, answer) as (_, address):
        got = public(address, pem, path=path).ask(HEADER)
    assert isinstance(got, Answer)
    assert got.immich is immich


def test_what_fails_first_is_told_and_whether_time_may_mend_it(pem: Path) -> None:
    with serving(pem, PONG) as (_, address):
        untrusted = public(address, "").ask(HEADER)
        other = public(address, pem, name="other.example.org").ask(HEADER)
    nobody = Server(listening=False)
    refused = public(nobody.url.removeprefix("http://"), pem).ask(HEADER)
    nobody.bound.close()
    unknown = public("no-such-host.invalid:443", pem).ask(HEADER)
    seen = [(each.step, each.passing) for each in (untrusted, other, refused, unknown) if isinstance(each, NoAnswer)]
    assert seen == [("certificate", False), ("certificate", False), ("connection", True), ("name", False)]


@pytest.mark.parametrize("header", [f"{HEADER}\n", f"{HEADER[:9]}\r\nX-Other: 1", HEADER.replace("B", "ß–")])
def test_a_header_that_cannot_be_sent_is_not_sent(pem: Path, header: str) -> None:
    with serving(pem, PONG) as (server, address):
        answer = public(address, pem).ask(header)
        assert server.asked == []
    assert isinstance(answer, NoAnswer)
    assert answer.step == "header"
    assert header[7:] not in answer.reason


def test_over_http_the_same_host_is_asked_by_its_name(pem: Path) -> None:
    with Server(PONG) as server:
        port = int(server.url.rpartition(":")[2])
        got = PublicAddress(f"https://{NAME}", "127.0.0.1:1", str(pem), PING, plain_port=port).ask_plainly()
        assert (server.asked[0].headers["host"], server.asked[0].path) == (NAME, PING)
    assert got == Answer(200, immich=True)


def test_a_file_that_is_no_ca_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(ProviderError, match=f"{path.name} is not a readable PEM file.*immich:probeCa"):
            public("127.0.0.1:1", path)


def by_header(answers: dict[str | None, Sequence[Reply]]) -> Reply:
    """Answers by the header of the request, APP or None, in order; the last one again and again."""
    left = {header: list(each) for header, each in answers.items()}

    def answer(handler: Handler) -> None:
        app = APP if handler.headers["User-Agent"].startswith("Dart/") else None
        known = left[handler.headers.get("Authorization", app)]
        (known.pop(0) if len(known) > 1 else known[0])(handler)

    return answer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {
        "LOADING": 0.5,
        "LOADING_LATE": 0.5,
        "ISSUING": 0.5,
        "FORGETTING": 0.5,
        "PAUSE": 0.01,
    }.items():
        monkeypatch.setattr(verify, name, seconds)


NAMES = Names(
    *(f"https://{NAME}", "phone", "http://immich:2283", (), "", "immich", "Immich", "phones", (), "outpost"),
    restricted=False,
)


def tried(pem: Path, answers: dict[str | None, Sequence[Reply]], *, off: bool = False) -> None:
    """Prove one phone in front of a server that answers like that; nothing is known of Authentik and Caddy."""
    collector = Collector(NAMES, lambda: connect("", ""))
    phones = {"anna": HEADER}
    with serving(pem, by_header(answers)) as (_, address):
        Verification(public(address, pem), collector, USERNAMES).prove({} if off else phones, phones if off else {})


GOOD: dict[str | None, Sequence[Reply]] = {HEADER: [PONG], WRONG_HEADER: [REFUSED], None: [LOGIN], APP: [MISSING]}
LOADING = reply(404, X_Immich_Access="not-asked")
FAILED = reply(502, X_Immich_Access="failed")
NOT_REFUSED = "is not refused as it should be"


def test_a_trial_is_passed_where_the_phone_alone_gets_through(pem: Path) -> None:
    tried(pem, GOOD)


def test_a_trial_waits_for_what_is_loading(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "LOADING", 60.0)
    tried(
        pem,
        GOOD
        | {
            HEADER: [LOADING, reply(502), hang, PONG],
            WRONG_HEADER: [LOADING, reply(502), hang, REFUSED],
            None: [FAILED, hang, reply(500), LOGIN],
            APP: [FAILED, hang, LOGIN, MISSING],
        },
    )


def test_a_trial_waits_longer_where_the_outpost_has_not_been_told_of_the_site(
    pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "LOADING", 0.0)
    monkeypatch.setattr(verify, "LOADING_LATE", 60.0)
    tried(pem, GOOD | {HEADER: [reply(502), reply(502), PONG], None: [LOADING, LOADING, LOGIN]})
    tried(pem, GOOD | {HEADER: [reply(502), PONG]})  # loaded between the phone's question and the one without a header


@pytest.mark.parametrize(("answers", "let_in"), [([REFUSED] * 9 + [PONG], True), ([FAILED], False)])
def test_a_refusal_that_nothing_explains_is_waited_for_and_what_is_explained_is_not(
    answers: list[Reply], let_in: bool, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen on a busy 2025.8.1: after another slug the outpost refuses every header until it is told."""
    monkeypatch.setattr(verify, "LOADING", 0.0)
    monkeypatch.setattr(verify, "LOADING_LATE", 60.0)
    began = time.monotonic()
    with nullcontext() if let_in else pytest.raises(ProofError, match=Finding.IMMICH_DOWN.text):
        tried(pem, GOOD | {HEADER: answers})
    assert time.monotonic() - began < 20


class JustReplaced(Collector):
    """The collector of a stack whose provider was just replaced."""

    def serves_another(self, without: ProbeResult) -> bool:
        return isinstance(without, Answer) and without.client == "former"


def test_a_trial_waits_longer_where_the_outpost_still_serves_the_former_provider(
    pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen on 2025.8.1: until it reloads, it checks the header against the former provider, and refuses it."""
    monkeypatch.setattr(verify, "LOADING", 0.0)
    monkeypatch.setattr(verify, "LOADING_LATE", 60.0)
    former = reply(302, Location="https://auth.example.org/?client_id=former", X_Immich_Access="login")
    answers = GOOD | {HEADER: [REFUSED, REFUSED, PONG], None: [former, former, LOGIN]}
    with serving(pem, by_header(answers)) as (_, address):
        collector = JustReplaced(NAMES, lambda: connect("", ""))
        Verification(public(address, pem), collector, USERNAMES).prove({"anna": HEADER}, {})


@pytest.mark.parametrize(
    ("client", "another"), [("ours", False), ("former", True), ("", False)], ids=["ours", "another", "no redirect"]
)
def test_a_redirect_to_log_in_tells_whose_provider_the_outpost_serves(client: str, another: bool) -> None:
    listed = {"pagination": {"next": 0}, "results": [{"pk": 1, "name": "Immich", "client_id": "ours"}]}
    with Server(reply(200, listed)) as server:
        collector = Collector(NAMES, lambda: Client(server.url, "token"))
        assert collector.serves_another(Answer(302, verdict="login", client=client)) is another


def test_an_error_does_not_hide_that_a_request_without_a_header_gets_through(
    pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "LOADING", 60.0)
    with pytest.raises(ProofError, match=f"a request without a header gets through: {Finding.OPEN.text}"):
        tried(pem, GOOD | {None: [reply(502), hang, PONG]})


def test_a_door_over_http_fails_the_trial(pem: Path) -> None:
    with serving(pem, by_header(GOOD)) as (_, address), Server(PONG) as server:
        port = int(server.url.rpartition(":")[2])
        opened = PublicAddress(f"https://{NAME}", address, str(pem), PING, plain_port=port)
        with pytest.raises(ProofError, match=f"a request over http:// gets through: {Finding.OPEN_PLAINLY.text}"):
            Verification(opened, Collector(NAMES, lambda: connect("", "")), USERNAMES).prove({"anna": HEADER}, {})


def test_a_phone_that_is_switched_off_may_take_a_while_to_be_forgotten(pem: Path) -> None:
    tried(pem, GOOD | {HEADER: [PONG, PONG, REFUSED]}, off=True)


@pytest.mark.parametrize(
    ("answers", "off", "said"),
    [
        ({HEADER: [FAILED]}, False, f"phone 'anna' does not get through: {Finding.IMMICH_DOWN.text}"),
        ({HEADER: [reply(200, b"<html>")]}, False, Finding.NOT_IMMICH.text),
        ({HEADER: [REFUSED]}, False, Finding.UNEXPLAINED.text),
        ({None: [PONG]}, False, f"a request without a header gets through: {Finding.OPEN.text}"),
        ({None: [reply(500)]}, False, f"a request without a header {NOT_REFUSED}: {Finding.OTHER_ANSWERS.text} (500)"),
        ({APP: [PONG]}, False, f"an app without a header gets through: {Finding.OPEN.text}"),
        ({APP: [LOGIN]}, False, f"an app without a header {NOT_REFUSED}: {Finding.OTHER_ANSWERS.text} (302 to"),
        ({None: [hang]}, False, f"a request without a header {NOT_REFUSED}: {Finding.UNREACHABLE.text}"),
        (
            {None: [FAILED], WRONG_HEADER: [REFUSED, FAILED]},
            False,
            f"a request without a header {NOT_REFUSED}: {Finding.OUTPOST_UNREACHABLE.text} (502 failed)",
        ),
        ({WRONG_HEADER: [reply(503)]}, False, f"a wrong header {NOT_REFUSED}: {Finding.OTHER_ANSWERS.text} (503)"),
        ({WRONG_HEADER: [PONG]}, False, f"a wrong header gets through: {Finding.OPEN_TO_ANY_HEADER.text}"),
        ({WRONG_HEADER: [LOGIN]}, False, f"a wrong header {NOT_REFUSED}: {Finding.HEADER_LOST.text}"),
        ({HEADER: [PONG]}, True, f"phone 'anna', which is switched off, gets through: {Finding.STILL_IN.text}"),
    ],
)
def test_a_trial_that_fails_names_who_and_why_and_no_header(
    pem: Path, answers: dict[str | None, Sequence[Reply]], off: bool, said: str
) -> None:
    with pytest.raises(ProofError) as failure:
        tried(pem, GOOD | answers, off=off)
    assert said in str(failure.value)
    assert HEADER.split()[1] not in str(failure.value)


def test_what_time_does_not_mend_is_not_waited_for(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "ISSUING", 60.0)
    began, collector = time.monotonic(), Collector(NAMES, lambda: connect("", ""))
    with serving(pem, PONG) as (_, address), pytest.raises(ProofError, match=Finding.TLS.text):
        Verification(public(address, ""), collector, USERNAMES).prove({"anna": HEADER}, {})
    assert time.monotonic() - began < 30
