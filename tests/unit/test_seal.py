"""Sealing: what is sealed opens with its passphrase, and with nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phone.seal import _checksum, seal
from tests.sealed import Damaged, SealError, WrongPassphrase, unseal

LINE = seal("Basic abc", "correct horse battery staple")


@settings(max_examples=5)
@given(st.text(max_size=300), st.text(min_size=1, max_size=60))
def test_what_is_sealed_opens_with_the_passphrase(text: str, passphrase: str) -> None:
    assert unseal(seal(text, passphrase), passphrase) == text


@settings(max_examples=5)
@given(st.text(min_size=1, max_size=30))
def test_another_passphrase_opens_nothing(passphrase: str) -> None:
    with pytest.raises(WrongPassphrase):
        unseal(LINE, passphrase)


def test_a_letter_is_the_same_however_a_keyboard_composes_it() -> None:
    assert unseal(seal("text", "Gr\u00fc\u00dfe aus M\u00fcnchen"), "Gru\u0308\u00dfe aus Mu\u0308nchen") == "text"


def test_sealing_twice_gives_two_lines_without_the_text_in_them() -> None:
    again = seal("Basic abc", "correct horse battery staple")
    assert again != LINE
    assert [part for part in LINE.split(".")[4:] if part in again] == []
    assert "abc" not in LINE


@given(st.integers(min_value=0, max_value=len(LINE) - 1))
def test_a_line_that_is_cut_off_is_damaged(length: int) -> None:
    with pytest.raises(Damaged):
        unseal(LINE[:length], "correct horse battery staple")


@given(st.integers(min_value=0, max_value=len(LINE) - 1), st.characters(codec="utf-8"))
def test_a_line_with_another_letter_is_damaged(place: int, letter: str) -> None:
    altered = LINE[:place] + letter + LINE[place + 1 :]
    if altered != LINE:
        with pytest.raises(Damaged):
            unseal(altered, "correct horse battery staple")


@settings(max_examples=12)
@given(st.integers(min_value=0, max_value=LINE.rindex(".") - 1), st.sampled_from("AB01-_./"))
def test_an_altered_line_with_a_new_checksum_opens_no_more_than_a_damaged_one(place: int, letter: str) -> None:
    """What stands before the ciphertext is authenticated too: parameters, salt, nonce."""
    body = LINE.rpartition(".")[0]
    altered = body[:place] + letter + body[place + 1 :]
    if altered != body:
        with pytest.raises(SealError):
            unseal(f"{altered}.{_checksum(altered)}", "correct horse battery staple")
