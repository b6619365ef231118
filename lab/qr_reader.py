"""Reads QR codes again with zxing-cpp, which shares nothing with the library that draws them."""

import re

import numpy as np
import zxingcpp
from PIL import Image

_HALVES = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
_SCALE = 4


def read_image(image: Image.Image) -> list[str]:
    """The texts of all QR codes in it; no inverted ones, which many phones do not read either."""
    found = zxingcpp.read_barcodes(
        np.asarray(image.convert("L")), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode), try_invert=False
    )
    return [each.text for each in found]


def read_terminal(output: str) -> list[str]:
    """The same of what a terminal shows: each half block is a pixel in the colours that the escapes set."""
    rows: list[list[int]] = []
    for line in output.splitlines():
        found = re.fullmatch(r"\x1b\[97;40m([ ▀▄█]+)\x1b\[0m", line)
        if found:
            rows += [[_HALVES[letter][half] * 255 for letter in found[1]] for half in (0, 1)]
    pixels = np.kron(np.array(rows, dtype=np.uint8), np.ones((_SCALE, _SCALE), dtype=np.uint8))
    return read_image(Image.fromarray(pixels))
