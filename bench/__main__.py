"""`python -m bench [PHONES …]`: what the program costs at each size, beside the engine's floor. 1 on a regression."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.budget import slowest
from bench.plot import draw
from bench.runs import Row, life
from lab.driver import Driver
from lab.files import ROOT
from lab.house import build, quiet, tear_down

SIZES = (1, 10, 50, 200)
FOLDER = ROOT / ".lab" / "bench"
PLOT = ROOT / "docs" / "bench.svg"

console = Console(highlight=False, width=100)


def say(text: str) -> None:
    """One line of progress."""
    console.print(f"  {text}", markup=False)


def show(rows: Sequence[Row]) -> None:
    """The table."""
    table = Table(title="Calls to Authentik, seconds, and memory of the provider host")
    for column in ("phones", "operation", "calls", "allowed", "at once", "seconds", "floor", "times", "MB", "floor MB"):
        table.add_column(column, justify="left" if column == "operation" else "right", no_wrap=True)
    for row in rows:
        over = row.program.calls > row.allowed
        calls = f"[bold red]{row.program.calls}[/]" if over else str(row.program.calls)
        most = slowest(row.operation, row.phones)
        times = f"{row.ratio:.2f}" if most is None else f"{row.ratio:.2f} of {most:.1f}"
        slow = most is not None and row.ratio > most
        seconds = (
            f"{row.program.seconds:.1f}",
            f"{row.floor.seconds:.1f}",
            f"[bold red]{times} over[/]" if slow else times,
        )
        memory = (f"{row.program.megabytes:.0f}", f"{row.floor.megabytes:.0f}")
        counts = (calls, str(row.allowed), str(row.program.at_once))
        table.add_row(str(row.phones), row.operation, *counts, *seconds, *memory)
    console.print(table)


def main() -> int:
    """Measure, print, plot; 1 if an operation took more calls than it may, or more times the floor's seconds."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("phones", nargs="*", type=int, default=SIZES, help="the sizes (default: 1 10 50 200)")
    sizes = parser.parse_args().phones
    tear_down(FOLDER, quiet)  # what a killed run left
    try:
        driver = Driver(build(FOLDER, say))
        rows = [row for phones in sizes for row in life(driver, phones, say)]
    finally:
        tear_down(FOLDER, quiet)
    show(rows)
    if sizes == SIZES:
        draw(rows, PLOT)
        say(f"Drawn: {PLOT}")
    over = [f"{row.operation} at {row.phones}: {each}" for row in rows for each in row.regressions]
    for each in over:
        say(f"REGRESSION: {each}")
    if over:
        say("Seconds tell something on a machine that does nothing else; calls always do.")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
