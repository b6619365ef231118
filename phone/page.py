"""The sealed page: one HTML file with everything in it, that shows a phone's header to who knows the passphrase."""

import base64
import hashlib
import html
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from string import Template

from phone import qr, steps
from phone.seal import seal

TEMPLATE = Path(__file__).with_name("template")


@dataclass(frozen=True)
class Handed:
    """What the page shows. server: the address to enter in the app; header, value: name and value of the header."""

    phone: str
    server: str
    header: str
    value: str = field(repr=False)
    fingerprint: str


def sealed_page(handed: Handed, passphrase: str) -> str:
    """The page's HTML. Its policy lets its own style and script run, by their hashes, and nothing else at all."""
    style, script = _part("page.css"), _part("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )
    held = {**asdict(handed), "qr": asdict(qr.svg(handed.value))}
    return Template(_part("page.html")).substitute(
        csp=html.escape(policy),
        style=style,
        script=script,
        steps=steps.in_page(),
        camera=html.escape(steps.CAMERA),
        sealed=seal(json.dumps(held), passphrase),
    )


def _part(name: str) -> str:
    return (TEMPLATE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """How a Content-Security-Policy names the exact text of an inline element."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
