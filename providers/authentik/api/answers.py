"""Answers of Authentik, and failures to get one, in words: short, on one line, and never a body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from providers.masking import masked

if TYPE_CHECKING:
    from providers.exchange import Answer


def said(answer: Answer) -> str:
    """Its reasons, or the kind of the answer."""
    if answer.json is None:
        return printable(answer.headers.get("Content-Type") or "an empty answer")
    told = reasons(answer.json).items()
    return printable("; ".join(f"{name}: {reason}" if name else reason for name, reason in told))


def reasons(answer: Any) -> dict[str, str]:
    """The reasons of a refusal by field, "" for what is of no field."""
    if not isinstance(answer, dict):
        return {}
    found = {}
    for name, value in answer.items():
        text = value if isinstance(value, str) else " ".join(map(str, value)) if isinstance(value, list) else "refused"
        key = "" if name in ("detail", "non_field_errors") else printable(str(name))
        found[key] = printable(text)
    return found


def superusers_right(said: str) -> str:
    """The right that a refusal to make or unmake superusers asks for, which comes as a wrong field."""
    asked = re.search(r"permission to set superuser status to (True|False)", said)
    verb = {"True": "enable", "False": "disable"}[asked[1]] if asked else ""
    return f" The token's user needs the right authentik_core.{verb}_group_superuser." if verb else ""


def printable(text: str) -> str:
    """Of what a server said, at most 300 letters, none of which controls a terminal, and no part of the token."""
    return re.sub(r"[^\x20-\x7e\xa0-\u024f\u2010-\u201d\u2026]", " ", masked(text, 300))[:300]


def innermost(error: BaseException) -> str:
    """The reason at the bottom of a pile of exceptions, without addresses of objects in memory."""
    inner: Any = error
    while inner.args and isinstance(inner.args[0], BaseException):
        inner = inner.args[0]
    reason = getattr(inner, "reason", None)
    text = str(reason if reason is not None else inner.args[-1] if inner.args else inner)
    return printable(re.sub(r"<[^>]*>(?::\s*)?|\w+\(host=.*?\): ", "", text)).strip() or type(error).__name__
