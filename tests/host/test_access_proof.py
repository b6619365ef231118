"""AccessProof on the real host of dynamic providers: when it asks, and that it tells no header."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from providers.access import verify
from providers.access.header import wrong_header
from providers.access.proof import AccessProofProvider
from providers.errors import ProviderError
from tests.tls import certificate, serving
from tests.unit.server import Handler, Server, reply

from .engine import UNKNOWN, Host, HostError, Props, Resource

NAME = "photos.example.org"
ANNA, BEN = ("Basic " + base64.b64encode(f"{name}:s3cret-of-{name}".encode()).decode() for name in ("anna", "ben"))


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), NAME)


def _answer(handler: Handler) -> None:
    """As a site does that lets anna and ben in and nobody else."""
    header = handler.headers.get("Authorization")
    if header in (ANNA, BEN):
        reply(200, {"res": "pong"})(handler)
    elif header:
        reply(403, X_Immich_Access="refused")(handler)
    elif handler.headers["User-Agent"].startswith("Dart/"):
        reply(403, X_Immich_Access="header-missing")(handler)
    else:
        reply(302, X_Immich_Access="login")(handler)


@contextmanager
def site(pem: Path) -> Iterator[tuple[Server, Props]]:
    """A site, and what a proof of it declares."""
    with serving(pem, _answer) as (server, address):
        declared: Props = {
            "url": f"https://{NAME}",
            "address": address,
            "ca": str(pem),
            "path": "/api/server/ping",
            "headers": {"anna": ANNA, "ben": BEN},
            "refused": {},
            "usernames": {"anna": "phone-anna", "ben": "phone-ben", "cleo": "phone-cleo"},
            "accounts": {"anna": "1", "ben": "1"},
            "account": "phone",
            "upstream": "http://immich:2283",
            "other_doors": [],
            "caddy_admin": "",
            "application": "immich",
            "provider": "Immich",
            "phones_group": "phones",
            "people_groups": ["family"],
            "outpost": "outpost",
            "restricted": False,
            "subject": "1",
        }
        yield server, declared


@pytest.fixture
def proof() -> Iterator[Resource]:
    """A proof on a host of its own, which has written nothing."""
    with Host({}, {}) as host:
        yield Resource(host, AccessProofProvider)


def test_a_proof_asks_for_each_phone_and_for_strangers_and_keeps_no_header(pem: Path, proof: Resource) -> None:
    with site(pem) as (server, declared):
        outs = proof.create(declared)
        sent = dict.fromkeys(each.headers.get("authorization") for each in server.asked)  # one may be asked again
        assert list(sent) == [ANNA, BEN, wrong_header("phone"), None]
    assert proof.id == f"https://{NAME}"
    assert not [header for header in (ANNA, BEN) if header.split()[1] in json.dumps(outs)]


def test_a_proof_that_was_made_asks_nothing_more_until_something_changes(pem: Path, proof: Resource) -> None:
    with site(pem) as (server, declared):
        proof.create(declared)
        asked = len(server.asked)
        assert proof.up(declared) == "same"
        assert proof.refresh()
        assert proof.up(declared) == "same"
        proof.delete()
        assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({"subject": "2"}, True),
        ({"subject": UNKNOWN}, True),
        ({"headers": UNKNOWN}, True),
        ({"headers": {"anna": ANNA, "ben": ANNA}}, True),
        (
            {
                "headers": {"anna": ANNA, "ben": BEN, "cleo": BEN},
                "accounts": dict.fromkeys(("anna", "ben", "cleo"), "1"),
            },
            True,
        ),
        ({"accounts": {"anna": "2", "ben": "1"}}, True),  # something was written to it
        ({"headers": {}, "refused": {"anna": ANNA, "ben": BEN}}, True),
        ({"address": "192.0.2.7:443"}, True),
        (
            {"headers": {"anna": ANNA}, "accounts": {"anna": "1"}},
            False,
        ),  # to revoke a phone must not wait until all else is well
    ],
)
def test_a_proof_is_made_anew_in_place_of_the_former_one_when_its_subject_changes(
    pem: Path, proof: Resource, changed: Props, again: bool
) -> None:
    with site(pem) as (_, declared):
        proof.create(declared)
        assert proof.diff(declared | changed) == (again, ["subject"] if again else [], again)


def test_a_proof_that_fails_leaves_none_and_tells_no_header(pem: Path, proof: Resource) -> None:
    with serving(pem, reply(302)) as (_, address), site(pem) as (_, declared):
        spoiled = declared | {"address": address, "ca": ""}  # a certificate that nobody vouches for is not waited for
        with pytest.raises(HostError) as failure:
            proof.create(spoiled)
    assert proof.id == ""
    assert "phone 'anna' does not get through: TLS with the public address fails" in str(failure.value)
    assert "phone 'ben' does not get through" in str(failure.value)
    assert "Traceback" not in str(failure.value)
    assert not [header for header in (ANNA, BEN) if header.split()[1] in str(failure.value)]


def test_a_site_that_is_open_to_who_sends_no_header_fails_the_proof(pem: Path, proof: Resource) -> None:
    def opened(handler: Handler) -> None:
        (_answer if "Authorization" in handler.headers else reply(200, {"res": "pong"}))(handler)

    refused = pytest.raises(HostError, match="a request without a header gets through")
    with serving(pem, opened) as (_, address), site(pem) as (_, declared), refused:
        proof.create(declared | {"address": address})
    assert proof.id == ""


def test_a_phone_that_is_switched_off_is_asked_for_and_fails_the_proof_where_it_still_gets_in(
    pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "FORGETTING", 0.1)  # the outpost's own minute
    provider = AccessProofProvider()
    provider.configure(ConfigureRequest(Config({}, "immich")))
    with site(pem) as (server, declared):
        cleo = ANNA.replace("Basic ", "Basic eHh4")
        provider.create(declared | {"refused": {"cleo": cleo}, "accounts": dict.fromkeys(("anna", "ben", "cleo"), "1")})
        assert cleo in [each.headers.get("authorization") for each in server.asked]
        with pytest.raises(ProviderError, match="phone 'ben', which is switched off, gets through") as failure:
            provider.create(declared | {"headers": {"anna": ANNA}, "refused": {"ben": BEN}})
    assert BEN.split()[1] not in str(failure.value)


def test_a_spoiled_header_is_refused_before_anything_is_asked_and_not_shown(pem: Path, proof: Resource) -> None:
    with site(pem) as (server, declared):
        _, failures = proof.check(declared | {"headers": {"anna": f"{ANNA}\n"}})
        assert server.asked == []
    (reason,) = failures.values()
    assert reason.startswith("headers: phone 'anna': the header contains a line break")
    assert ANNA.split()[1] not in reason


def test_what_is_missing_is_named(proof: Resource) -> None:
    assert proof.check({})[1].keys() >= {"url", "headers", "subject"}
