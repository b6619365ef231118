"""Rules for values: what each takes and refuses, hostile values among them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.authentik.model.rules import duration, no_colon, regular_expressions, slug, web_url

CONTROLS = ["\0", "\t", "\n", "\r", "\x0b", "\x1b", "\x7f", "\x85", "\u2028"]


@pytest.mark.parametrize("value", ["immich", "Immich_2", "-", "0", "a" * 300])
def test_a_slug_is_taken(value: str) -> None:
    assert slug(value) is None


@pytest.mark.parametrize(
    "value", ["", " ", "a b", "a/b", "a.b", "../x", "ä", "٣", "a\n", "\na", "a\0", "a%20b", "?x", "#x", "a,b", "📷"]
)
def test_what_is_no_slug_is_refused(value: str) -> None:
    assert slug(value) == "expected only letters, digits, hyphens and underscores"


@given(st.text())
def test_a_username_is_taken_exactly_if_it_has_no_colon(value: str) -> None:
    assert (no_colon(value) is None) == (":" not in value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "https://photos.example.org",
        "https://photos.example.org/",
        "https://photos.example.org:8443",
        "http://localhost:2283",
        "http://10.0.0.2",
        "http://[::1]:2283",
        "http://immich_server:2283",
        "https://photos.example.org/album/1",
        "HTTPS://Photos.example.org",
    ],
)
def test_a_web_url_is_taken(value: str) -> None:
    assert web_url(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "photos.example.org",
        "//photos.example.org",
        "/photos",
        "ftp://photos.example.org",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://:443",
        "https://photos.example.org:0",
        "https://photos.example.org:65536",
        "https://photos.example.org:-1",
        "https://photos.example.org:abc",
        "https://photos.example.org:٣",
        "https://user@photos.example.org",
        "https://user:secret@photos.example.org",
        "https://@photos.example.org",
        "https://photos.example.org@evil.example",
        "https://photos.example.org?x=1",
        "https://photos.example.org/?",
        "https://photos.example.org/#",
        "https://photos.example.org#x",
        "https://phötos.example.org",
        "https://photos\u3002example.org",
        "https://photos.example.org\\evil",
        "https://photos example.org",
        "https://-photos.example.org",
        "https://photos.example.org-",
        "https://*.example.org",
        "https://{env.HOST}",
        "https://[::1",
        "https://[nonsense]",
        "https://[::1]evil",
        "https://a,b",
        "https://a;b",
        'https://"a"',
        "https://<script>",
        " https://photos.example.org",
        "https://photos.example.org ",
        "https://photos.example.org/a b",
        "https://photos.example.org/ä",
        *[f"https://photos{control}.example.org" for control in CONTROLS],
        *[f"{control}https://photos.example.org" for control in CONTROLS],
        *[f"https://photos.example.org/{control}" for control in CONTROLS],
    ],
)
def test_what_is_no_plain_web_url_is_refused_without_repeating_it(value: str) -> None:
    expected = web_url(value)
    assert expected is not None
    assert expected.startswith("expected a URL such as https://photos.example.org")
    assert "secret" not in expected


@given(st.text() | st.text("htps:/@?#[]%.\\ \t\n١a1", min_size=1).map(lambda text: f"https://{text}"))
def test_a_web_url_that_is_taken_is_plain_ascii_without_credentials(value: str) -> None:
    if value and web_url(value) is None:
        assert re.fullmatch(r"(?i:https?)://[-A-Za-z0-9._\[\]:]+(/[\x21-\x7e]*)?", value)
        assert not set("@?#") & set(value.split("/", 3)[2])


@pytest.mark.parametrize("value", ["hours=1", "minutes=5;seconds=30", "days=0.5", "weeks=2", "milliseconds=10"])
def test_a_duration_is_taken(value: str) -> None:
    assert duration(value) is None


@pytest.mark.parametrize(
    "value",
    [
        *("", "1", "1h", "hours", "hours=", "hours=1h", "hours=-1", "hours=1,5", "hours=1.2.3", "hours=.", "hours=1."),
        *("hour=1", "years=1", "Hours=1", "hours = 1", "hours=1 minutes=2", "hours=1;", ";hours=1", "hours=1;;days=2"),
        *("hours=1\n", "hours=١", "hours=1e3", "hours=nan", "hours=1;DROP TABLE"),
    ],
)
def test_what_is_no_duration_is_refused(value: str) -> None:
    assert duration(value) == "expected a duration such as hours=1;minutes=30"


@pytest.mark.parametrize("value", ["", "^/api/.*$", "^/a\n^/b", "^/(?:a|b)/[0-9]+$", r"^/\d+\.jpg$"])
def test_a_regular_expression_is_taken(value: str) -> None:
    assert regular_expressions(value) is None


@pytest.mark.parametrize("value", ["(", "[", "*", "a**", "(?P<a", "[z-a]", "(a|b"])
def test_a_broken_regular_expression_is_refused_with_its_line(value: str) -> None:
    expected = regular_expressions(f"^/fine$\n{value}")
    assert expected is not None
    assert expected.startswith("expected a regular expression in line 2: ")
