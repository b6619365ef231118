"""The few HTML pages: login, errors, not found."""

from __future__ import annotations

import html
import uuid
from dataclasses import dataclass, field


@dataclass
class Page:
    status: int
    body: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:22rem;margin:12vh auto;padding:0 1rem}"
    "label{display:block;margin-top:1rem}input,button{font:inherit;width:100%;padding:.5rem;"
    "box-sizing:border-box}button{margin-top:1.5rem}[role=alert]{color:#b00020}"
)


def document(heading: str, content: str, *, status: int = 200) -> Page:
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="UTF-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>authentik</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{html.escape(heading)}</h1>\n{content}\n"
        "</main>\n</body>\n</html>\n"
    )
    return Page(status, text, [("Content-Type", "text/html; charset=utf-8"), *_django()])


def _django() -> list[tuple[str, str]]:
    """The headers that the core server, rather than the outpost, sends with a page."""
    return [
        ("Content-Language", "en"),
        ("Referrer-Policy", "same-origin"),
        ("Vary", "Accept-Language, Cookie"),
        ("X-Authentik-Id", uuid.uuid4().hex),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("X-Powered-By", "authentik"),
    ]


def not_found() -> Page:
    return document("Not found", "<p>There is nothing at this address.</p>", status=404)


def failed(heading: str, message: str, status: int = 400) -> Page:
    return document(heading, f'<p role="alert">{html.escape(message)}</p>', status=status)


def login(wrong: bool = False, username: str = "") -> Page:
    alert = '<p role="alert">Failed to authenticate.</p>\n' if wrong else ""
    return document("Welcome to authentik!", (
        f'{alert}<form method="post">\n'
        '<label for="username">Username</label>\n'
        '<input id="username" name="username" autocomplete="username" required autofocus '
        f'value="{html.escape(username)}">\n'
        '<label for="password">Password</label>\n'
        '<input id="password" name="password" type="password" autocomplete="current-password" required>\n'
        '<button type="submit">Log in</button>\n</form>'
    ))  # fmt: skip


def denied() -> Page:
    return failed("Permission denied", "Request has been denied.", 403)


def logged_out() -> Page:
    return document("Logged out", "<p>You have been logged out.</p>")
