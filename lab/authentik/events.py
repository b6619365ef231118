"""Events: a login leaves one, whether a session begins or, as with an app password, none does."""

from __future__ import annotations

from datetime import timedelta

from lab.authentik.clock import now, stamp
from lab.authentik.fields import Row
from lab.authentik.seed import new_uuid
from lab.authentik.store import Store

KEPT = timedelta(days=365)


def logged_in(store: Store, user: Row, app: str, **context: object) -> None:
    """An event of action `login`. app: the module of the real server that writes it."""
    moment = now()
    store.put("event", {
        "pk": new_uuid(), "user": {"pk": user["pk"], "email": user["email"], "username": user["username"]},
        "action": "login", "app": app, "context": context, "client_ip": "127.0.0.1", "created": stamp(moment),
        "expires": stamp(moment + KEPT), "brand": {"name": "Default brand"},
    })  # fmt: skip
