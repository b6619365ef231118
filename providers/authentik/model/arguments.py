"""Arguments: what a resource takes, as a TypedDict whose annotations hold a Field each, and the one validator. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Required, get_args, get_origin

from providers.authentik.model.fields import UNSET, Field, Json, differing

Bag = dict[str, Json]
Failure = tuple[str, str]
"""A field, and what was expected of it."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The arguments of a resource."""

    word: str
    """What messages call it."""
    args: type
    """The TypedDict."""
    rule: Callable[[Bag], Failure | None] | None = None
    """A check across fields."""

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
        return frozenset(self.args.__required_keys__)  # type: ignore[attr-defined]  # every TypedDict has it

    def check(self, news: Mapping[str, Json], unknown: frozenset[str] = frozenset()) -> tuple[Bag, list[Failure]]:
        """The inputs with defaults, and what is wrong. unknown: fields whose value is not known yet."""
        inputs: Bag = {name: value for name, value in news.items() if value is not None}
        failures = [(name, f"is not an argument of a {self.word}") for name in inputs if name not in self._declared]
        for name, each in self._declared.items():
            if name in unknown:
                continue
            if name in inputs:
                try:
                    inputs[name] = each.normalise(inputs[name])
                except ValueError as error:
                    failures.append((name, str(error)))
            elif name in self.required:
                failures.append((name, "is missing"))
            elif each.default is not UNSET:
                inputs[name] = each.default
        if self.rule and not failures and not unknown and (failure := self.rule(inputs)):
            failures.append(failure)
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
        return {name: _field(hint) for name, hint in self.args.__annotations__.items()} | self.added

    @property
    def added(self) -> dict[str, Field]:
        """Arguments beside those of the TypedDict."""
        return {}


def _field(hint: Any) -> Field:
    if get_origin(hint) is Required:
        (hint,) = get_args(hint)
    if get_origin(hint) is Annotated:
        for each in get_args(hint)[1:]:
            if isinstance(each, Field):
                return each
    raise TypeError(f"the argument {hint} has no Field")
