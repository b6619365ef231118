"""What each type of field takes, refuses, and holds for the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.authentik.model.lookups import GROUP, USER
from providers.fields import (
    UNSET,
    Attributes,
    Boolean,
    Field,
    Integer,
    ListOf,
    Reference,
    Text,
    Timestamp,
    differing,
    is_uuid,
)

from .values import MOMENTS, rezoned

FLOW = "5f2c8a4e-0000-4000-8000-00000000000a"
NAMED = Reference(lookup=GROUP)
NUMBERED = Reference(lookup=USER, numeric=True)


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        (Text(), "", ""),
        (Text(), "Ünïcödé 📷", "Ünïcödé 📷"),
        (Text(lines=True), "^/a\n^/b", "^/a\n^/b"),
        (Text(choices=("any", "all")), "all", "all"),
        (Text(max_length=3), "abc", "abc"),
        (Integer(), 7.0, 7),
        (Integer(), "12", 12),
        (Integer(minimum=0), 0, 0),
        (Integer(), -1, -1),
        (Boolean(), False, False),
        (Attributes(), {}, {}),
        (Attributes(), {"a": {"b": [1, None]}}, {"a": {"b": [1, None]}}),
        (Timestamp(), "2031-01-01T00:00:00Z", "2031-01-01T00:00:00Z"),
        (Timestamp(), "2031-01-01T02:00:00.5+02:00", "2031-01-01T02:00:00.5+02:00"),
        (NAMED, "people", "people"),
        (NAMED, FLOW.upper(), FLOW),
        (NUMBERED, 7.0, 7),
        (NUMBERED, "7", 7),
        (NUMBERED, "akadmin", "akadmin"),
        (ListOf(item=Integer()), [1.0, "2"], [1, 2]),
        (ListOf(item=Text()), (), []),
    ],
)
def test_a_right_value_is_sent_as_the_server_wants_it(field: Field, value: Any, sent: Any) -> None:
    result = field.normalise(value)
    assert result == sent
    assert type(result) is type(sent)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (Text(), None, "expected a text, got nothing"),
        (Text(), 7, "expected a text, got a number"),
        (Text(), True, "expected a text, got true or false"),
        (Text(), ["a"], "expected a text, got a list"),
        (Text(), {"a": 1}, "expected a text, got an object"),
        (Text(blank=False), "", "not blank"),
        (Text(blank=False), " \u00a0\u3000", "not blank"),
        (Text(choices=("any", "all")), "ANY", "expected one of any, all"),
        (Text(max_length=3), "abcd", "expected at most 3 characters, got 4"),
        (Text(), "x" * 10_001, "expected at most 10000 characters"),
        *[
            (Text(lines=lines), f"a{control}b", "expected no control characters")
            for lines in (False, True)
            for control in "\0\t\r\x0b\x0c\x1b\x7f\x85\u2028\u2029"
        ],
        (Text(), "a\nb", "no line breaks"),
        *[(Text(), text, "no spaces at its start or end") for text in (" a", "a ", "\u00a0a", " ")],
        (Text(lines=True), "^/a\n", "no spaces at its start or end"),
        (Integer(), True, "expected a whole number, got true or false"),
        (Integer(), 1.5, "expected a whole number"),
        (Integer(), float("nan"), "expected a whole number"),
        (Integer(), float("inf"), "expected a whole number"),
        (Integer(), "", "expected a whole number, got a text"),
        (Integer(), "1e3", "expected a whole number, got a text"),
        (Integer(), " 1", "expected a whole number, got a text"),
        (Integer(), "-1", "expected a whole number, got a text"),
        (Integer(), "٣", "expected a whole number, got a text"),
        (Integer(), "12345678901", "expected a whole number, got a text"),
        (Integer(), 2**31, "expected a number from -2147483648 to 2147483647"),
        (Integer(minimum=0), -1, "expected a number from 0"),
        (Boolean(), 1, "expected true or false, got a number"),
        (Boolean(), "true", "expected true or false, got a text"),
        (Boolean(), None, "expected true or false, got nothing"),
        (Attributes(), [], "expected an object, got a list"),
        (Attributes(), {1: 2}, "expected an object"),
        (Timestamp(), "", "expected a time"),
        (Timestamp(), "2031-01-01", "with its time zone"),
        (Timestamp(), "2031-01-01T00:00:00", "with its time zone"),
        (Timestamp(), "tomorrow", "expected a time"),
        (Timestamp(), "0001-01-01T00:00:00+14:00", "expected a time"),
        (Timestamp(), "9999-12-31T23:59:59-14:00", "expected a time"),
        (NAMED, "", "not blank"),
        (NAMED, 7, "expected a text"),
        (NAMED, "a\nb", "no line breaks"),
        (NUMBERED, 0, "expected a number from 1"),
        (NUMBERED, 1.5, "expected a whole number"),
        (NUMBERED, True, "expected a whole number, got true or false"),
        (NUMBERED, "٣", "expected a whole number"),
        (ListOf(item=Text()), "abc", "expected a list, got a text"),
        (ListOf(item=Text()), None, "expected a list, got nothing"),
        (ListOf(item=Integer()), [1, "x"], "expected a whole number"),
        (ListOf(item=Integer()), [1, 1.0], "expected each once, got 1 again"),
        (ListOf(item=NAMED), [FLOW, FLOW.upper()], "expected each once"),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_expected(field: Field, value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=r"expected .") as caught:
        field.normalise(value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rule_is_asked_after_the_type() -> None:
    field = Integer(rule=lambda value: None if value % 2 else "expected an odd number")
    assert field.normalise(3.0) == 3
    with pytest.raises(ValueError, match="expected an odd number"):
        field.normalise(4)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "field",
    [
        Text(),
        Text(lines=True),
        Integer(),
        Boolean(),
        Attributes(),
        Timestamp(),
        NAMED,
        NUMBERED,
        ListOf(item=NAMED),
    ],
    ids=lambda field: type(field).__name__,
)
@given(value=JSON)
def test_any_value_is_taken_for_good_or_refused_by_value_error(field: Field, value: Any) -> None:
    try:
        sent = field.normalise(value)
    except ValueError:
        return
    assert field.normalise(sent) == sent
    assert field.same(sent, sent)


@given(moment=MOMENTS)
def test_a_moment_is_the_same_in_every_time_zone(moment: Any) -> None:
    text = moment.isoformat()
    assert Timestamp().same(text, rezoned(text))


@pytest.mark.parametrize(
    ("field", "one", "other", "same"),
    [
        (Timestamp(), "2031-01-01T00:00:00Z", "2031-01-01T00:00:01Z", False),
        (Timestamp(), None, "", True),
        (Timestamp(), None, "2031-01-01T00:00:00Z", False),
        (Attributes(), None, {}, True),
        (Attributes(), {"a": 1}, {"a": 1.0}, True),
        (Attributes(), {"a": 1}, {"a": 2}, False),
        (ListOf(item=Integer()), [1, 2], [2, 1], True),
        (ListOf(item=Integer()), [1, 2], [1, 2, 2], False),
        (ListOf(item=Integer()), None, [], True),
        (Text(), "a", "A", False),
        (Text(), "", None, False),
    ],
)
def test_same_means_what_the_server_means(field: Field, one: Any, other: Any, same: bool) -> None:
    assert field.same(one, other) is same
    assert field.same(other, one) is same


@given(
    st.lists(st.uuids().map(str), max_size=4).flatmap(
        lambda values: st.tuples(st.just(values), st.permutations(values))
    )
)
def test_a_list_is_the_same_in_any_order(both: tuple[list[str], list[str]]) -> None:
    assert ListOf(item=NAMED).same(*both)


@given(st.uuids())
def test_every_uuid_is_a_key_in_either_case(value: Any) -> None:
    assert NAMED.key_of(str(value)) == str(value)
    assert is_uuid(str(value).upper())


@pytest.mark.parametrize("value", ["people", FLOW[:-1], "{" + FLOW + "}", FLOW.replace("-", ""), f"urn:uuid:{FLOW}", 7])
def test_anything_else_is_a_name(value: Any) -> None:
    assert not is_uuid(value)


def test_a_number_is_the_key_of_a_numbered_object_and_its_name_is_not() -> None:
    assert NUMBERED.key_of(7) == 7
    assert NUMBERED.key_of(FLOW) is None


def test_what_either_bag_does_not_know_is_no_difference() -> None:
    fields: dict[str, Field] = {"a": Text(), "b": Text(), "c": Text()}
    assert differing(fields, {"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}) == ["b"]


def test_no_two_fields_share_an_empty_list_or_object() -> None:
    assert ListOf(item=Text()).empty is not ListOf(item=Text()).empty
    assert Attributes().empty is not Attributes().empty


def test_unset_is_not_null() -> None:
    assert repr(UNSET) == "UNSET"
    assert Field().default is UNSET
