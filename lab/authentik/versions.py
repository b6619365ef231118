"""What an older version of the server lacks, as its source had it: fields that it ignores and does not answer."""

from __future__ import annotations

import re
from typing import Any

from lab.authentik.fields import Row
from lab.authentik.models_providers import GRANT_TYPES

VERSION = "2026.8.0-rc1"
"""The one that was recorded."""
SINCE: dict[str, dict[str, tuple[int, int]]] = {
    "core/groups": dict.fromkeys(
        ("parents", "parents_obj", "children", "children_obj", "inherited_roles_obj"), (2025, 12)
    ),
    "core/users": dict.fromkeys(("roles", "roles_obj"), (2025, 12)),
    "core/applications": {"meta_hide": (2026, 8)},
    "providers/oauth2": {
        **dict.fromkeys(("refresh_token_threshold", "logout_uri", "logout_method"), (2025, 10)),
        "grant_types": (2026, 5),
    },
}
"""The release that brought a field, by the model's path."""
ONE_PARENT_BEFORE = (2025, 12)


def lacking(version: str, path: str) -> frozenset[str]:
    """The fields of a model that a server of this version does not have."""
    return frozenset(name for name, since in SINCE.get(path, {}).items() if _release(version) < since)


def one_parent(version: str, path: str) -> bool:
    """Whether groups have one `parent` and not `parents`."""
    return path == "core/groups" and _release(version) < ONE_PARENT_BEFORE


def taken(version: str, path: str, data: Any) -> Any:
    """A body as a server of this version reads it."""
    if not isinstance(data, dict):
        return data
    known = {name: value for name, value in data.items() if name not in lacking(version, path)}
    if one_parent(version, path) and "parent" in data:
        known["parents"] = [] if data["parent"] is None else [data["parent"]]
    return known


def told(version: str, path: str, shown: Any) -> Any:
    """What a server of this version answers."""
    if not isinstance(shown, dict):
        return shown
    known = {name: value for name, value in shown.items() if name not in lacking(version, path)}
    if one_parent(version, path):
        known["parent"] = next(iter(shown["parents"]), None)
    return known


def filled(version: str, path: str, row: Row) -> Row:
    """A new row: before providers named their grants, every one was allowed."""
    return row | ({"grant_types": list(GRANT_TYPES)} if "grant_types" in lacking(version, path) else {})


def version(text: str) -> str:
    """A version that can be acted as. Raises ValueError."""
    _release(text)
    return text


def _release(version: str) -> tuple[int, int]:
    found = re.match(r"(\d{4})\.(\d{1,2})(?!\d)", version)
    if not found:
        raise ValueError(f"expected a version such as 2024.12.3, got {version!r:.40}")
    return int(found[1]), int(found[2])
