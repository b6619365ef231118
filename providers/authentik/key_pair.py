"""A key pair with its self-signed certificate, as Authentik signs tokens with. Pure but for the clock."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_LONGEST = 64
"""What X.520 allows in a common name and an organization."""
_CLOCKS_DIFFER = timedelta(minutes=5)


def new_key_pair(name: str, organization: str, alg: str, validity_days: int) -> dict[str, str]:
    """certificate_data and key_data as PEM. alg: rsa (3072 bits) or ecdsa (P-256)."""
    key = rsa.generate_private_key(65537, 3072) if alg == "rsa" else ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST])]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization[:_LONGEST]))
    subject, now = x509.Name(attributes), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + timedelta(days=validity_days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"certificate_data": certificate.public_bytes(Encoding.PEM).decode(), "key_data": secret.decode()}


def organization_of(subject: str) -> str:
    """The organization in a subject as RFC 4514 writes it, or nothing."""
    try:
        found = x509.Name.from_rfc4514_string(subject).get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    except ValueError:
        return ""
    return str(found[0].value) if found else ""
