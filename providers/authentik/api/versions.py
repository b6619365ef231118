"""The versions of Authentik that the program was tried on, and what differs between them. Pure.

No version is asked for before a body is sent: Authentik ignores the fields that it does not know, so one body has what
every version takes, and a field that an answer lacks is taken as declared.
"""

import re
from dataclasses import dataclass
from typing import Final

Version = tuple[int, int]
"""Year and month of a release."""

TRIED: Final = ("2025.8.1", "2026.5.0-rc1", "2026.8.0-rc1")
"""Those whose answers were recorded: tests/contract/recordings."""
OLDEST: Final[Version] = (2024, 12)
"""Before it what is sent is known to be refused."""


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
        "roles come only from groups",
        "core/migrations/0056_user_roles",
    ),
    Difference(
        "/providers/oauth2/",
        ("grant_types",),
        (2026, 8),
        "every grant is allowed; from then on an omitted list allows none, so what the login needs is sent",
        "providers/oauth2/migrations/0032_oauth2provider_grant_types; not yet in 2026.5.0-rc1",
    ),
    Difference(
        "/core/applications/",
        ("meta_hide",),
        (2026, 8),
        "the library shows Immich's login beside Immich",
        "core/api/applications.py",
    ),
)
"""In the order of the versions, each held to the recordings. What has been one way since OLDEST is not in it."""


def former_name(path: str, field: str) -> str:
    """What older versions call a field, or nothing."""
    return next((each.formerly for each in DIFFERENCES if each.path == path and field in each.fields), "")


def untried(version: str, url: str) -> str | None:
    """What the operator has to know of a server of this version, or None. version: as the server says it."""
    if version in TRIED:
        return None
    at, told = _release(version), re.sub(r"[^\w.+-]", " ", version)[:40]
    tried = f"This program was tried on {', '.join(TRIED)}"
    if at is not None and at < OLDEST:
        return (
            f"Authentik {told} at {url} is older than {written(OLDEST)}: it may refuse what is sent, or ignore a part "
            f"of it. Upgrade Authentik. {tried}."
        )
    return (
        f"Authentik {told} at {url} has not been tried with this program and may behave differently. "
        f"{tried}; docs/operations.md says what differs."
    )


def all_must_hold(version: str) -> bool:
    """Whether in policy engine mode all every group and user that is bound must hold.

    Not on 2025.8 to 2026.2: there one of them is enough, as in mode any. By the recordings of 2025.8.1 and
    2026.5.0-rc1 (`closing: mode all, negated and family`); between them by the source, pull requests 14957 and 20430.
    """
    at = _release(version)
    return at is None or not (2025, 8) <= at < (2026, 5)


def _release(version: str) -> Version | None:
    found = re.match(r"(\d{4})\.(\d{1,2})(?!\d)", version)
    return (int(found[1]), int(found[2])) if found else None


def written(version: Version) -> str:
    """2024.12."""
    return f"{version[0]}.{version[1]}"
