"""Which versions of Authentik the program is made for, and what differs between them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.authentik import versions as lab
from providers import authentik
from providers.authentik.fields import ListOf
from providers.authentik.kind import Kind
from providers.authentik.versions import DIFFERENCES, NEWEST, OLDEST, untried, written

URL = "https://auth.example.org"
KINDS: dict[str, Kind] = {
    kind.path: kind
    for name in authentik.__all__
    if (kind := getattr(getattr(getattr(authentik, name), "provider_class", None), "kind", None)) is not None
}


@pytest.mark.parametrize("version", ["2024.12.0", "2024.12", "2025.2.4", "2025.12.1-rc2", "2026.8.6", "2026.8.0-rc1"])
def test_nothing_is_said_of_a_version_that_this_is_made_for(version: str) -> None:
    assert untried(version, URL) is None


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("2024.10.5", "older than"),
        ("2023.12.0", "older than"),
        ("2026.11.0", "newer than"),
        ("2027.2.1-rc1", "newer than"),
        ("", "none of"),
        ("main", "none of"),
        ("2026.123.1", "none of"),
    ],
)
def test_a_version_out_of_the_range_is_told_with_server_range_and_remedy(version: str, said: str) -> None:
    warning = untried(version, URL) or ""
    assert warning.startswith(f"Authentik {version} at {URL} is {said} the versions that this is made for, 2024.12 to")
    assert warning.endswith(".")


@given(st.text())
def test_whatever_a_server_calls_its_version_a_warning_is_one_short_line(version: str) -> None:
    warning = untried(version, URL) or ""
    assert len(warning.splitlines()) <= 1
    assert len(warning) < 300


def test_every_difference_is_of_a_field_that_is_sent_and_lies_within_the_range() -> None:
    for each in DIFFERENCES:
        assert OLDEST < each.since <= NEWEST
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


def test_the_stand_in_lacks_in_an_older_version_what_the_table_says() -> None:
    lacks = {
        (f"/{path}/", name, since)
        for path, fields in lab.SINCE.items()
        for name, since in fields.items()
        if name in KINDS[f"/{path}/"].fields
    }
    assert lacks == {(each.path, name, each.since) for each in DIFFERENCES for name in each.fields}


def test_the_recorded_version_is_within_the_range() -> None:
    assert untried(lab.VERSION, URL) is None
    assert re.match(re.escape(written(NEWEST)), lab.VERSION)
