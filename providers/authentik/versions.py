"""The versions of Authentik that the program is made for, and what differs between them. Pure.

No version is asked for before a body is sent: Authentik ignores the fields that it does not know, so one body has what
every version takes, and a field that an answer lacks is taken as declared.
"""

import re
from dataclasses import dataclass
from typing import Final

Version = tuple[int, int]
"""Year and month of a release."""

OLDEST: Final[Version] = (2024, 12)
NEWEST: Final[Version] = (2026, 8)


@dataclass(frozen=True)
class Difference:
    """Fields of a kind that older versions lack.

    path: the kind's, as in Kind.path; since: the first version that has them; formerly: what the older ones call the
    one field, of which they have one value at most; before: what that means there; source: in goauthentik/authentik.
    """

    path: str
    fields: tuple[str, ...]
    since: Version
    before: str
    source: str
    formerly: str = ""


DIFFERENCES: Final = (
    Difference(
        "/providers/oauth2/",
        ("refresh_token_threshold", "logout_uri", "logout_method"),
        (2025, 10),
        "each refresh gives a new refresh token, and no logout is passed on by this field",
        "providers/oauth2/migrations/0030 and 0031",
    ),
    Difference(
        "/core/groups/",
        ("parents",),
        (2025, 12),
        "the first is sent as `parent`, too",
        "core/migrations/0056_user_roles",
        formerly="parent",
    ),
    Difference(
        "/core/users/",
        ("roles",),
        (2025, 12),
        "roles come by groups alone",
        "core/migrations/0056_user_roles",
    ),
    Difference(
        "/providers/oauth2/",
        ("grant_types",),
        (2026, 5),
        "every grant is allowed; from then on an omitted list allows none, so what the login needs is sent",
        "providers/oauth2/migrations/0032_oauth2provider_grant_types",
    ),
    Difference(
        "/core/applications/",
        ("meta_hide",),
        (2026, 8),
        "the library shows Immich's login beside Immich",
        "core/api/applications.py",
    ),
)
"""In the order of the versions. What has been one way since OLDEST, as objects in redirect_uris, is not in it."""


def former_name(path: str, field: str) -> str:
    """What older versions call a field, or nothing."""
    return next((each.formerly for each in DIFFERENCES if each.path == path and field in each.fields), "")


def untried(version: str, url: str) -> str | None:
    """What the operator has to know of a server of this version, or None. version: as the server says it."""
    release = re.match(r"(\d{4})\.(\d{1,2})(?!\d)", version)
    told = re.sub(r"[^\w.+-]", " ", version)[:40]
    server, tried = f"Authentik {told} at {url}", f"{written(OLDEST)} to {written(NEWEST)}"
    if release is None:
        return f"{server} is none of the versions that this is made for, {tried}: its version is not clear."
    at = int(release[1]), int(release[2])
    if at < OLDEST:
        return (
            f"{server} is older than the versions that this is made for, {tried}: it may refuse what is sent, or "
            "ignore a part of it. Upgrade Authentik."
        )
    if at > NEWEST:
        return (
            f"{server} is newer than the versions that this is made for, {tried}: what it changed is not known here. "
            "Look for a newer version of this program."
        )
    return None


def written(version: Version) -> str:
    """2024.12."""
    return f"{version[0]}.{version[1]}"
