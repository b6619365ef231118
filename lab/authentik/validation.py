"""Bodies checked as Django REST framework checks them: the same rules, order and words."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from lab.authentik.clock import duration, expired, moment, stamp
from lab.authentik.errors import Crashed, Invalid
from lab.authentik.fields import Field, Model, Row
from lab.authentik.store import Store

SLUG = re.compile(r"[-a-zA-Z0-9_]+")
EMAIL = re.compile(r"[^@\s]+@(localhost|[^@\s.]+(\.[^@\s.]+)+)")
HOST = re.compile(r"(localhost|[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:.]+\])(:\d{1,5})?")
TRUE = (True, "t", "T", "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "1", 1)
FALSE = (False, "f", "F", "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", "0", 0)
NOT_A_DICT = "Value must be a dictionary, and not have any duplicate keys."
BAD_DATETIME = (
    "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
)


class Wrong(Exception):
    """One value that does not do; the argument is what to say of it."""

    def __init__(self, message: Any) -> None:
        super().__init__(message)
        self.errors: Any = [message] if isinstance(message, str) else message


def check(store: Store, model: Model, data: Any, instance: Row | None, *, partial: bool) -> Row:
    """The fields of a body that the model knows, in their stored form; unknown ones are ignored."""
    if not isinstance(data, dict):
        raise Invalid({"non_field_errors": [not_a_dict(data)]})
    attrs: Row = {}
    errors: Row = {}
    for name, field in model.fields.items():
        if name not in data:
            if field.required and not partial:
                errors[name] = ["This field is required."]
            elif field.emptied_by_put and not partial:
                attrs[name] = []
            continue
        try:
            attrs[name] = value_of(store, field, data[name], partial=partial)
            if field.unique:
                _check_unique(store, model, name, attrs[name], instance)
        except Wrong as wrong:
            errors[name] = wrong.errors
    if errors:
        raise Invalid(errors)
    return attrs


def not_a_dict(data: Any) -> str:
    return f"Invalid data. Expected a dictionary, but got {type(data).__name__}."


def body(store: Store, data: Row, fields: Mapping[str, Field]) -> Row:
    """A small body that belongs to no model."""
    values: Row = {}
    errors: Row = {}
    for name, field in fields.items():
        if name not in data:
            if field.required:
                errors[name] = ["This field is required."]
            values[name] = default(field)
            continue
        try:
            values[name] = value_of(store, field, data[name])
        except Wrong as wrong:
            errors[name] = wrong.errors
    if errors:
        raise Invalid(errors)
    return values


def defaults(model: Model) -> Row:
    """What a new row holds where the body is silent."""
    return {name: default(field) for name, field in model.fields.items()}


def default(field: Field) -> Any:
    made: Any = field.default
    return made() if isinstance(made, type) else made


def _check_unique(store: Store, model: Model, name: str, value: Any, instance: Row | None) -> None:
    if value is None:
        return
    mine = instance["pk"] if instance else None
    if store.rows(model.table, lambda row: row.get(name) == value and row["pk"] != mine and not expired(row)):
        raise Wrong(model.fields[name].unique)


def value_of(store: Store, field: Field, value: Any, *, partial: bool = False) -> Any:
    """The value in its stored form."""
    if value is None:
        if field.null:
            return None
        raise Wrong("This field may not be null.")
    if field.kind in ("pk", "pks"):
        return _related(store, field, value)
    if field.kind in ("redirect_uris", "untyped_uris"):
        return _redirect_uris(value, typed=field.kind == "redirect_uris", partial=partial)
    return value_of_plain(field, value)


def value_of_plain(field: Field, value: Any) -> Any:
    """A value that points at no other row."""
    read: Reader = _READERS.get(field.kind, _text)
    return read(field, value)


def _text(field: Field, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Wrong("Not a valid string.")
    text = str(value).strip()
    if not text and not field.blank:
        raise Wrong("This field may not be blank.")
    if field.max_length is not None and len(text) > field.max_length:
        raise Wrong(f"Ensure this field has no more than {field.max_length} characters.")
    return text


def _slug(field: Field, value: Any) -> str:
    text = _text(field, value)
    if not SLUG.fullmatch(text):
        usual = 'Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.'
        raise Wrong(field.invalid or usual)
    return text


def _url(field: Field, value: Any) -> str:
    text = _text(field, value)
    if not text:
        return text
    try:
        parts = urlsplit(text)
        bad_port = parts.port is not None and parts.port > 65535
    except ValueError:
        raise Wrong("Enter a valid URL.") from None
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in ("http", "https") or not HOST.fullmatch(host) or bad_port or re.search(r"\s", text):
        raise Wrong("Enter a valid URL.")
    return text


def _launch_url(field: Field, value: Any) -> str:
    """It may have no domain, and %(username)s in it."""
    text = _text(field, value)
    if text and not re.fullmatch(r"https?://\S+", text):
        raise Wrong("Enter a valid URL.")
    return text


def _email(field: Field, value: Any) -> str:
    text = _text(field, value)
    if text and not EMAIL.fullmatch(text):
        raise Wrong("Enter a valid email address.")
    return text


def _bool(_field: Field, value: Any) -> bool:
    if isinstance(value, str | bool | int):
        if value in TRUE:
            return True
        if value in FALSE:
            return False
    raise Wrong("Must be a valid boolean.")


def _int(field: Field, value: Any) -> int:
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"-?\d+(\.0*)?", text):
        raise Wrong("A valid integer is required.")
    number = int(text.partition(".")[0])
    if field.bounds and number < field.bounds[0]:
        raise Wrong(f"Ensure this value is greater than or equal to {field.bounds[0]}.")
    if field.bounds and number > field.bounds[1]:
        raise Wrong(f"Ensure this value is less than or equal to {field.bounds[1]}.")
    return number


def _choice(field: Field, value: Any) -> str:
    if not isinstance(value, str) or value not in field.choices:
        raise Wrong(f'"{value}" is not a valid choice.')
    return value


def _choices(field: Field, value: Any) -> list[str]:
    return [_choice(field, item) for item in _list(value)]


def _strings(_field: Field, value: Any) -> list[str]:
    return [_text(Field(blank=False), item) for item in _list(value)]


def _datetime(_field: Field, value: Any) -> str:
    try:
        return stamp(moment(value))
    except (TypeError, ValueError):
        raise Wrong(BAD_DATETIME) from None


def _dict(_field: Field, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Wrong(NOT_A_DICT)
    return value


def _duration(field: Field, value: Any) -> str:
    text = _text(field, value)
    try:
        duration(text)
    except ValueError:
        raise Wrong(f"{text} is not in the correct format of 'hours=3;minutes=1'.") from None
    return text


def _list(value: Any) -> list[Any]:
    if isinstance(value, str | Mapping) or not isinstance(value, list):
        raise Wrong(f'Expected a list of items but got type "{type(value).__name__}".')
    return value


Reader = Callable[[Field, Any], Any]
_READERS: Mapping[str, Reader] = {
    "slug": _slug, "url": _url, "launch_url": _launch_url, "email": _email, "bool": _bool, "int": _int,
    "choice": _choice, "choices": _choices, "permissions": _strings, "datetime": _datetime, "dict": _dict,
    "duration": _duration,
}  # fmt: skip


def _related(store: Store, field: Field, value: Any) -> Any:
    if field.kind == "pks":
        return list(dict.fromkeys(_pk(store, field.to, item) for item in _list(value)))
    return _pk(store, field.to, value)


INT_PKS = frozenset({"user", "provider"})


def _pk(store: Store, table: str, value: Any) -> Any:
    """The pk of an existing row; a target is anything that policies can be bound to."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Wrong(f"Incorrect type. Expected pk value, received {type(value).__name__}.")
    missing = Wrong(f'Invalid pk "{value}" - object does not exist.')
    if table in INT_PKS:
        if not re.fullmatch(r"\d+", str(value)):
            raise Wrong(f"Incorrect type. Expected pk value, received {type(value).__name__}.")
        if store.get(table, int(value)) is None:
            raise missing
        return int(value)
    try:
        pk = str(uuid.UUID(str(value)))
    except ValueError:
        raise Wrong(f"“{value}” is not a valid UUID.") from None
    if not (find_target(store, pk) if table == "target" else store.get(table, pk)):
        raise missing
    return pk


