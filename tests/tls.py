"""A scripted server that speaks TLS by a public name."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.server import Answer, Server


def certificate(folder: Path, host: str) -> Path:
    """A file with a certificate for host that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(encoding, form, serialization.NoEncryption())
    path = folder / "ca.pem"
    path.write_bytes(made.public_bytes(encoding) + secret)
    return path


@contextmanager
def serving(pem: Path, *answers: Answer) -> Iterator[tuple[Server, str]]:
    """A server with that certificate that answers like that, and its host:port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = Server(*answers)
    server.bound = context.wrap_socket(server.bound, server_side=True)
    with server:
        yield server, server.url.removeprefix("http://")
