"""Which versions of Authentik the program was tried on, and what differs between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.authentik.api.versions import DIFFERENCES, OLDEST, untried
from providers.authentik.model.kind import Kind
from providers.fields import ListOf

from . import values

URL = "https://auth.example.org"
KINDS: dict[str, Kind] = {each.path: each for each in values.KINDS.values()}


@pytest.mark.parametrize("version", ["2025.8.1", "2026.5.0-rc1", "2026.8.0-rc1"])
def test_nothing_is_said_of_a_version_that_this_was_tried_on(version: str) -> None:
    assert untried(version, URL) is None


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("2024.10.5", "is older than 2024.12"),
        ("2023.12.0", "is older than 2024.12"),
        ("2024.12.3", "has not been tried"),
        ("2025.8.6", "has not been tried"),
        ("2026.5.0", "has not been tried"),
        ("2025.12.1-rc2", "has not been tried"),
        ("2026.11.0", "has not been tried"),
        ("", "has not been tried"),
        ("main", "has not been tried"),
        ("2026.123.1", "has not been tried"),
    ],
)
def test_another_version_is_told_with_the_server_and_the_tried_ones(version: str, said: str) -> None:
    warning = untried(version, URL) or ""
    assert warning.startswith(f"Authentik {version} at {URL} ")
    assert said in warning
    assert "tried on 2025.8.1, 2026.5.0-rc1, 2026.8.0-rc1" in warning


@given(st.text())
def test_whatever_a_server_calls_its_version_a_warning_is_one_short_line(version: str) -> None:
    warning = untried(version, URL) or ""
    assert len(warning.splitlines()) <= 1
    assert len(warning) < 330


def test_every_difference_is_of_a_field_that_is_sent_and_lies_within_the_range() -> None:
    for each in DIFFERENCES:
        assert each.since > OLDEST
        fields = KINDS[each.path].fields
        assert set(each.fields) <= set(fields)
        if each.formerly:
            assert [getattr(fields[name], "formerly", "") for name in each.fields] == [each.formerly]
    assert [each.since for each in DIFFERENCES] == sorted(each.since for each in DIFFERENCES)


def test_every_field_with_a_former_name_is_in_the_table() -> None:
    renamed = {
        (path, name)
        for path, kind in KINDS.items()
        for name, field in kind.fields.items()
        if isinstance(field, ListOf) and field.formerly
    }
    assert renamed == {(each.path, name) for each in DIFFERENCES if each.formerly for name in each.fields}
