"""The QR code, read again by another library."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from components.basic_header import basic_header
from lab.qr_reader import read_image, read_terminal
from phone import qr

HEADERS = st.builds(
    basic_header,
    st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,60}", fullmatch=True),
    st.text("abcXYZ0189", min_size=20, max_size=128),
)


@given(HEADERS)
def test_the_terminal_shows_the_header(header: str) -> None:
    assert read_terminal(qr.terminal(header)) == [header]


@given(HEADERS)
def test_the_terminal_must_be_as_wide_as_we_say(header: str) -> None:
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in qr.terminal(header).splitlines()]
    assert {len(line) for line in lines} == {qr.columns(header)}


@given(HEADERS)
def test_the_path_shows_the_header(header: str) -> None:
    drawn = qr.svg(header)
    pixels = np.full((drawn.size, drawn.size), 255, dtype=np.uint8)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", drawn.path):
        pixels[int(y), int(x) : int(x) + int(width)] = 0
    assert re.sub(r"M\d+ \d+h(\d+)v1h-\1z", "", drawn.path) == ""
    assert read_image(Image.fromarray(np.kron(pixels, np.ones((4, 4), dtype=np.uint8)))) == [header]
