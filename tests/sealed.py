"""Opens what the phone command sealed, as the page's script does in a browser."""

import base64
import binascii
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from phone.seal import _FORMAT, _NONCE_BYTES, _SALT_BYTES, _checksum, _key

_TAG_BYTES = 16


class SealError(Exception):
    """The line does not open."""


class Damaged(SealError):
    """It is cut off or altered, or of another format."""


class WrongPassphrase(SealError):
    """The passphrase is another, or somebody altered the line and made its checksum anew."""


def unseal(line: str, passphrase: str) -> str:
    """The text. Raises Damaged, WrongPassphrase."""
    body, _, checksum = line.rpartition(".")
    head, _, ciphertext = body.rpartition(".")
    if not head.startswith(f"{_FORMAT}.") or checksum != _checksum(body):
        raise Damaged
    salt, nonce, sealed = map(_decoded, (*head.removeprefix(f"{_FORMAT}.").partition(".")[::2], ciphertext))
    if (len(salt), len(nonce)) != (_SALT_BYTES, _NONCE_BYTES) or len(sealed) < _TAG_BYTES:
        raise Damaged
    try:
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, head.encode()).decode()
    except InvalidTag:
        raise WrongPassphrase from None


def _decoded(text: str) -> bytes:
    if not re.fullmatch(r"[-\w]*", text, re.ASCII):
        raise Damaged
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Damaged from None