def find_target(store: Store, pk: str) -> Row | None:
    """Applications, flows and whatever else the server came with that policies are bound to."""
    found = store.get("application", pk) or store.get("flow", pk) or store.get("target", pk)
    return found or store.one("flow", policybindingmodel_ptr_id=pk)


def _redirect_uris(value: Any, *, typed: bool, partial: bool) -> list[Row]:
    if not isinstance(value, list):
        raise Wrong({"non_field_errors": [f'Expected a list of items but got type "{type(value).__name__}".']})
    uris: list[Row] = []
    errors: list[Row] = []
    for item in value:
        uri, wrong = _redirect_uri(item, typed=typed, partial=partial)
        uris.append(uri)
        errors.append(wrong)
    if any(errors):
        raise Wrong(errors)
    for uri in uris:
        if not {"matching_mode", "url"} <= uri.keys():  # a PATCH may leave them out, and then falls over it
            raise Crashed
        if uri["matching_mode"] == "regex" and not _compiles(uri["url"]):
            raise Wrong(f"Invalid Regex Pattern: {uri['url']}")
    return uris


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _redirect_uri(item: Any, *, typed: bool, partial: bool) -> tuple[Row, Row]:
    if not isinstance(item, dict):
        return {}, {"non_field_errors": [not_a_dict(item)]}
    uri: Row = {}
    errors: Row = {}
    fields = {
        "matching_mode": Field("choice", choices=("strict", "regex")),
        "url": Field(blank=False),
    }
    if typed:
        fields["redirect_uri_type"] = Field("choice", choices=("authorization", "logout"))
    for name, field in fields.items():
        if name in item:
            try:
                uri[name] = value_of_plain(field, item[name])
            except Wrong as wrong:
                errors[name] = wrong.errors
        elif name != "redirect_uri_type" and not partial:
            errors[name] = ["This field is required."]
        elif name == "redirect_uri_type" and not partial:
            uri[name] = "authorization"  # a PATCH leaves it out of what it stores, too
    return uri, errors
