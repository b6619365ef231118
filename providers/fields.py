"""Fields of what is declared: what a value must be, its default, when two are the same. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

Json = Any
"""A value as JSON carries it: None, bool, int, float, str, list, dict."""


class Unset:
    """Nothing was said, which is not the same as null."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MAX_TEXT = 10_000


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of an object, a site or the settings.

    doc: what it is, where no docstring below it says so; example: of a value.
    local: it says how to proceed, and is not part of the object.
    default: sent when nothing is declared, and watched like a declared value; UNSET leaves it to the server.
    empty: what takes the place of a value whose line was removed; UNSET leaves the server's value as it is.
    replaces: a change makes a new object.
    rule: a further test of a value; answers what was expected, or None.
    """

    doc: str = ""
    example: str = ""
    local: bool = False
    default: Json | Unset = UNSET
    empty: Json | Unset = UNSET
    replaces: bool = False
    rule: Callable[[Any], str | None] | None = None

    def normalise(self, value: Json) -> Json:
        """Answer the value as it is sent; raise ValueError with what was expected, an argument for each failure."""
        value = self.convert(value)
        if self.rule and (expected := self.rule(value)):
            raise ValueError(expected)
        return value

    def convert(self, value: Json) -> Json:
        raise NotImplementedError

    def same(self, one: Json, other: Json) -> bool:
        """Whether two values mean the same to the server."""
        return bool(one == other)

    def holds(self, seen: Json, declared: Json) -> bool:
        """Whether what the server has is what is declared."""
        return self.same(seen, declared)

    def identity(self, value: Json) -> str:
        """What a value in a list is told apart by."""
        return str(value)

    def called(self, value: Json) -> str:
        """What messages call a value in a list."""
        return f"{value!r:.60}"


@dataclass(frozen=True, kw_only=True)
class Text(Field):
    """A string. choices: the only values allowed; lines: line breaks may stand in it."""

    empty: Json | Unset = ""
    blank: bool = True
    lines: bool = False
    max_length: int = _MAX_TEXT
    choices: tuple[str, ...] = ()

    def convert(self, value: Json) -> str:
        if not isinstance(value, str):
            raise ValueError(f"expected a text, got {_type_name(value)}")
        if self.choices and value not in self.choices:
            raise ValueError(f"expected one of {', '.join(self.choices)}")
        if not value.strip() and not self.blank:
            raise ValueError("expected a text that is not blank")
        if _CONTROL.search(value.replace("\n", "") if self.lines else value):
            raise ValueError("expected no control characters and no line breaks")
        if value != value.strip():
            raise ValueError("expected no spaces at its start or end")
        if len(value) > self.max_length:
            raise ValueError(f"expected at most {self.max_length} characters, got {len(value)}")
        return value


@dataclass(frozen=True, kw_only=True)
class Code(Field):
    """A program's text, of any characters and lines. The server cuts off the white space at its ends."""

    empty: Json | Unset = ""

    def convert(self, value: Json) -> str:
        if not isinstance(value, str):
            raise ValueError(f"expected a text, got {_type_name(value)}")
        if "\0" in value or (not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value)):
            raise ValueError("expected no null characters and no lone surrogates")
        return value

    def same(self, one: Json, other: Json) -> bool:
        return bool((one or "").strip() == (other or "").strip())


@dataclass(frozen=True, kw_only=True)
class Integer(Field):
    """A whole number; digits in a string count, because an id of Pulumi's is one."""

    empty: Json | Unset = None
    minimum: int = -(2**31)
    maximum: int = 2**31 - 1

    def convert(self, value: Json) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"expected a whole number, got {_type_name(value)}")
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"expected a number from {self.minimum} to {self.maximum}")
        return value


@dataclass(frozen=True, kw_only=True)
class Boolean(Field):
    """true or false."""

    def convert(self, value: Json) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"expected true or false, got {_type_name(value)}")
        return value


