"""The passphrase of a page: where it may come from, and which ones are taken."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.files import ROOT
from phone.passphrase import PassphraseError, read, weakness
from tests.terminal import in_terminal

GOOD = "correct horse battery staple"
ASK = """
from phone import passphrase
try:
    print("got", len(passphrase.ask()))
except passphrase.PassphraseError as error:
    print("refused:", error)
"""


@pytest.fixture
def said(tmp_path: Path) -> Callable[[bytes], int]:
    """An open file descriptor on which these bytes come."""

    def descriptor(raw: bytes) -> int:
        (tmp_path / "pipe").write_bytes(raw)
        return os.open(tmp_path / "pipe", os.O_RDONLY)

    return descriptor


def typed(*lines: str) -> str:
    """What a terminal shows while ask() runs in it and somebody types these lines, each when asked."""
    return in_terminal([sys.executable, "-c", ASK], lines)[0]


def test_it_is_asked_for_twice_and_not_shown() -> None:
    shown = typed(GOOD, GOOD)
    assert f"got {len(GOOD)}" in shown
    assert shown.count(": ") == 2
    assert GOOD not in shown


def test_two_that_differ_are_refused() -> None:
    shown = typed(GOOD, GOOD + "s")
    assert "refused: the two passphrases differ; nothing was written." in shown
    assert GOOD not in shown


def test_one_that_is_too_short_is_refused_before_it_is_typed_again() -> None:
    assert "refused: expected a passphrase of 12 characters or more, got 5." in typed("short")


def test_without_a_terminal_it_is_never_read_from_a_pipe_that_happens_to_be_there() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=ROOT,
        input=f"{GOOD}\n{GOOD}\n",
        capture_output=True,
        text=True,
        start_new_session=True,
        check=True,
    )
    assert done.stdout.strip().endswith("there is no terminal to ask for the passphrase. Pass it with --passphrase-fd.")


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nanother line\n"])
def test_a_descriptor_gives_its_first_line(said: Callable[[bytes], int], end: str) -> None:
    assert read(said(f" {GOOD} {end}".encode())) == f" {GOOD} "


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "12 characters or more, got 0"),
        (b"\n" + GOOD.encode(), "12 characters or more, got 0"),
        (b"eleven char\n", "12 characters or more, got 11"),
        (b"\xff" * 20, "expected a passphrase in UTF-8"),
        (b"with a\ttabulator in it", "printable characters"),
        (b"with a zero byte\0 in it", "printable characters"),
    ],
)
def test_what_is_no_passphrase_is_refused_with_the_reason(
    said: Callable[[bytes], int], raw: bytes, reason: str
) -> None:
    with pytest.raises(PassphraseError, match=reason):
        read(said(raw))


@pytest.mark.parametrize("descriptor", [987, 2**31 - 1])
def test_a_descriptor_that_is_not_open_is_named(descriptor: int) -> None:
    with pytest.raises(PassphraseError, match=f"cannot read file descriptor {descriptor}: Bad file descriptor"):
        read(descriptor)


@pytest.mark.parametrize(("passphrase", "weak"), [(GOOD, False), ("only fifteen ch", True), ("a" * 40, True)])
def test_a_weak_one_is_warned_of(passphrase: str, weak: bool) -> None:
    assert bool(weakness(passphrase)) == weak
    assert passphrase not in (weakness(passphrase) or "")
