"""The passphrase of a page: asked for without echo, or read from a file descriptor; never an argument or a variable."""

import getpass
import os
import warnings

SHORTEST = 12
"""Characters. Less is guessed in hours by who has the file, whatever the key derivation costs."""
WEAK = 20


class PassphraseError(Exception):
    """There is no usable passphrase; the message says why, and does not hold it."""


def ask() -> str:
    """Asked for twice at the terminal. Raises PassphraseError."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            first = getpass.getpass("Passphrase for the page: ")
            _check(first)
            again = getpass.getpass("Once more: ")
        except (getpass.GetPassWarning, EOFError):
            raise PassphraseError(
                "there is no terminal to ask for the passphrase. Pass it with --passphrase-fd."
            ) from None
    if first != again:
        raise PassphraseError("the two passphrases differ; nothing was written.")
    return first


def read(descriptor: int) -> str:
    """The first line of what comes on an open file descriptor; 0 is stdin. Raises PassphraseError."""
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            line = file.readline().rstrip(b"\r\n").decode()
    except OSError as error:
        raise PassphraseError(f"cannot read file descriptor {descriptor}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise PassphraseError(f"expected a passphrase in UTF-8 on file descriptor {descriptor}.") from None
    _check(line)
    return line


def weakness(passphrase: str) -> str | None:
    """What to warn of, or None."""
    if len(passphrase) >= WEAK and len(set(passphrase)) >= SHORTEST // 2:
        return None
    return (
        "this passphrase is weak: anyone who gets the file can try as many passphrases as they like. "
        "Five or more words chosen at random are better."
    )


def _check(passphrase: str) -> None:
    if len(passphrase) < SHORTEST:
        raise PassphraseError(f"expected a passphrase of {SHORTEST} characters or more, got {len(passphrase)}.")
    if any(not character.isprintable() for character in passphrase):
        raise PassphraseError("expected a passphrase of printable characters: a phone could not type the others.")
