"""The header that the phone sends: RFC 7617."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.basic_header import HEADER_NAME, basic_header

NO_CONTROLS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1)
USERNAMES = NO_CONTROLS.filter(lambda text: ":" not in text)


def decoded(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    assert scheme == "Basic"
    username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    return username, password


@given(username=USERNAMES, password=NO_CONTROLS)
def test_a_server_reads_username_and_password_from_it(username: str, password: str) -> None:
    assert decoded(basic_header(username, password)) == (username, password)


@given(username=USERNAMES, password=st.text("Aa0-_.:~ü", min_size=60, max_size=2000))
def test_however_long_it_is_one_line_of_plain_ascii(username: str, password: str) -> None:
    header = basic_header(username, password)
    assert header.isascii()
    assert header.isprintable()
    assert header.count(" ") == 1


def test_the_example_of_rfc_7617_section_2() -> None:
    assert basic_header("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_the_example_of_rfc_7617_section_2_1_in_utf_8() -> None:
    assert basic_header("test", "123£") == "Basic dGVzdDoxMjPCow=="


def test_its_name_is_authorization() -> None:
    assert HEADER_NAME == "Authorization"


@pytest.mark.parametrize("username", [":", "a:b", ":a", "a:"])
def test_a_colon_in_the_username_is_refused(username: str) -> None:
    with pytest.raises(ValueError, match="expected no colon in the username"):
        basic_header(username, "p:a:s:s")


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("x", ""), ("", "")])
def test_an_empty_username_or_password_is_refused(username: str, password: str) -> None:
    with pytest.raises(ValueError, match="got an empty one"):
        basic_header(username, password)


@pytest.mark.parametrize("control", ["\0", "\t", "\n", "\r", "\x1f", "\x7f", "\x80", "\x9f"])
def test_control_characters_are_refused_in_either(control: str) -> None:
    for username, password in ((f"a{control}", "p"), ("a", f"p{control}")):
        with pytest.raises(ValueError, match="expected no control characters"):
            basic_header(username, password)


@given(username=st.text(max_size=3), password=st.text().map(lambda text: f"SECRET{text}\n"))
def test_the_password_is_in_no_message(username: str, password: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        basic_header(username, password)
    assert "SECRET" not in str(caught.value)
