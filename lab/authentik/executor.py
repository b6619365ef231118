"""The flow executor: what the login page of the real server talks to, for clients that are no browser.

GET tells the challenge, POST answers it and leads to the next by a redirect; the last one tells where to go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from lab.authentik import flows
from lab.authentik.fields import Row
from lab.authentik.seed import new_key
from lab.authentik.store import Store

Challenge = dict[str, Any]
IDENTIFICATION, PASSWORD, REDIRECT = "ak-stage-identification", "ak-stage-password", "xak-flow-redirect"


@dataclass
class Step:
    """One answer: a challenge, or the way to the next one."""

    status: int = 200
    challenge: Challenge | None = None
    location: str = ""
    cookies: list[str] = field(default_factory=list)


def execute(
    store: Store, flow: Row, method: str, path: str, query: Mapping[str, str], cookies: Mapping[str, str], told: Row
) -> Step:
    """One step of the default authentication flow. query: its own is the one of the login page, encoded."""
    again = f"{path}?{urlencode(query)}"
    wanted = flows.home(query.get("query", ""))
    plan = store.get("session", cookies.get(flows.COOKIE)) or {}
    if flows.session_user(store, cookies):
        return Step(challenge=_challenge(flow, REDIRECT, to=wanted))
    pending = str(plan.get("pending", ""))
    if method != "POST":
        return Step(challenge=_password(flow, pending) if pending else _identification(flow))
    if not pending:
        username = str(told.get("uid_field") or "")
        if not username:
            return Step(challenge=_identification(flow, uid_field="This field is required."))
        sid = new_key(32)
        store.put("session", {"pk": sid, "user": None, "pending": username, **flows.lasting()})
        return Step(302, location=again, cookies=[flows.session_cookie(sid)])
    user = flows.by_password(store, pending, str(told.get("password") or ""))
    if user is None:
        return Step(challenge=_password(flow, pending, password="Invalid password"))  # noqa: S106  # a message
    store.delete("session", plan["pk"])
    return Step(302, location=again, cookies=[flows.session_cookie(flows.new_session(store, user))])


def _identification(flow: Row, **wrong: str) -> Challenge:
    return _challenge(
        flow, IDENTIFICATION, wrong, user_fields=["username", "email"], password_fields=False,
        flow_designation="authentication", primary_action="Log in", show_source_labels=False, sources=[],
    )  # fmt: skip


def _password(flow: Row, username: str, **wrong: str) -> Challenge:
    return _challenge(flow, PASSWORD, wrong, pending_user=username, pending_user_avatar="")


def _challenge(flow: Row, component: str, wrong: Mapping[str, str] | None = None, **more: Any) -> Challenge:
    info = {"title": flow["title"], "background": flow["background_url"], "cancel_url": "/flows/-/cancel/"}
    errors = {name: [{"string": text, "code": "invalid"}] for name, text in (wrong or {}).items()}
    told = {"response_errors": errors} if errors else {}
    return {"flow_info": info | {"layout": flow["layout"]}, "component": component, **told, **more}
