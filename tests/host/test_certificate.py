"""Key pairs: how they are made, renewed and told apart, through the real host."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from providers.authentik.key_pair import new_key_pair

from .conftest import Authentik, Make
from .engine import HostError, Props
from .samples import IMPLICIT, INVALIDATION

PATH = "/crypto/certificatekeypairs/"


def declared(authentik: Authentik, **fields: Any) -> Props:
    return {"name": authentik.name("certificate"), "organization": "immich/test", **fields}


def certificate_of(authentik: Authentik, outs: Props) -> x509.Certificate:
    """The certificate as the server hands it out."""
    pem = authentik.call("GET", f"{PATH}{outs['pk']}/view_certificate/")["data"]
    return x509.load_pem_x509_certificate(pem.encode())


def by_hand(authentik: Authentik, name: str, organization: str, validity_days: int = 365, alg: str = "rsa") -> Props:
    """A pair that stands there already."""
    pair = new_key_pair(name, organization, alg, validity_days)
    made: Props = authentik.call("POST", PATH, {"name": name, **pair})
    return made


@pytest.mark.parametrize(("alg", "key"), [("rsa", rsa.RSAPublicKey), ("ecdsa", ec.EllipticCurvePublicKey)])
def test_a_pair_is_what_was_asked_for_and_its_private_key_is_nowhere_but_at_the_server(
    alg: str, key: type, authentik: Authentik, resource: Make
) -> None:
    made, bag = resource("Certificate"), declared(authentik, alg=alg, validity_days=100)
    made.up(bag)
    certificate = certificate_of(authentik, made.outs)
    assert isinstance(certificate.public_key(), key)
    assert abs(certificate.not_valid_after_utc - datetime.now(UTC) - timedelta(days=100)) < timedelta(minutes=10)
    assert certificate.not_valid_before_utc < datetime.now(UTC)
    assert authentik.call("GET", f"{PATH}{made.id}/")["private_key_available"] is True
    assert "PRIVATE KEY" not in str(made.outs)
    assert "key_data" not in made.outs


def test_a_pair_is_left_alone_until_it_is_about_to_expire(authentik: Authentik, resource: Make) -> None:
    made, bag = resource("Certificate"), declared(authentik, validity_days=40, renew_before_days=39)
    made.up(bag)
    assert made.up(bag) == "same"
    assert made.up(bag | {"renew_before_days": 38}) == "updated"


def test_about_to_expire_it_gets_a_new_pair_in_its_place(authentik: Authentik, resource: Make) -> None:
    made, bag = resource("Certificate"), declared(authentik, validity_days=90, renew_before_days=30)
    made.up(bag)
    old = made.outs["fingerprint_sha256"], made.id
    soon = new_key_pair(bag["name"], bag["organization"], "rsa", 29)
    authentik.call("PATCH", f"{PATH}{made.id}/", soon)
    made.refresh()
    worn = made.outs["fingerprint_sha256"]
    assert made.up(bag) == "updated"
    assert made.id == old[1]
    assert made.outs["fingerprint_sha256"] not in (old[0], worn)
    assert certificate_of(authentik, made.outs).not_valid_after_utc > datetime.now(UTC) + timedelta(days=89)
    assert made.up(bag) == "same"


@pytest.mark.parametrize("news", [{"alg": "ecdsa"}, {"validity_days": 50}, {"organization": "immich/other"}])
def test_what_a_pair_is_made_of_changes_with_a_new_one_under_the_same_primary_key(
    news: Props, authentik: Authentik, resource: Make
) -> None:
    made, bag = resource("Certificate"), declared(authentik)
    made.up(bag)
    id_, print_ = made.id, made.outs["fingerprint_sha256"]
    assert made.up(bag | news) == "updated"
    assert made.id == id_
    assert made.outs["fingerprint_sha256"] != print_
    assert made.up(bag | news) == "same"
    made.refresh()
    assert made.up(bag | news) == "same"


def test_a_new_name_keeps_the_pair(authentik: Authentik, resource: Make) -> None:
    made, bag = resource("Certificate"), declared(authentik)
    made.up(bag)
    print_ = made.outs["fingerprint_sha256"]
    assert made.up(bag | {"name": authentik.name("renamed")}) == "updated"
    assert made.outs["fingerprint_sha256"] == print_


@pytest.mark.parametrize("damage", ["another's pair", "no private key"])
def test_a_pair_that_was_exchanged_behind_our_back_is_drift_and_made_anew(
    damage: str, authentik: Authentik, resource: Make
) -> None:
    made, bag = resource("Certificate"), declared(authentik)
    made.up(bag)
    foreign = new_key_pair(bag["name"], "somebody", "rsa", 365) if damage == "another's pair" else {"key_data": ""}
    authentik.call("PATCH", f"{PATH}{made.id}/", foreign)
    assert made.refresh()
    assert made.up(bag) == "updated"
    assert certificate_of(authentik, made.outs).subject.rfc4514_string().startswith("O=immich/test")
    assert authentik.call("GET", f"{PATH}{made.id}/")["private_key_available"] is True


@pytest.mark.parametrize("organization", ["somebody", ""])
@pytest.mark.parametrize("adopt", [False, True])
def test_a_pair_of_somebody_elses_is_never_taken_over(
    organization: str, adopt: bool, authentik: Authentik, resource: Make
) -> None:
    bag = declared(authentik, adopt=adopt)
    found, since = by_hand(authentik, bag["name"], organization), authentik.mark()
    with pytest.raises(HostError, match=r"nothing says that it is ours.*Nothing was written"):
        resource("Certificate").up(bag)
    assert set(authentik.written(since)) == {f"POST {PATH}"}
    now = authentik.call("GET", f"{PATH}{found['pk']}/")
    assert now["fingerprint_sha256"] == found["fingerprint_sha256"]


def test_what_an_interrupted_run_of_ours_left_is_made_anew(authentik: Authentik, resource: Make) -> None:
    made, bag = resource("Certificate"), declared(authentik, alg="ecdsa")
    found = by_hand(authentik, bag["name"], bag["organization"])
    made.up(bag)
    assert made.outs["fingerprint_sha256"] != found["fingerprint_sha256"]
    named = authentik.call("GET", f"{PATH}?name={bag['name']}")["results"]
    assert [each["pk"] for each in named] == [made.id]
    assert made.up(bag) == "same"


def test_a_pair_that_would_be_renewed_by_every_run_is_refused(authentik: Authentik, resource: Make) -> None:
    _, failures = resource("Certificate").check(declared(authentik, validity_days=30))
    assert "fewer days than validity_days" in failures["renew_before_days"]


def login(authentik: Authentik, certificate: str) -> Props:
    """An OAuth2 provider whose signing key the setting immich:loginCertificate names."""
    flows = {"authorization_flow": IMPLICIT, "invalidation_flow": INVALIDATION}
    named = {"signing_key": certificate, "rsa_key": "immich:loginCertificate"}
    return {"name": authentik.name("login"), "redirect_uris": [], **flows, **named}


@pytest.mark.parametrize("alg", ["rsa", "ecdsa"])
def test_a_login_is_signed_by_an_rsa_key_or_refused_before_anything_is_written(
    alg: str, authentik: Authentik, resource: Make
) -> None:
    made = by_hand(authentik, authentik.name("certificate"), "somebody", alg=alg)
    provider, bag, since = resource("OAuth2Provider"), login(authentik, made["name"]), authentik.mark()
    if alg == "rsa":
        assert provider.up(bag) == "created"
        return
    with pytest.raises(
        HostError, match=r"immich:loginCertificate names the certificate .* key is of type ec\. Expected"
    ):
        provider.up(bag)
    assert authentik.written(since) == []
