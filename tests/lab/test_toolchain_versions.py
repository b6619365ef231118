"""How versions are read out of what programs say, and what the pins promise."""

import pytest
import semver
from hypothesis import given
from hypothesis import strategies as st

from lab.toolchain.versions import CADDY, PULUMI, find_version


def test_the_pins_are_new_enough() -> None:
    for spec in (PULUMI, CADDY):
        assert spec.modules[0].version >= spec.minimum


numbers = st.integers(min_value=0, max_value=10**6)


@given(numbers, numbers, numbers, st.sampled_from(["", "-beta.1", "-0.20260101000000-abcdef123456"]))
def test_a_version_is_found_in_what_programs_say(major: int, minor: int, patch: int, rest: str) -> None:
    version = f"{major}.{minor}.{patch}{rest}"
    for text in (version, f"v{version}", f"v{version} h1:1KrZg=\n", f"caddy v{version} (127.0.0.1:1)\n"):
        assert find_version(text) == semver.Version.parse(version)


@given(st.text())
def test_a_text_without_a_version_has_none_and_breaks_nothing(text: str) -> None:
    found = find_version(text)
    assert found is None or str(found) in text


@pytest.mark.parametrize("text", ["", "unknown", "127.0.0.1", "2026.11.24.1", "v3", "1.02.3"])
def test_what_is_no_version_is_not_taken_for_one(text: str) -> None:
    assert find_version(text) is None
