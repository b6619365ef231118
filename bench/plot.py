"""The plot: calls and seconds over the number of phones."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.budget import Operation
from bench.runs import Row

_SHOWN: tuple[Operation, ...] = ("up", "refresh", "rotate", "destroy")


def draw(rows: Sequence[Row], path: Path) -> None:
    """Write the plot as SVG, the same for the same rows."""
    mpl.rcParams["svg.hashsalt"] = "bench"
    figure = Figure(figsize=(9, 4), layout="constrained")
    calls, seconds = figure.subplots(1, 2)
    for operation in _SHOWN:
        line = [row for row in rows if row.operation == operation]
        phones = [row.phones for row in line]
        (drawn,) = calls.plot(phones, [row.program.calls for row in line], "o-", label=operation)
        color = drawn.get_color()
        calls.plot(phones, [row.allowed for row in line], ":", color=color)
        seconds.plot(phones, [row.program.seconds for row in line], "o-", color=color, label=operation)
        seconds.plot(phones, [row.floor.seconds for row in line], ":", color=color)
    calls.set(title="Calls to Authentik (dotted: allowed)", xlabel="phones, and as many groups of people")
    seconds.set(title="Seconds (dotted: resources that do nothing)", xlabel="phones, and as many groups of people")
    for axes in (calls, seconds):
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, metadata={"Date": None})
