"""Lists: filters, search, order and pages, as the query asks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.datastructures import QueryParams

from lab.authentik.clock import moment
from lab.authentik.crypto import described
from lab.authentik.errors import Invalid, NotFound
from lab.authentik.fields import Filter, Model, Row
from lab.authentik.represent import pick
from lab.authentik.rights import is_superuser
from lab.authentik.store import Store
from lab.authentik.validation import FALSE, INT_PKS, TRUE, find_target

PAGE_SIZE = 20
UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
PAGE_SIZE_MAX = 100
NOT_A_CHOICE = "Select a valid choice. That choice is not one of the available choices."


def facets(store: Store, model: Model, row: Row) -> Row:
    """A row with the columns that filters and search reach through relations."""
    if model.table == "user":
        return row | {"is_superuser": is_superuser(store, row)}
    if model.table == "group":
        return row | {"users": [u["pk"] for u in store.rows("user") if row["pk"] in u["groups"]]}
    if model.table == "token":
        return row | {"user__username": (store.get("user", row["user"]) or {}).get("username", "")}
    if model.table == "provider":
        application = store.one("application", provider=row["pk"])
        flow = store.get("flow", row["authorization_flow"]) or {}
        certificate = store.get("keypair", row.get("certificate")) or {}
        return row | {
            "certificate_name": certificate.get("name"),
            "application": application["pk"] if application else None,
            "authorization_flow_slug": flow.get("slug"),
        }
    if model.table == "keypair":
        return row | pick(described(row), "private_key_available", "key_type")
    if model.table == "role":
        return row | {
            "users": [user["pk"] for user in store.rows("user") if row["pk"] in user["roles"]],
            "groups": [group["pk"] for group in store.rows("group") if row["pk"] in group["roles"]],
        }
    if model.table == "event":
        return row | {"user__username": row["user"]["username"], "brand__name": row["brand"]["name"]}
    if model.table == "binding":
        return row | {"policy_name": (store.get("policy", row["policy"]) or {}).get("name", "")}
    return row


def select(store: Store, model: Model, rows: list[Row], query: QueryParams) -> list[Row]:
    """The rows that pass every filter and the search, in order."""
    wide = [facets(store, model, row) for row in rows]
    for name, spec in model.filters.items():
        given = [value for value in query.getlist(name) if value != ""]
        if given:
            if spec.lookup == "values":  # AllValuesMultipleFilter: a choice is what some row of the table has
                spec = replace(
                    spec, lookup="choices", choices=tuple(row[spec.field] for row in store.rows(model.table))
                )
            wide = _apply(store, name, spec, given, wide)
    for term in query.get("search", "").replace(",", " ").split():
        wide = [row for row in wide if any(_contains(row.get(column), term) for column in model.search)]
    by_pk = {row["pk"]: row for row in rows}
    return [by_pk[row["pk"]] for row in _ordered(model, wide, query.get("ordering", ""))]


def _contains(value: Any, term: str) -> bool:
    return value is not None and term.lower() in str(value).lower()


def _apply(store: Store, name: str, spec: Filter, given: list[str], rows: list[Row]) -> list[Row]:
    test = _test(store, name, spec, given)
    return rows if test is None else [row for row in rows if test(row.get(spec.field))]


Test = Callable[[Any], bool]


def _test(store: Store, name: str, spec: Filter, given: list[str]) -> Test | None:
    value = given[-1]
    if spec.lookup in ("bool", "isnull"):
        return _flag(spec, value)
    if spec.lookup in ("gt", "lt"):
        return _moments(spec, name, value)
    if spec.lookup == "json":
        return _subset(value)
    if spec.lookup in ("in", "choice", "choices"):
        return _membership(store, name, spec, given)
    tests: dict[str, Test] = {
        "iexact": lambda held: held is not None and str(held).lower() == value.lower(),
        "icontains": lambda held: _contains(held, value),
        "startswith": lambda held: held is not None and str(held).startswith(value),
    }
    exact: Test = lambda held: held is not None and str(held) == value  # noqa: E731
    return tests.get(spec.lookup, exact)


def _flag(spec: Filter, value: str) -> Test | None:
    if value not in TRUE and value not in FALSE:
        return None  # what is no boolean filters nothing
    wanted = value in TRUE
    if spec.lookup == "isnull":
        return lambda held: (held in (None, [])) == wanted
    return lambda held: bool(held) == wanted


def _moments(spec: Filter, name: str, value: str) -> Test:
    try:
        limit = moment(value)
    except ValueError:
        raise Invalid({name: ["Enter a valid date/time."]}) from None
    if spec.lookup == "gt":
        return lambda held: held is not None and moment(held) > limit
    return lambda held: held is not None and moment(held) < limit


def _subset(value: str) -> Test:
    try:
        wanted = json.loads(value)
    except ValueError:
        raise Invalid(["filter: failed to parse JSON"]) from None
    if not isinstance(wanted, dict):
        raise Invalid(["filter: value must be key:value mapping"])
    return lambda held: all(_reach(held, key) == item for key, item in wanted.items())


def _reach(held: Any, key: str) -> Any:
    for step in key.split("__"):
        held = held.get(step) if isinstance(held, dict) else None
    return held


def _membership(store: Store, name: str, spec: Filter, given: list[str]) -> Test:
    if not spec.to:
        for value in given if spec.choices else ():
            if value not in spec.choices:
                wrong = f"Select a valid choice. {value} is not one of the available choices."
                raise Invalid({name: [wrong]})
        wanted = {given[-1]} if spec.lookup == "choice" else set(given)
        return lambda held: held in wanted
    values = [given[-1]] if spec.lookup == "choice" else given
    pks = {_chosen(store, name, spec, value) for value in values}
    return lambda held: bool(pks & set(held)) if isinstance(held, list) else held in pks


def _chosen(store: Store, name: str, spec: Filter, value: str) -> Any:
    """A choice must exist: a list filtered by something that is gone is refused, not empty."""
    row: Row | None
    if spec.to == "target":
        if not UUID.fullmatch(value):
            raise Invalid({name: [f"“{value}” is not a valid UUID."]})
        row = find_target(store, value)
        if row:
            return value
    elif spec.by != "pk":
        row = store.one(spec.to, **{spec.by: value})
    else:
        is_int = spec.to in INT_PKS
        row = store.get(spec.to, int(value) if is_int and re.fullmatch(r"\d+", value) else value)
    if row is None:
        one_of_many = f"Select a valid choice. {value} is not one of the available choices."
        raise Invalid({name: [NOT_A_CHOICE if spec.lookup == "choice" else one_of_many]})
    return row["pk"]


def _ordered(model: Model, rows: list[Row], asked: str) -> list[Row]:
    known = set(model.fields) | set(rows[0] if rows else ())
    columns = [column for column in asked.split(",") if column.strip().lstrip("-") in known]
    for column in reversed(columns or list(model.ordering)):
        name = column.strip()
        rows = sorted(rows, key=lambda row: _key(row.get(name.lstrip("-"))), reverse=name.startswith("-"))
    return rows


def _key(value: Any) -> tuple[bool, Any]:
    """Nulls come last, as in Postgres."""
    if isinstance(value, list | dict):
        return False, json.dumps(value)
    return (True, 0) if value is None else (False, value)


def page(rows: list[Row], query: QueryParams) -> tuple[dict[str, int], list[Row]]:
    """One page and the numbers that go with it."""
    asked = query.get("page_size", "")
    size = min(int(asked), PAGE_SIZE_MAX) if re.fullmatch(r"[1-9]\d*", asked) else PAGE_SIZE
    pages = max(1, -(-len(rows) // size))
    wanted = query.get("page", "1")
    number = pages if wanted == "last" else int(wanted) if re.fullmatch(r"\d+", wanted) else 0
    if not 1 <= number <= pages:
        page_is_gone = NotFound()
        page_is_gone.body = {"detail": "Invalid page."}
        raise page_is_gone
    start = (number - 1) * size
    shown = rows[start : start + size]
    return {
        "next": number + 1 if number < pages else 0,
        "previous": number - 1,
        "count": len(rows),
        "current": number,
        "total_pages": pages,
        "start_index": start + 1 if rows else 0,
        "end_index": start + len(shown),
    }, shown
