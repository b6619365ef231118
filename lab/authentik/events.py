"""Events: a login leaves one, whether a session begins or, as with an app password, none does."""

from __future__ import annotations

import uuid
from datetime import timedelta

from lab.authentik.clock import now, stamp
from lab.authentik.fields import Row
from lab.authentik.seed import new_uuid
from lab.authentik.store import Store

KEPT = timedelta(days=365)
BRAND = uuid.uuid4().hex


def described(pk: str, app: str, model: str, name: str) -> Row:
    """An object as events speak of it."""
    return {"pk": uuid.UUID(pk).hex, "app": f"authentik_{app}", "name": name, "model_name": model}


def logged_in(store: Store, user: Row, app: str, request: str, **context: object) -> None:
    """An event of action `login`. app: the module of the real server that writes it; request: method and path."""
    moment, (method, path) = now(), request.split()
    asked = {"args": {}, "path": path, "method": method, "request_id": uuid.uuid4().hex, "user_agent": ""}
    store.put("event", {
        "pk": new_uuid(), "user": {"pk": user["pk"], "email": user["email"], "username": user["username"]},
        "action": "login", "app": app, "context": {"http_request": asked} | context, "client_ip": "127.0.0.1",
        "created": stamp(moment), "expires": stamp(moment + KEPT),
        "brand": described(BRAND, "brands", "brand", "Default brand"),
    })  # fmt: skip
