"""Who may enter an application: a pure function of its bindings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Visitor:
    """A user as the bindings see one."""

    pk: int
    groups: frozenset[str]  # their own and, for each, its parents and theirs


def may_enter(visitor: Visitor, mode: str, bindings: Iterable[Mapping[str, Any]], *, lax: bool = False) -> bool:
    """As on the real server a superuser is nobody special, nor is an inactive user; no bindings let everyone in.

    lax: whether in mode all one of the groups and users that are bound is enough, beside all policies.
    """
    enabled = [binding for binding in bindings if binding["enabled"]]
    if not enabled:
        return True
    if mode != "all":
        return any(passes(visitor, binding) for binding in enabled)
    policies = [passes(visitor, binding) for binding in enabled if binding.get("policy") is not None]
    static = [passes(visitor, binding) for binding in enabled if binding.get("policy") is None]
    return all(policies) and (not static or any(static) if lax else all(static))


def passes(visitor: Visitor, binding: Mapping[str, Any]) -> bool:
    """What one binding says."""
    if binding.get("policy") is not None:
        # a policy is code, which the stand-in does not run: it counts as one that failed
        return bool(binding["failure_result"])
    if binding.get("group") is not None:
        result = binding["group"] in visitor.groups
    else:
        result = binding.get("user") == visitor.pk
    return result != bool(binding["negate"])
