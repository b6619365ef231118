"""A header that came through hands and papers: what is wrong with it."""

import base64
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.basic_header import basic_header
from providers.access.findings import Finding
from providers.access.header import take_apart, wrong_header
from providers.caddy.credentials import credentials_of

NAMES = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=40)
PASSWORDS = st.text(string.ascii_letters + string.digits, min_size=1, max_size=80)
HEADERS = st.builds(basic_header, NAMES, PASSWORDS)
BASIC = len("Basic ")


@given(NAMES, PASSWORDS)
def test_every_header_that_the_program_makes_is_faultless_and_tells_its_account(name: str, password: str) -> None:
    header = take_apart(basic_header(name, password))
    assert (header.fault, header.username) == (None, name)
    assert password not in repr(header) or len(password) < 8


@given(HEADERS, st.data(), st.sampled_from(["\n", "\r\n", "\u2028"]))
def test_a_line_break_anywhere_is_told_as_one(header: str, data: st.DataObject, line_break: str) -> None:
    at = data.draw(st.integers(1, len(header)))
    assert take_apart(header[:at] + line_break + header[at:]).fault is Finding.HEADER_LINE_BREAK


@given(HEADERS, st.data(), st.sampled_from([" ", "\t", "\xa0"]))
def test_a_space_among_the_letters_or_at_an_end_is_told_and_the_account_still_read(
    header: str, data: st.DataObject, space: str
) -> None:
    at = data.draw(st.integers(BASIC, len(header)) | st.just(0))
    spoiled = take_apart(header[:at] + space + header[at:])
    assert (spoiled.fault, spoiled.username) == (Finding.HEADER_SPACE, take_apart(header).username)


@given(HEADERS, st.data(), st.sampled_from("–—_-ö\"'…*"))
def test_a_letter_that_is_no_base64_is_told(header: str, data: st.DataObject, letter: str) -> None:
    at = data.draw(st.integers(BASIC, len(header) - 1))
    assert take_apart(header[:at] + letter + header[at + 1 :]).fault is Finding.HEADER_ALPHABET


@given(HEADERS, st.integers(1, 3))
def test_an_end_that_was_not_copied_is_told(header: str, short: int) -> None:
    assert take_apart(header[:-short]).fault is Finding.HEADER_ALPHABET


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", Finding.HEADER_EMPTY),
        (" \n", Finding.HEADER_EMPTY),
        ("Bearer abc", Finding.HEADER_SCHEME),
        ("Authorization: Basic YTpi", Finding.HEADER_SCHEME),
        ("YTpi", Finding.HEADER_SCHEME),
        ("Basic", Finding.HEADER_NO_COLON),
        ("Basic " + base64.b64encode(b"no colon").decode(), Finding.HEADER_NO_COLON),
        ("Basic " + base64.b64encode(b":password").decode(), Finding.HEADER_NO_COLON),
        ("Basic " + base64.b64encode(b"account:").decode(), Finding.HEADER_NO_COLON),
        ("basic YTpi", None),
        (wrong_header("phone"), None),
    ],
)
def test_what_else_is_wrong_is_told(value: str, fault: Finding | None) -> None:
    assert take_apart(value).fault is fault


@given(st.text())
def test_anything_at_all_is_taken_apart(value: str) -> None:
    take_apart(value)
    assert take_apart(f"Basic {value}").fault is not Finding.HEADER_SCHEME or not value.strip()


@given(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True))
def test_the_outpost_is_asked_about_the_wrong_header_so_that_more_than_caddy_is_tested(account: str) -> None:
    assert re.search(credentials_of(account), wrong_header(account))
