"""Immich's login is signed by an RSA key, or refused before anything is written."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from .conftest import Authentik, Make
from .engine import HostError, Props
from .samples import IMPLICIT, INVALIDATION, SIGNING_KEY

REFUSED = r"the argument signing_key names the certificate .* key is of type ec\. Expected"


def elliptic(authentik: Authentik) -> str:
    """The name of a certificate whose key is not RSA."""
    name, key, now = authentik.name("certificate"), ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    pair = {"certificate_data": signed.public_bytes(Encoding.PEM).decode(), "key_data": private}
    authentik.call("POST", "/crypto/certificatekeypairs/", {"name": name, **pair})
    return name


def login(authentik: Authentik, certificate: str) -> Props:
    """An OAuth2 provider whose signing key must be an RSA key."""
    flows = {"authorization_flow": IMPLICIT, "invalidation_flow": INVALIDATION}
    named = {"signing_key": certificate, "rsa_key": True}
    return {"name": authentik.name("login"), "redirect_uris": [], **flows, **named}


def test_a_new_login_with_another_key_is_refused(authentik: Authentik, resource: Make) -> None:
    bag, since = login(authentik, elliptic(authentik)), authentik.mark()
    with pytest.raises(HostError, match=REFUSED):
        resource("OAuth2Provider").up(bag)
    assert authentik.written(since) == []


def test_a_login_with_an_rsa_key_is_made_and_never_given_another(authentik: Authentik, resource: Make) -> None:
    made, bag = resource("OAuth2Provider"), login(authentik, SIGNING_KEY)
    assert made.up(bag) == "created"
    other, since = elliptic(authentik), authentik.mark()
    with pytest.raises(HostError, match=REFUSED):
        made.up(bag | {"signing_key": other})
    assert authentik.written(since) == []
