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
from lab.authentik.versions import newer

Challenge = dict[str, Any]
Wrong = tuple[str, str, str]
"""The field, what is wrong with it, and the code of that."""
IDENTIFICATION, PASSWORD, REDIRECT = "ak-stage-identification", "ak-stage-password", "xak-flow-redirect"


@dataclass
class Step:
    """One answer: a challenge, or the way to the next one."""

    status: int = 200
    challenge: Challenge | None = None
    location: str = ""
    cookies: list[str] = field(default_factory=list)


def execute(
    store: Store, flow: Row, method: str, path: str, query: Mapping[str, str], cookies: Mapping[str, str], told: Row,
    version: str,
) -> Step:  # fmt: skip
    """One step of the default authentication flow. query: its own is the one of the login page, encoded."""
    again = f"{path}?{urlencode(query)}"
    wanted = flows.home(query.get("query", ""))
    plan = store.get("session", cookies.get(flows.COOKIE)) or {}
    if flows.session_user(store, cookies):
        return Step(challenge={"component": REDIRECT, "to": wanted})
    pending = str(plan.get("pending", ""))
    if method != "POST":
        return Step(challenge=_password(store, flow, version, pending) if pending else _identification(flow, version))
    if not pending:
        username = str(told.get("uid_field") or "")
        if not username:
            wrong = ("non_field_errors", "No identification data provided.", "invalid")
            if not newer(version):
                wrong = ("uid_field", "This field is required.", "required")
            return Step(challenge=_identification(flow, version, wrong))
        sid = new_key(32)
        store.put("session", {"pk": sid, "user": None, "pending": username, **flows.lasting()})
        return Step(302, location=again, cookies=[flows.session_cookie(sid)])
    logged_in = flows.log_in(store, version, pending, str(told.get("password") or ""))
    if logged_in is None:
        return Step(challenge=_password(store, flow, version, pending, ("password", "Invalid password", "invalid")))
    store.delete("session", plan["pk"])
    return Step(302, location=again, cookies=[flows.session_cookie(logged_in)])


def _identification(flow: Row, version: str, *wrong: Wrong) -> Challenge:
    later = {"pending_user_identifier": None, "passkey_challenge": None} if newer(version) else {}
    return _challenge(
        flow, version, IDENTIFICATION, wrong, user_fields=["email", "username"], password_fields=False,
        allow_show_password=False, flow_designation="authentication", captcha_stage=None, primary_action="Log in",
        sources=[], show_source_labels=False, enable_remember_me=False, **later,
    )  # fmt: skip


def _password(store: Store, flow: Row, version: str, username: str, *wrong: Wrong) -> Challenge:
    user = flows.named(store, username)
    shown = str(user["username"]) if user else username
    more = {"pending_user": shown, "pending_user_avatar": "data:image/svg+xml;base64,", "allow_show_password": False}
    return _challenge(flow, version, PASSWORD, wrong, **more)


def _challenge(flow: Row, version: str, component: str, wrong: tuple[Wrong, ...], **more: Any) -> Challenge:
    info = {"title": flow["title"], "background": flow["background_url"], "cancel_url": "/flows/-/cancel/"}
    info |= {"layout": flow["layout"]} | ({"background_themed_urls": None} if newer(version) else {})
    errors = {name: [{"string": text, "code": code}] for name, text, code in wrong}
    return {"flow_info": info, "component": component} | ({"response_errors": errors} if errors else {}) | more
