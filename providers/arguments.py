"""Arguments: named values with a Field each, as of a resource, a site or the settings, and the one validator. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Required, get_args, get_origin

from providers.fields import UNSET, Field, Json, differing

Bag = dict[str, Json]
Failure = tuple[str, str]
"""A field, and what was expected of it."""


@dataclass(frozen=True)
class Across:
    """A rule across fields, for the time when each of them is right.

    blamed: the field whose failure it is. rule: takes the values of the fields `of`, None for one that is not given;
    answers what was expected, or None.
    """

    blamed: str
    of: tuple[str, ...]
    rule: Callable[..., str | None]


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The arguments of a resource, or another table of fields."""

    word: str
    """What messages call it."""
    args: type | Mapping[str, Field]
    """A TypedDict or a dataclass whose annotations hold a Field each; or the fields, required without a default."""
    rules: tuple[Across, ...] = ()

    @cached_property
    def fields(self) -> dict[str, Field]:
        """What it is made of, in the order of the TypedDict."""
        return {name: each for name, each in self._declared.items() if not each.local}

    @cached_property
    def options(self) -> dict[str, Field]:
        """Arguments that say how to proceed and are not part of it."""
        return {name: each for name, each in self._declared.items() if each.local}

    @property
    def required(self) -> frozenset[str]:
        """The arguments that must be given."""
        if isinstance(self.args, Mapping):
            return frozenset(name for name, each in self.args.items() if each.default is UNSET)
        keys = getattr(self.args, "__required_keys__", None)  # of a TypedDict
        return frozenset(keys if keys is not None else self._declared.keys() - vars(self.args).keys())

    def check(self, news: Mapping[str, Json], unknown: frozenset[str] = frozenset()) -> tuple[Bag, list[Failure]]:
        """The inputs with defaults, and what is wrong. unknown: fields whose value is not known yet."""
        inputs: Bag = {name: value for name, value in news.items() if value is not None}
        known = ", ".join(self.fields)
        failures = [
            (name, f"is not an argument of a {self.word}, which takes {known}")
            for name in inputs
            if name not in self._declared
        ]
        for name, each in self._declared.items():
            if name in unknown:
                continue
            if name in inputs:
                try:
                    inputs[name] = each.normalise(inputs[name])
                except ValueError as error:
                    failures += [(name, reason) for reason in error.args]
            elif name in self.required:
                failures.append((name, f"is missing. {each.doc}" if each.doc else "is missing"))
            elif each.default is not UNSET:
                inputs[name] = each.default
        wrong = {name for name, _ in failures} | unknown
        for rule in self.rules:
            if wrong.isdisjoint(rule.of) and (expected := rule.rule(*map(inputs.get, rule.of))):
                failures.append((rule.blamed, expected))
        return inputs, failures

    def changes(self, olds: Mapping[str, Json], news: Mapping[str, Json], unknown: frozenset[str]) -> list[str]:
        """The fields that an update would send: changed, not known yet, or no longer declared."""
        changed = differing(self.fields, dict(olds), dict(news))
        return [
            name
            for name, each in self.fields.items()
            if (name in unknown)
            or (name in changed and name in news)
            or (name in news and name not in olds)
            or (name not in news and name in olds and each.empty is not UNSET and not each.same(olds[name], each.empty))
        ]

    @cached_property
    def _declared(self) -> dict[str, Field]:
        if isinstance(self.args, Mapping):
            return {**self.args, **self.added}
        return {name: _field(hint) for name, hint in self.args.__annotations__.items()} | self.added

    @property
    def added(self) -> dict[str, Field]:
        """Arguments beside those of the TypedDict."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Object(Field):
    """A JSON object with arguments of its own.

    title: the argument that messages call it by. unique: whether two in a list are told apart by that one, not by all.
    """

    arguments: Arguments
    title: str
    unique: bool = True

    def convert(self, value: Json) -> Bag:
        if not isinstance(value, dict):
            raise ValueError(f"expected an object such as {{{self.example}}}")
        inputs, failures = self.arguments.check(value)
        failures += [(name, "expected a value, got nothing") for name, each in value.items() if each is None]
        if failures:
            known = self.arguments.fields
            raise ValueError(*(f"{name if name in known else repr(name)[:40]}: {reason}" for name, reason in failures))
        return inputs

    def identity(self, value: Json) -> str:
        return str(value[self.title] if self.unique else value)

    def called(self, value: Json) -> str:
        titled = isinstance(value, dict) and self.title in value
        return f"{self.arguments.word} {value[self.title]!r:.60}" if titled else super().called(value)


def _field(hint: Any) -> Field:
    if get_origin(hint) is Required:
        (hint,) = get_args(hint)
    if get_origin(hint) is Annotated:
        for each in get_args(hint)[1:]:
            if isinstance(each, Field):
                return each
    raise TypeError(f"the argument {hint} has no Field")
