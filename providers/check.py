"""The engine's check of a resource's arguments, by their fields."""

from collections.abc import Mapping

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult

from providers.arguments import Arguments
from providers.fields import Json


def unknowns(props: Mapping[str, Json]) -> frozenset[str]:
    """The arguments whose value, or a part of it, is not known yet."""
    return frozenset(name for name, value in props.items() if pulumi.contains_unknowns(value))


def check(arguments: Arguments, news: Mapping[str, Json]) -> CheckResult:
    """The inputs with their defaults, and each failure by its argument."""
    props = {name: value for name, value in news.items() if name != "__provider"}
    inputs, failures = arguments.check(props, unknowns(props))
    return CheckResult(inputs, [CheckFailure(name, f"{name}: {reason}") for name, reason in failures])
