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


def may_enter(visitor: Visitor, mode: str, bindings: Iterable[Mapping[str, Any]]) -> bool:
    """As on the real server a superuser is nobody special, nor is an inactive user; no bindings let everyone in."""
    results = [passes(visitor, binding) for binding in bindings if binding["enabled"]]
    if not results:
        return True
    return all(results) if mode == "all" else any(results)


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
