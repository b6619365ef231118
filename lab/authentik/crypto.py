"""Certificate pairs. `cryptography` is imported only when one is looked at: it would slow every start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.authentik.clock import stamp
from lab.authentik.errors import on_field
from lab.authentik.fields import Row
from lab.authentik.store import Store

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def ensure(store: Store, row: Row) -> Row:
    """The server's own pair is made at its first use."""
    if row["certificate_data"]:
        return row
    certificate, key = self_signed(row["name"])
    return store.change("keypair", row["pk"], certificate_data=certificate, key_data=key)


def self_signed(name: str) -> tuple[str, str]:
    """A certificate and its RSA key as PEM, good for a year."""
    from datetime import timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    from lab.authentik.clock import now

    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([
        x509.NameAttribute(NameOID.COMMON_NAME, name),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "authentik"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Self-signed"),
    ])  # fmt: skip
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    dated = builder.not_valid_before(now()).not_valid_after(now() + timedelta(days=365))
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return dated.sign(key, hashes.SHA256()).public_bytes(pem).decode(), secret.decode()


def check(attrs: Row) -> None:
    """Both halves must load, each under its own field's name."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if "certificate_data" in attrs:
        try:
            x509.load_pem_x509_certificate(attrs["certificate_data"].encode())
        except ValueError:
            raise on_field("certificate_data", "Unable to load certificate.") from None
    if attrs.get("key_data"):
        try:
            load_pem_private_key(attrs["key_data"].encode(), None)
        except (ValueError, TypeError):
            raise on_field("key_data", "Unable to load private key (possibly encrypted?).") from None


def key_type(certificate: Certificate) -> str | None:
    name = type(certificate.public_key()).__name__.lower()
    return next((kind for kind in ("rsa", "ec", "dsa", "ed25519", "ed448") if kind in name), None)


def described(row: Row) -> Row:
    """The fields that the API reads out of a certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificate(row["certificate_data"].encode())
    return {
        "pk": row["pk"],
        "name": row["name"],
        "fingerprint_sha256": certificate.fingerprint(hashes.SHA256()).hex(":"),
        "fingerprint_sha1": certificate.fingerprint(hashes.SHA1()).hex(":"),  # noqa: S303 - a fingerprint
        "cert_expiry": stamp(certificate.not_valid_after_utc),
        "cert_subject": certificate.subject.rfc4514_string(),
        "private_key_available": bool(row["key_data"]),
        "key_type": key_type(certificate),
    }


def jwk(row: Row) -> Row:
    """The public half, for a provider's `jwks/`."""
    import json
    from base64 import b64encode, urlsafe_b64encode

    import jwt
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    certificate = x509.load_pem_x509_certificate(row["certificate_data"].encode())
    algorithm = jwt.get_algorithm_by_name(algorithm_of(row))
    found: Any = json.loads(algorithm.to_jwk(certificate.public_key()))
    found.pop("key_ops", None)
    sha1, sha256 = (
        urlsafe_b64encode(certificate.fingerprint(digest)).decode().rstrip("=")
        for digest in (hashes.SHA1(), hashes.SHA256())  # noqa: S303 - fingerprints
    )
    der = b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    return {
        **found, "kid": kid(row), "use": "sig", "alg": algorithm_of(row), "x5c": [der], "x5t": sha1,
        "x5t#S256": sha256,
    }  # fmt: skip


def kid(row: Row) -> str:
    """What names the key, and changes with it."""
    import hashlib

    return hashlib.md5(row["key_data"].encode(), usedforsecurity=False).hexdigest()


def algorithm_of(row: Row) -> str:
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(row["certificate_data"].encode())
    return "RS256" if key_type(certificate) == "rsa" else "ES256"
