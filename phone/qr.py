"""The QR code of a header's value: for a terminal, and as the path of an SVG."""

import io
from dataclasses import dataclass

import segno

QUIET = 4
"""Modules of white around the code, as ISO/IEC 18004 asks."""


@dataclass(frozen=True)
class Svg:
    """A path in a square viewBox from 0 0 to size size, one unit a module, the quiet zone included."""

    size: int
    path: str


def svg(text: str) -> Svg:
    """One rectangle for each run of dark modules."""
    rows = [list(row) for row in _code(text).matrix]
    runs = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            width = 0
            while x + width < len(row) and row[x + width]:
                width += 1
            if width:
                runs.append(f"M{x + QUIET} {y + QUIET}h{width}v1h-{width}z")
            x += width or 1
    return Svg(len(rows) + 2 * QUIET, "".join(runs))


def terminal(text: str) -> str:
    """Lines of half blocks, white on black whatever the terminal's colours are: many readers take no inverted code."""
    drawn = io.StringIO()
    _code(text).terminal(out=drawn, border=QUIET, compact=True)
    return "".join(f"\x1b[97;40m{line}\x1b[0m\n" for line in drawn.getvalue().splitlines())


def columns(text: str) -> int:
    """How wide a terminal must be."""
    return int(_code(text).symbol_size(border=QUIET)[0])


def _code(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m", boost_error=False)
