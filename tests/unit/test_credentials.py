"""Which Basic credentials are of our accounts is told by the letters of their base64."""

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.caddy.credentials import credentials_of

ACCOUNTS = st.from_regex(r"[a-z0-9](?:[-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


def header(credentials: bytes) -> str:
    return f"Basic {base64.b64encode(credentials).decode()}"


def is_taken(account: str, value: str) -> bool:
    return re.search(credentials_of(account), value, re.ASCII) is not None


@settings(max_examples=200)
@given(account=ACCOUNTS, more=st.text(max_size=8), password=st.text(max_size=12))
def test_credentials_of_an_account_and_of_any_that_it_begins_are_taken(account: str, more: str, password: str) -> None:
    assert is_taken(account, header(f"{account}:{password}".encode()))
    assert is_taken(account, header(f"{account}-{more}:{password}".encode()))


@settings(max_examples=300)
@given(account=ACCOUNTS, cut=st.integers(0, 21), credentials=st.binary(max_size=30))
def test_no_others_are_taken(account: str, cut: int, credentials: bytes) -> None:
    """Those that begin like it too, up to any letter."""
    for value in (credentials, account.encode()[:cut] + credentials, account.encode() + credentials):
        ours = value.startswith((f"{account}:".encode(), f"{account}-".encode()))
        assert is_taken(account, header(value)) is ours


@pytest.mark.parametrize("account", ["a", "ab", "abc"])
def test_the_letter_that_depends_on_what_follows_is_one_of_several(account: str) -> None:
    """Names of any length modulo 3, and every byte after the hyphen or the colon."""
    for sign in (b":", b"-"):
        for byte in range(256):
            assert is_taken(account, header(account.encode() + sign + bytes([byte])))


@pytest.mark.parametrize("around", ["x {}", "{} x", "{},{}", "{}%3D", "{}===", "Bearer {}", " {}", "{}: x"])
def test_what_is_not_one_header_of_its_form_is_not_taken(around: str) -> None:
    assert not is_taken("phone", around.replace("{}", header(b"phone:x")))
