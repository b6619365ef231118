"""How an older version of the server differs, by its recording or its source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lab.authentik.fields import Field, Model, Row
from lab.authentik.models_providers import GRANT_TYPES

VERSION = "2026.8.0-rc1"
"""The newest that was recorded."""
SINCE: dict[str, dict[str, tuple[int, int]]] = {
    "core/groups": {
        **dict.fromkeys(("parents", "parents_obj", "inherited_roles_obj"), (2025, 12)),
        **dict.fromkeys(("children", "children_obj"), (2025, 8)),  # or earlier: 2024.12 has none, 2025.8.1 has them
    },
    "core/users": dict.fromkeys(("roles", "roles_obj"), (2025, 12)),
    "core/applications": {"meta_hide": (2026, 8)},
    "providers/oauth2": {
        **dict.fromkeys(("refresh_token_threshold", "logout_uri", "logout_method"), (2025, 10)),
        "grant_types": (2026, 8),
    },
}
"""The release that brought a field, by the model's path; held to the recordings by tests/contract/test_versions.py."""
UNTOLD = frozenset({
    "assigned_backchannel_application_name", "assigned_backchannel_application_slug", "background_themed_urls",
    "background_url", "kubernetes_disable_x509_strict", "meta_icon_themed_urls", "meta_icon_url", "query",
    "redirect_uri_type",
})  # fmt: skip
"""What answers of 2025.8 lack wherever it stands."""
RENAMED = {"key_type": "private_key_type"}
ONE_PARENT_BEFORE = (2025, 12)


def lacking(version: str, path: str) -> frozenset[str]:
    """The fields of a model that a server of this version does not have."""
    return frozenset(name for name, since in SINCE.get(path, {}).items() if release(version) < since)


def newer(version: str) -> bool:
    """Whether it acts as 2026.5 does and not as 2025.8 did, in what changed somewhere between those recordings."""
    return release(version) >= (2026, 5)


def one_parent(version: str, path: str) -> bool:
    """Whether groups have one `parent` and not `parents`."""
    return path == "core/groups" and release(version) < ONE_PARENT_BEFORE


def accepts_inactive(version: str) -> bool:
    """Whether the app password of an account that is not active is accepted.

    As in the recording of 2025.8.1 (`token endpoint: app password, deactivated account` is 200); the later bounds are
    by the source, providers/oauth2/views/token.py: fixed in 2025.8.6 and 2025.10.2.
    """
    at = _numbers(version)
    return at < (2025, 8, 6) or (2025, 10, 0) <= at < (2025, 10, 2)


def hides_tokens(version: str) -> bool:
    """Whether all but superusers see their own tokens alone, whatever their rights.

    As get_queryset in core/api/tokens.py of 2025.8.1 has it; 2026.5.0-rc1 has none there, those between are not known.
    """
    return release(version) < (2026, 5)


def lax(version: str) -> bool:
    """Whether in policy engine mode all one of the groups and users that are bound is enough.

    As in the recording of 2025.8.1 (`closing: mode all, negated and family`), not in that of 2026.5.0-rc1. By the
    source, policies/engine.py: since pull request 14957 of June 2025, until 20430 of February 2026, which no release
    notes of 2026.2 name.
    """
    return (2025, 8) <= release(version) < (2026, 5)


_UNIQUE = {
    "username": "authentik_core_user_username_key",
    "identifier": "authentik_core_token_identifier_af152015_uniq",
}


def conflict(version: str, named: bool, taken: Mapping[str, str]) -> Row | None:
    """Why the service-account endpoint cannot make an account, in the words of the recordings, or None.

    named: whether the name is some user's display name; taken: what is in use, by username, identifier and group.
    """
    if newer(version):
        if named:
            return {"name": ["This field must be unique."]}
        return {"non_field_errors": ["A user/group with these details already exists"]} if taken else None
    for column, constraint in _UNIQUE.items():  # a group of that name is no conflict: there are two of it then
        if column in taken:
            detail = f"DETAIL:  Key ({column})=({taken[column]}) already exists."
            words = f'duplicate key value violates unique constraint "{constraint}"\n{detail}'
            return {"non_field_errors": [words]}
    return None


def reads(version: str, model: Model) -> Model:
    """A model with the fields and filters that a server of this version knows; what it does not, it ignores."""
    fields = {name: field for name, field in model.fields.items() if name not in lacking(version, model.path)}
    if one_parent(version, model.path):
        fields["parent"] = Field("pk", null=True, to="group")
        fields["name"] = replace(fields["name"], unique="This field must be unique.")
    if not newer(version):
        fields.pop("meta_icon", None)
        if model.path == "core/applications":
            fields["slug"] = replace(fields["slug"], invalid="")
        if "redirect_uris" in fields:
            fields["redirect_uris"] = replace(fields["redirect_uris"], kind="untyped_uris")
    filters = {} if model.path == "rbac/roles" and not newer(version) else model.filters
    return replace(model, fields=fields, filters=filters)


def told(version: str, path: str, shown: Any) -> Any:
    """What a server of this version answers."""
    if not isinstance(shown, dict):
        return shown
    known = {name: value for name, value in shown.items() if name not in lacking(version, path)}
    if newer(version):
        return known
    if path == "flows/instances":
        known["background"] = shown["background_url"]
    if path == "core/applications":
        known["meta_icon"] = None  # for `set_icon/` alone to set
    if path == "providers/oauth2":
        known["backchannel_logout_uri"] = ""
    return _older(known)


def _older(shown: Any) -> Any:
    if isinstance(shown, list):
        return [_older(each) for each in shown]
    if not isinstance(shown, dict):
        return shown
    kept = {name: value for name, value in shown.items() if name not in UNTOLD}
    return {RENAMED.get(name, name): value if name == "attributes" else _older(value) for name, value in kept.items()}


def filled(version: str, path: str, row: Row) -> Row:
    """A new row: before providers named their grants, every one was allowed."""
    return row | ({"grant_types": list(GRANT_TYPES)} if "grant_types" in lacking(version, path) else {})


def version(text: str) -> str:
    """A version that can be acted as. Raises ValueError."""
    release(text)
    return text


def release(version: str) -> tuple[int, int]:
    return _numbers(version)[:2]


def _numbers(version: str) -> tuple[int, int, int]:
    found = re.match(r"(\d{4})\.(\d{1,2})(?!\d)(?:\.(\d+))?", version)
    if not found:
        raise ValueError(f"expected a version such as 2025.8.1, got {version!r:.40}")
    return int(found[1]), int(found[2]), int(found[3] or 0)
