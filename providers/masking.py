"""Secrets that no message may show, in whatever spelling a server or a library repeats them."""

import base64
import html
import re
from collections.abc import Collection

LEAST = 8
"""Characters below which a text is not masked: it is not a key, and would also hide ordinary words."""
_WINDOW = 10_000
"""Characters beyond the last one shown in which the rest of a secret is looked for."""
_BASE64 = "[a-z0-9+/_-]?"

_secrets: set[str] = set()
_pattern: re.Pattern[str] | None = None


def conceal(secret: str) -> None:
    """Mask this secret from now on, in every message of this process."""
    global _pattern
    if len(secret) >= LEAST and secret not in _secrets:
        _secrets.add(secret)
        _pattern = None


def masked(text: str, most: int | None = None) -> str:
    """A text with an ellipsis for each secret in it, cut after so many characters: no part of a secret is left."""
    global _pattern
    if not _secrets:
        return text[:most]
    _pattern = _pattern or re.compile("|".join(map(_spellings, sorted(_secrets))), re.IGNORECASE)
    last = len(text) if most is None else most
    shown, end = "", 0
    for found in _pattern.finditer(text, 0, last + _WINDOW):
        if found.start() >= last:
            break
        shown += text[end : found.start()] + "…"
        end = found.end()
    return shown + text[end:last]


def _spellings(secret: str) -> str:
    """A pattern of a secret (ASCII) as it is, in hexadecimal digits, and in base64 after any number of other bytes."""
    raw = secret.encode()
    encoded = []
    for before in range(3):
        text = base64.b64encode(bytes(before) + raw).decode()
        whole = text[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]  # without digits that have other bits as well
        encoded.append(f"{_BASE64}{_spelt(whole)}{_BASE64}={{0,2}}")
    return "|".join([_spelt(secret), _spelt(raw.hex()), *encoded])


def _spelt(text: str) -> str:
    return _GAP.join(map(_character, text))


def _escaped(codes: Collection[int]) -> str:
    """A pattern of characters as JSON, Python, URLs and HTML escape them by their codes."""
    digits, decimals = "|".join(f"{code:02x}" for code in codes), "|".join(map(str, codes))
    return (
        rf"%(?:25){{0,3}}(?:{digits})|\\{{1,8}}(?:x|u00)(?:{digits})"
        rf"|&\#(?:0{{0,5}}(?:{decimals})|x0{{0,5}}(?:{'|'.join(f'{code:x}' for code in codes)}));?"
    )


_GAP = rf"(?:\s|\\{{1,8}}[rn]|{_escaped((10, 13, 32))}){{0,6}}"
"""What may break a long text into lines."""


def _character(character: str) -> str:
    """A pattern of a character in upper or lower case, as it is or escaped."""
    same = {"+": "+-", "/": "/_"}.get(character, character)  # the two alphabets of base64
    either = sorted({*same.lower(), *same.upper()})
    named = [html.escape(each) for each in either if html.escape(each) != each]
    plain, escaped = "".join(map(re.escape, either)), _escaped([ord(each) for each in either])
    return rf"(?:\\{{0,8}}[{plain}]|{'|'.join([escaped, *named])})"
