"""Seals a text with a passphrase, as one line that carries all that opening it takes but the passphrase.

    immich-phone-page/1.PBKDF2-HMAC-SHA256.600000.AES-256-GCM.<salt>.<nonce>.<ciphertext>.<checksum>

The bytes are in base64url without padding. What stands before the ciphertext is authenticated with it. The checksum,
SHA-256 of all before it, is no protection: it tells a page that was damaged on its way from a wrong passphrase.
The page's script opens the same line with the browser's own WebCrypto.
"""

import base64
import hashlib
import secrets
import unicodedata

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

ITERATIONS = 600_000
"""What OWASP's Password Storage Cheat Sheet asks of PBKDF2-HMAC-SHA256."""
_FORMAT = f"immich-phone-page/1.PBKDF2-HMAC-SHA256.{ITERATIONS}.AES-256-GCM"
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES = 16, 12, 32


def seal(text: str, passphrase: str) -> str:
    """The line. Salt and nonce are random, so that sealing twice gives two lines and no nonce meets a key again."""
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    head = f"{_FORMAT}.{_encoded(salt)}.{_encoded(nonce)}"
    ciphertext = AESGCM(_key(passphrase, salt)).encrypt(nonce, text.encode(), head.encode())
    body = f"{head}.{_encoded(ciphertext)}"
    return f"{body}.{_checksum(body)}"


def _key(passphrase: str, salt: bytes) -> bytes:
    # NFKC, as the script does: keyboards differ in how they compose a letter.
    text = unicodedata.normalize("NFKC", passphrase).encode()
    return PBKDF2HMAC(hashes.SHA256(), _KEY_BYTES, salt, ITERATIONS).derive(text)


def _checksum(body: str) -> str:
    return _encoded(hashlib.sha256(body.encode()).digest())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
