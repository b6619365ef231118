"""Values that a field takes, and bags of them that a kind takes, as hypothesis draws them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from providers.arguments import Bag
from providers.authentik.model import rules
from providers.authentik.model.kind import Kind, names
from providers.authentik.model.redirect_uri import RedirectUri
from providers.authentik.resource import AuthentikResource, every_resource
from providers.fields import (
    Attributes,
    Boolean,
    Field,
    Integer,
    ListOf,
    Reference,
    Text,
    Timestamp,
)

NO_OBJECTS = {"ExclusiveBindings", "ExclusiveMembers", "Isolation", "OutpostConfirmation"}
"""What is no object of its own: it looks after others."""
RESOURCES: dict[str, type[AuthentikResource[Any]]] = {
    name: each for name, each in every_resource().items() if name not in NO_OBJECTS
}
KINDS: dict[str, Kind] = {name: resource.provider_class.kind for name, resource in RESOURCES.items()}

LINES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=ZONES)

OF_RULE: dict[Callable[[Any], str | None], SearchStrategy[str]] = {
    rules.slug: st.from_regex(r"[-a-zA-Z0-9_]{1,20}", fullmatch=True),
    rules.no_colon: LINES.filter(lambda text: ":" not in text),
    rules.web_url: st.sampled_from(["https://photos.example.org", "http://10.0.0.2:2283", "https://[::1]:9443/x"]),
    rules.duration: st.sampled_from(["hours=1", "minutes=5;seconds=30", "days=0.5"]),
    rules.regular_expressions: st.sampled_from(["", "^/api/.*$", "^/a\n^/b(c|d)$"]),
}


def value_of(field: Field) -> SearchStrategy[Any]:
    """Any value that the field takes."""
    return _any_value_of(field).filter(lambda value: _taken(field, value))


def bag_of(kind: Kind) -> SearchStrategy[Bag]:
    """Any declaration that the kind takes, as the program writes it."""
    each = {name: value_of(field) for name, field in kind.fields.items()}
    required = {name: strategy for name, strategy in each.items() if name in kind.required}
    optional = {name: strategy for name, strategy in each.items() if name not in kind.required}
    return st.fixed_dictionaries(required, optional=optional).filter(lambda bag: not kind.check(bag)[1])


def inputs_of(kind: Kind) -> SearchStrategy[Bag]:
    """The same with the defaults, as update and create get it."""
    return bag_of(kind).map(lambda bag: kind.check(bag)[0])


def resolve(kind: Kind, inputs: Bag) -> dict[str, dict[str, Any]]:
    """A key for each name in the inputs, as a look-up would find it."""
    keys: dict[str, dict[str, Any]] = {}
    for field, reference, name in names(kind, inputs):
        number = len(keys.setdefault(field, {})) + 1
        keys[field][name] = number if reference.numeric else f"00000000-0000-0000-0000-{number:012}"
    return keys


def as_floats(value: Any) -> Any:
    """A value as it arrives in the provider's host, where every number is a float."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, dict):
        return {name: as_floats(each) for name, each in value.items()}
    return [as_floats(each) for each in value] if isinstance(value, list) else value


def _taken(field: Field, value: Any) -> bool:
    try:
        field.normalise(value)
    except ValueError:
        return False
    return True


def _any_value_of(field: Field) -> SearchStrategy[Any]:
    match field:
        case ListOf(item=item):
            return st.lists(value_of(item), max_size=3, unique_by=str)
        case Reference(numeric=numeric):
            return st.integers(1, 2**31 - 1) | WORDS if numeric else st.uuids().map(str) | LINES
        case Timestamp():
            return MOMENTS.map(lambda moment: moment.isoformat())
        case Text(choices=choices, rule=rule):
            return st.sampled_from(choices) if choices else OF_RULE[rule] if rule else LINES
        case Integer(minimum=minimum, maximum=maximum):
            return st.integers(minimum, maximum)
        case Boolean():
            return st.booleans()
        case RedirectUri():
            modes, types = st.sampled_from(["strict", "regex"]), st.sampled_from(["authorization", "logout"])
            uris = st.sampled_from(["https://photos.example.org/auth/login", "app.immich:///oauth-callback", "a:b.*"])
            return st.fixed_dictionaries({"matching_mode": modes, "url": uris}, optional={"redirect_uri_type": types})
        case Attributes():
            leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | LINES
            nested = st.lists(leaves, max_size=2) | st.dictionaries(LINES, leaves, max_size=2)
            return st.dictionaries(LINES, leaves | nested, max_size=3)
    raise TypeError(f"no values are known for {field}")


def rezoned(moment: str) -> str:
    """The same moment as the server writes it."""
    return datetime.fromisoformat(moment).astimezone(UTC).isoformat().replace("+00:00", "Z")
