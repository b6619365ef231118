"""Kind: what an object of Authentik is. Pure: no network and no Pulumi; crud.py interprets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from providers.arguments import Arguments, Bag
from providers.fields import UNSET, Boolean, Field, Json, ListOf, Reference, Text

Resolved = dict[str, dict[str, Json]]
"""For each reference field, the primary key of each name in it."""

ADOPT: Final[dict[str, Field]] = {"adopt": Boolean(local=True)}
STACK: Final[dict[str, Field]] = {"stack": Text(local=True)}


@dataclass(frozen=True, kw_only=True)
class Kind(Arguments):
    """An object of Authentik's API as data. Each takes `adopt` too."""

    model: str
    """Its name in Authentik's rights: app.model."""
    path: str
    """Its list under /api/v3."""
    name_field: str
    """The field that names an object in messages and, if unique, finds it again."""
    lookup_param: str = ""
    """The query parameter that finds an object by its name; "" where the name stands in its URL."""
    url_key: str = "pk"
    """The output that stands in its URL."""
    sent_with_every_patch: tuple[str, ...] = ()
    """Fields that the server would reset where a partial update lacks them."""
    computed: tuple[str, ...] = ("pk",)
    """What the server makes."""
    secret: tuple[str, ...] = ()
    """Those of `computed` that are secret."""
    whole_body: bool = False
    """Whether the server takes whole bodies only (PUT)."""
    recreate_on_adopt: bool = False
    """A credential: taking it over deletes it and makes it again, so that nobody knows the old one."""
    allows_duplicates: bool = False
    """Whether two of the same may exist: taking one over makes another before it deletes what was there."""
    known_by_group: bool = False
    """It has no attributes for a mark: the marked group that is bound to its application tells whose it is."""

    @property
    def added(self) -> dict[str, Field]:
        return ADOPT | (STACK if self.known_by_group else {})

    def right(self, verb: Literal["add", "view", "change", "delete"]) -> str:
        """The right that a call needs, as Authentik names it."""
        app, model = self.model.split(".")
        return f"{app}.{verb}_{model}"

    def label(self, bag: Mapping[str, Json]) -> str:
        """What messages call one object: group 'immich-mobile-users'."""
        title = bag.get(self.name_field)
        return f"{self.word} {title!r}" if isinstance(title, str) else f"{self.word} {title}" if title else self.word


def names(kind: Kind, inputs: Mapping[str, Json]) -> list[tuple[str, Reference, str]]:
    """The names (field, reference, name) that stand for primary keys in the inputs."""
    found = []
    for name, each in kind.fields.items():
        reference = each.item if isinstance(each, ListOf) else each
        if isinstance(reference, Reference) and inputs.get(name) is not None:
            values = inputs[name] if isinstance(each, ListOf) else [inputs[name]]
            found += [(name, reference, value) for value in values if reference.key_of(value) is None]
    return found


def wire(kind: Kind, inputs: Mapping[str, Json], resolved: Resolved, only: list[str] | None = None) -> Bag:
    """The body of a request: the inputs with keys for names; only: these fields, removed ones as empty."""
    body: Bag = {}
    for name, each in kind.fields.items():
        if only is not None and name not in only and name not in kind.sent_with_every_patch:
            continue
        if name in inputs:
            body[name] = _keys(each, inputs[name], resolved.get(name, {}))
        elif only is not None and name in only and each.empty is not UNSET:
            body[name] = each.empty
    return for_older(kind, body)


def for_older(kind: Kind, body: Bag) -> Bag:
    """A body that a server of every version understands, for each ignores the names that it does not know."""
    formerly = {each.formerly: name for name, each in _renamed(kind) if name in body}
    return body | {old: next(iter(body[name] or []), None) for old, name in formerly.items()}


def of_older(kind: Kind, answer: Mapping[str, Json]) -> Bag:
    """An answer of a server of any version, with the fields as the newest calls them."""
    formerly = {name: answer[each.formerly] for name, each in _renamed(kind) if each.formerly in answer}
    return {name: [] if value is None else [value] for name, value in formerly.items()} | dict(answer)


def observed(kind: Kind, declared: Mapping[str, Json], resolved: Resolved, answer: Mapping[str, Json]) -> Bag:
    """What the server says of the declared fields, in the words of the declaration.

    A field that the server's version does not have is taken as declared, and so is the order of a list.
    """
    bag: Bag = {}
    answer = of_older(kind, answer)
    for name, each in kind.fields.items():
        if name not in declared:
            continue
        if name not in answer:
            bag[name] = declared[name]
            continue
        value = _names(each, answer[name], resolved.get(name, {}))
        if value == declared[name] and (called := _called(each, answer.get(f"{name}_obj"), value)):
            value = called
        bag[name] = declared[name] if each.holds(value, declared[name]) else value
    return bag


def computed(kind: Kind, answer: Mapping[str, Json]) -> Bag:
    """The outputs that the server made."""
    return {name: answer[name] for name in kind.computed if answer.get(name) is not None}


def _renamed(kind: Kind) -> list[tuple[str, ListOf]]:
    """The fields that older servers call otherwise."""
    return [(name, each) for name, each in kind.fields.items() if isinstance(each, ListOf) and each.formerly]


def _keys(each: Field, value: Json, keys: Mapping[str, Json]) -> Json:
    if isinstance(each, ListOf):
        return [_keys(each.item, item, keys) for item in value]
    if isinstance(each, Reference) and value is not None:
        key = each.key_of(value)
        return keys[value] if key is None else key
    return value


def _names(each: Field, value: Json, keys: Mapping[str, Json]) -> Json:
    if isinstance(each, ListOf):
        return [_names(each.item, item, keys) for item in value or []]
    if isinstance(each, Reference):
        return next((name for name, key in keys.items() if str(key) == str(value)), value)
    return value


def _called(each: Field, other: Json, declared: Json) -> Json | None:
    """What a referenced object is called now, where it was declared by name and the answer tells of it."""
    if isinstance(each, Reference) and isinstance(other, dict) and each.key_of(declared) is None:
        return other.get(each.lookup.by[0][1])
    return None