@dataclass(frozen=True, kw_only=True)
class Attributes(Field):
    """A JSON object of the operator's own."""

    empty: Json | Unset = field(default_factory=dict)

    def convert(self, value: Json) -> dict[str, Json]:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise ValueError(f"expected an object, got {_type_name(value)}")
        return value

    def same(self, one: Json, other: Json) -> bool:
        return bool((one or {}) == (other or {}))


@dataclass(frozen=True, kw_only=True)
class Timestamp(Text):
    """A moment, as RFC 3339 writes it: 2031-01-01T00:00:00Z."""

    empty: Json | Unset = None

    def convert(self, value: Json) -> str:
        text = super().convert(value)
        if _instant(text) is None:
            raise ValueError("expected a time with its time zone, such as 2031-01-01T00:00:00Z")
        return text

    def same(self, one: Json, other: Json) -> bool:
        return (_instant(one) if one else None) == (_instant(other) if other else None)


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """Where a name is turned into a primary key.

    what: the word for the object in messages; model: its name in Authentik's rights; path: its list;
    by: the query parameters, each with the field of the answer that it filters, tried in order.
    """

    what: str
    model: str
    path: str
    by: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Reference(Text):
    """Another object, by its primary key or by a name that create and update look up."""

    empty: Json | Unset = None
    blank: bool = False
    lookup: Lookup
    numeric: bool = False

    def convert(self, value: Json) -> Json:
        if self.numeric and (not isinstance(value, str) or value.isdecimal()):
            return Integer(minimum=1).convert(value)
        text = super().convert(value)
        return text.lower() if is_uuid(text) else text

    def key_of(self, value: Json) -> Json | None:
        """The primary key that value already is, or None if it is a name."""
        return value if isinstance(value, int) or (not self.numeric and is_uuid(value)) else None


@dataclass(frozen=True, kw_only=True)
class ListOf(Field):
    """A list whose order says nothing.

    most: entries at most.
    grows: the server adds some of its own, which are no drift.
    formerly: what an older server, which has one value of it at most, calls it.
    """

    item: Field
    most: int | None = None
    grows: bool = False
    formerly: str = ""
    empty: Json | Unset = field(default_factory=list)

    def convert(self, value: Json) -> list[Json]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"expected a list, got {_type_name(value)}")
        if self.most is not None and len(value) > self.most:
            raise ValueError(f"expected at most {self.most} entries, got {len(value)}")
        items: dict[str, Json] = {}
        failures: list[str] = []
        for each in value:
            try:
                item = self.item.normalise(each)
            except ValueError as error:
                failures += [f"{self.item.called(each)}: {reason}" for reason in error.args]
                continue
            if self.item.identity(item) in items:
                failures.append(f"expected each once, got {self.item.called(item)} again")
            items[self.item.identity(item)] = item
        if failures:
            raise ValueError(*failures)
        return list(items.values())

    def same(self, one: Json, other: Json) -> bool:
        return sorted(map(self.item.identity, one or [])) == sorted(map(self.item.identity, other or []))

    def holds(self, seen: Json, declared: Json) -> bool:
        if self.grows:
            return set(map(self.item.identity, declared or [])) <= set(map(self.item.identity, seen or []))
        return self.same(seen, declared)


def matching(pattern: str, expected: str) -> Callable[[str], str | None]:
    """A rule: the whole of a text matches the pattern."""
    return lambda value: None if re.fullmatch(pattern, value) else expected


def is_uuid(value: Json) -> bool:
    """Whether value is a UUID in its usual form, as Authentik writes primary keys."""
    try:
        return isinstance(value, str) and str(UUID(value)) == value.lower()
    except ValueError:
        return False


def differing(fields: dict[str, Field], one: dict[str, Json], other: dict[str, Json]) -> list[str]:
    """The names of the fields in which two bags differ; what either does not know is no difference."""
    return [
        name for name, each in fields.items() if name in one and name in other and not each.same(one[name], other[name])
    ]


def _instant(value: Json) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):  # the last at either end of time
        return None


def _type_name(value: Json) -> str:
    names: Sequence[tuple[type, str]] = (
        (bool, "true or false"),
        (str, "a text"),
        (int, "a number"),
        (float, "a number"),
        (list, "a list"),
        (dict, "an object"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "nothing")
