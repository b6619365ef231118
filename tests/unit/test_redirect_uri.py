"""The addresses that an OAuth2 provider may send a browser back to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.authentik.model.redirect_uri import RedirectUri
from providers.fields import Json, ListOf

FIELD = ListOf(item=RedirectUri())
STRICT: dict[str, Any] = {"matching_mode": "strict", "url": "app.immich:///oauth-callback"}


@pytest.mark.parametrize(
    "url",
    ["https://photos.example.org/auth/login", "app.immich:///oauth-callback", "http://[::1]:2283/user-settings?a=b"],
)
def test_an_absolute_uri_of_any_scheme_is_taken_with_the_usual_type(url: str) -> None:
    expected = {"matching_mode": "strict", "url": url, "redirect_uri_type": "authorization"}
    assert FIELD.normalise([{"matching_mode": "strict", "url": url}]) == [expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://photos.example.org", "matching_mode, url"),
        ({"url": "https://a.example.org"}, "matching_mode, url"),
        (STRICT | {"mode": "x"}, "matching_mode, url"),
        (STRICT | {"matching_mode": "glob"}, "matching_mode strict or regex"),
        (STRICT | {"redirect_uri_type": "login"}, "redirect_uri_type authorization or logout"),
        *((STRICT | {"url": url}, "an absolute URI") for url in ("", "/auth/login", "*", "a:b c", "a:b#c", "a:", 3)),
        *((STRICT | {"url": url, "matching_mode": "regex"}, "a regular expression") for url in ("", "(", " a", None)),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(value: Json, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        FIELD.normalise([value])


def test_a_server_that_does_not_tell_the_type_has_those_of_authorization() -> None:
    declared = FIELD.normalise([STRICT])
    assert FIELD.holds([STRICT], declared)
    assert not FIELD.holds([STRICT | {"redirect_uri_type": "logout"}], declared)


def test_the_same_address_twice_is_refused_and_in_two_modes_it_is_not() -> None:
    with pytest.raises(ValueError, match="each once"):
        FIELD.normalise([STRICT, STRICT | {"redirect_uri_type": "authorization"}])
    assert len(FIELD.normalise([STRICT, STRICT | {"matching_mode": "regex"}])) == 2


@given(st.permutations(["a:b", "c:d", "e:f"]), st.permutations(["matching_mode", "url", "redirect_uri_type"]))
def test_neither_the_order_of_the_list_nor_of_the_keys_is_a_change(urls: list[str], keys: list[str]) -> None:
    whole = [{"matching_mode": "strict", "url": url, "redirect_uri_type": "authorization"} for url in ("a:b", "c:d")]
    turned = [
        {key: {"matching_mode": "strict", "url": url, "redirect_uri_type": "authorization"}[key] for key in keys}
        for url in urls
        if url != "e:f"
    ]
    assert FIELD.same(whole, turned)
