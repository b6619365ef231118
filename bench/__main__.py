"""`python -m bench [PHONES …]`: what the program costs at each size, beside the engine's floor, and on a real server.

1 on a regression; a goal that is missed is none.
"""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench import timeline
from bench.budget import CHAIN, slowest
from bench.plot import draw
from bench.runs import Late, Row, late_life, life
from lab.driver import Driver
from lab.files import ROOT
from lab.house import build, quiet, tear_down

SIZES = (1, 10, 50, 200)
FOLDER = ROOT / ".lab" / "bench"
LATE = (1, 10)
"""The sizes that are measured with latencies, too: at 200 an up alone takes ten minutes."""
PLOT = ROOT / "docs" / "bench.svg"
TIMELINE = ROOT / "docs" / "timeline.svg"

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


def show_late(rows: Sequence[Late], floors: Sequence[Row]) -> None:
    """The table with latencies. floors: what the engine itself took in the same run."""
    table = Table(title="With the latencies of a real Authentik (bench/latencies.py)")
    for column in ("phones", "operation", "calls", "at once", "seconds", "answers", "goal"):
        table.add_column(column, justify="left" if column in ("operation", "goal") else "right")
    for row in rows:
        what, seen = f"{row.operation}, proven" if row.proven else row.operation, row.program
        counts = (str(seen.calls), str(seen.at_once), f"{seen.seconds:.1f}", f"{seen.answering:.1f}")
        table.add_row(str(row.phones), what, *counts, row.verdict.replace("MISSED", "[bold red]MISSED[/]"))
    console.print(table)
    engine = {each.phones: each.floor.seconds for each in floors if each.operation == "up"}
    for row in rows:
        if (row.operation, row.proven) != ("up", False):
            continue
        seen = row.program
        say(f"An up of {row.phones} waited for:")
        for span in timeline.critical(seen.spans):
            say(f"  {span.begun:5.1f} to {span.ended:5.1f} s  {span.call}")
        say(f"All is written {seen.stands:.1f} s after the first call; the rest looks whether the list stands.")
        if row.phones == 1:
            say(f"The floor of these answers is {CHAIN:.1f} s: all was written {seen.stands - CHAIN:.1f} s later.")
            own = f"{engine[1]:.1f} s" if 1 in engine else "not measured in this run"
            say(f"The engine's own seconds with as many resources: {own}.")


def main() -> int:
    """Measure, print, plot; 1 if an operation took more calls than it may, or more times the floor's seconds."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("phones", nargs="*", type=int, default=SIZES, help="the sizes (default: 1 10 50 200)")
    parser.add_argument(
        "--latency",
        choices=("none", "real", "both"),
        default="both",
        help=f"none: the lab's Authentik as it is; real: as late as a real one, by default at {LATE}",
    )
    chosen = parser.parse_args()
    sizes, rows, late = chosen.phones, list[Row](), list[Late]()
    tear_down(FOLDER, quiet)  # what a killed run left
    try:
        driver = Driver(build(FOLDER, say))
        if chosen.latency != "none":
            late += [row for phones in (LATE if sizes == SIZES else sizes) for row in late_life(driver, phones, say)]
        if chosen.latency != "real":
            rows += [row for phones in sizes for row in life(driver, phones, say)]
    finally:
        tear_down(FOLDER, quiet)
    if late:
        show_late(late, rows)
        up = next(row for row in late if row.operation == "up")
        timeline.draw(up.program.spans, up.program.seconds, f"pulumi up, {up.phones} phone(s)", TIMELINE)
        say(f"Drawn: {TIMELINE}")
    if rows:
        show(rows)
    if sizes == SIZES and rows:
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
