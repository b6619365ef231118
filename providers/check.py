"""What a dynamic provider answers to Check: the inputs with defaults, and every argument that is wrong."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult

from providers.authentik.model.arguments import Arguments, Bag, Failure


def check_inputs(
    arguments: Arguments, news: Mapping[str, Any], also: Callable[[Bag], list[Failure]] = lambda _: []
) -> CheckResult:
    """Check against the Fields, and then by `also` what is known of the inputs. news: as the engine sends them."""
    props = {name: value for name, value in news.items() if name != "__provider"}
    unknown = frozenset(name for name, value in props.items() if pulumi.contains_unknowns(value))
    inputs, failures = arguments.check(props, unknown)
    failures = failures or also({name: value for name, value in inputs.items() if name not in unknown})
    return CheckResult(inputs, [CheckFailure(name, f"{name}: {reason}") for name, reason in failures])
