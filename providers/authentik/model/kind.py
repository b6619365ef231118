"""Kind: what an object of Authentik is. Pure: no network and no Pulumi; provider.py interprets it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Required, get_args, get_origin

from providers.authentik.model.fields import UNSET, Field, Json, ListOf, Reference, differing

Bag = dict[str, Json]
Resolved = dict[str, dict[str, Json]]
"""For each reference field, the primary key of each name in it."""


@dataclass(frozen=True)
class Kind:
    """An object of Authentik's API as data."""

    word: str
    """What messages call it."""
    model: str
    """Its name in Authentik's rights: app.model."""
    path: str
    """Its list under /api/v3."""
    args: type
    """The TypedDict of its arguments, whose annotations hold a Field each."""
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
    rule: Callable[[Bag], tuple[str, str] | None] | None = None
    """A check across fields: (field, what was expected), or None."""

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The fields by their names, in the order of the arguments."""
        return {name: _field(hint) for name, hint in self.args.__annotations__.items()}

    @property
    def required(self) -> frozenset[str]:
        """The arguments that must be given."""
        return frozenset(self.args.__required_keys__)  # type: ignore[attr-defined]  # every TypedDict has it

    def right(self, verb: Literal["add", "view", "change", "delete"]) -> str:
        """The right that a call needs, as Authentik names it."""
        app, model = self.model.split(".")
        return f"{app}.{verb}_{model}"

    def label(self, bag: Mapping[str, Json]) -> str:
        """What messages call one object: group 'immich-mobile-users'."""
        title = bag.get(self.name_field)
        return f"{self.word} {title!r}" if isinstance(title, str) else f"{self.word} {title}" if title else self.word


def check(kind: Kind, news: Mapping[str, Json], unknown: frozenset[str]) -> tuple[Bag, list[tuple[str, str]]]:
    """Answer the inputs with defaults, and (field, reason) for each that is wrong. unknown: not known yet."""
    inputs: Bag = {name: value for name, value in news.items() if value is not None}
    failures = []
    for name in inputs:
        if name not in kind.fields:
            failures.append((name, f"is no setting of a {kind.word}"))
    for name, each in kind.fields.items():
        if name in unknown:
            continue
        if name in inputs:
            try:
                inputs[name] = each.normalise(inputs[name])
            except ValueError as error:
                failures.append((name, str(error)))
        elif name in kind.required:
            failures.append((name, "is missing"))
        elif each.default is not UNSET:
            inputs[name] = each.default
    if kind.rule and not failures and not unknown and (failure := kind.rule(inputs)):
        failures.append(failure)
    return inputs, failures


def changes(kind: Kind, olds: Mapping[str, Json], news: Mapping[str, Json], unknown: frozenset[str]) -> list[str]:
    """The fields that an update would send: changed, not known yet, or no longer declared."""
    changed = differing(kind.fields, dict(olds), dict(news))
    return [
        name
        for name, each in kind.fields.items()
        if (name in unknown)
        or (name in changed and name in news)
        or (name in news and name not in olds)
        or (name not in news and name in olds and each.empty is not UNSET and not each.same(olds[name], each.empty))
    ]


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


def _field(hint: Any) -> Field:
    if get_origin(hint) is Required:
        (hint,) = get_args(hint)
    if get_origin(hint) is Annotated:
        for each in get_args(hint)[1:]:
            if isinstance(each, Field):
                return each
    raise TypeError(f"the argument {hint} has no Field")
