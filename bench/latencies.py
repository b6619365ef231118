"""How long a real Authentik takes for a call, and how many calls it works on at once. Pure.

Measured at a counting proxy before Authentik 2026.5.0-rc1 with PostgreSQL 15 (its jit on, as by default) on two cores,
otherwise almost idle: medians of 1 to 22 calls each, of a token with the rights of docs/security.md.
"""

import re
from typing import Final

AT_WORK: Final = 2
"""Calls at work at the same time; the others wait for their turn.

One for each core, and that is kind: there, 4 calls at once got 0.8 to 1.6 times as many answers a second as one after
the other, and 10 at once 0.8 to 2.0 times (GET, POST and DELETE of groups, flows by slug, applications for an account;
with a superuser's token).
"""
OTHERS: Final = 0.15
"""Seconds of a call that was not measured."""
_MEASURED: Final = (
    (r"PATCH /outposts/instances/[^/]+/", 2.647),
    (r"DELETE /core/applications/[^/]+/", 1.549),
    (r"GET /core/applications/", 1.218),
    (r"GET /flows/instances/", 1.118),
    (r"GET /core/applications/[^/]+/", 0.942),
    (r"POST /core/tokens/", 0.523),
    (r"POST /core/groups/", 0.488),
    (r"PATCH /core/users/[^/]+/", 0.463),
    (r"POST /core/applications/", 0.459),
    (r"DELETE /core/users/[^/]+/", 0.407),
    (r"POST /policies/bindings/", 0.381),
    (r"POST /core/users/", 0.371),
    (r"POST /core/users/service_account/", 0.308),
    (r"(DELETE|POST) /providers/proxy/([^/]+/)?", 0.262),
    (r"DELETE /core/groups/[^/]+/", 0.241),
    (r"DELETE /policies/bindings/[^/]+/", 0.215),
    (r"GET /core/tokens/([^/]+/)?", 0.208),
    (r"GET /core/users/[^/]+/", 0.195),
    (r"GET /core/groups/([^/]+/)?", 0.150),
    (r"GET /policies/bindings/([^/]+/)?", 0.120),
    (r"GET /providers/proxy/([^/]+/)?", 0.102),
    (r"GET /outposts/instances/([^/]+/)?", 0.072),
)


def seconds(call: str) -> float:
    """The seconds of a call, method and path as in "GET /core/groups/?name=family"."""
    path = call.partition("?")[0]
    return next((each for pattern, each in _MEASURED if re.fullmatch(pattern, path)), OTHERS)
