"""The words the table of models is written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Row = dict[str, Any]

Kind = Literal[
    "str", "slug", "url", "email", "bool", "int", "choice", "choices", "datetime", "dict", "duration",
    "pk", "pks", "redirect_uris", "untyped_uris", "permissions", "launch_url",
]  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One writable field of a body."""

    kind: Kind = "str"
    required: bool = False
    default: Any = ""  # what a new row holds when the body is silent; a callable is called
    null: bool = False
    blank: bool = True
    max_length: int | None = None
    bounds: tuple[int, int] | None = None
    choices: tuple[str, ...] = ()
    to: str = ""  # the table a pk points into
    unique: str = ""  # the message when another row has the value
    invalid: str = ""  # the message of a bad slug differs by model
    emptied_by_put: bool = False  # a serializer default: a PUT without the field resets it


Lookup = Literal[
    "exact", "iexact", "icontains", "startswith", "isnull", "gt", "lt", "bool", "in", "json", "choice", "choices",
    "values",
]  # fmt: skip


@dataclass(frozen=True)
class Filter:
    """One query parameter of a list; parameters without one are ignored."""

    field: str
    lookup: Lookup = "exact"
    to: str = ""  # the table whose rows are the choices
    by: str = "pk"  # the column of `to` that a choice names
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """One kind of object: where it lives, what it takes, who may."""

    app: str
    name: str
    noun: str
    path: str
    table: str
    fields: Mapping[str, Field]
    ordering: tuple[str, ...]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    search: tuple[str, ...] = ()
    lookup: str = "pk"
    int_pk: bool = False
    subtype: str = ""  # among the rows of a table that several models share
    owner: str = ""  # the column whose user may do without rights
    add_needs_right: bool = True
    methods: frozenset[str] = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
    autocomplete: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    about: str = ""

    def right(self, verb: str) -> str:
        return f"{self.app}.{verb}_{self.name}"


def filters(*names: str, **special: Filter) -> dict[str, Filter]:
    """`name__iexact` and the like say their lookup themselves."""
    known = ("iexact", "icontains", "startswith", "isnull", "gt", "lt")
    found: dict[str, Filter] = {}
    for name in names:
        column, _, lookup = name.rpartition("__")
        found[name] = Filter(column, lookup) if lookup in known else Filter(name)  # type: ignore[arg-type]
    return found | special
