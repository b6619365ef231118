"""When which call to Authentik was under way, and which of them the end of a run waited for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

_HANDOVER = 0.01
"""Seconds by which the clock may have a call begin before the one that it waited for has ended."""


@dataclass(frozen=True)
class Span:
    """One call: method and path, and when it began and ended, in seconds since the run began."""

    call: str
    begun: float
    ended: float


def critical(spans: Sequence[Span]) -> list[Span]:
    """The calls that the last answer waited for, in order: before each the one that ended last before it began.

    What a call waited for is not seen, so this is the likeliest chain.
    """
    chain: list[Span] = []
    left = list(spans)
    while left:
        last = max(left, key=lambda each: each.ended)
        chain.insert(0, last)
        left = [each for each in spans if each.ended <= last.begun + _HANDOVER and each not in chain]
    return chain


def draw(spans: Sequence[Span], seconds: float, title: str, path: Path) -> None:
    """Write the picture as SVG. seconds: how long the run took."""
    mpl.rcParams["svg.hashsalt"] = "bench"
    chain = critical(spans)
    figure = Figure(figsize=(9, 0.8 + 0.22 * len(spans)), layout="constrained")
    axes = figure.subplots()
    for row, span in enumerate(sorted(spans, key=lambda each: each.begun)):
        color = "tab:red" if span in chain else "tab:blue"
        axes.barh(row, span.ended - span.begun, left=span.begun, color=color, height=0.7)
        axes.text(span.ended + 0.05, row, span.call, va="center", fontsize=7)
    axes.set(title=f"{title} (red: what its end waited for)", xlabel="seconds", xlim=(0, seconds), yticks=[])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
