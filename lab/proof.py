"""The table of claims: what was expected, what was seen."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Claim:
    """One claim, and whether what was observed meets it."""

    claim: str
    expected: str
    observed: str
    ok: bool


class Proof:
    """Collects claims; says each as it is judged."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.claims: list[Claim] = []
        self._say = say

    def judge(self, claim: str, expected: str, observe: Callable[[], tuple[str, bool]]) -> None:
        """Observe and note. observe: what was seen, in words, and whether it is what was expected."""
        try:
            observed, ok = observe()
        except Exception as error:  # noqa: BLE001  # a claim that breaks is a claim that is not met
            said = str(error)  # of a run of the engine the end says why
            observed, ok = (
                f"{type(error).__name__}: {said if len(said) < 600 else f'{said[:100]} … {said[-500:]}'}",
                False,
            )
        self.claims.append(Claim(claim, expected, observed, ok))
        self._say(f"{'ok ' if ok else 'NOT'}  {claim}: {observed}")

    @property
    def ok(self) -> bool:
        """Whether every claim is met, and there is one."""
        return bool(self.claims) and all(claim.ok for claim in self.claims)

    def write(self, path: Path) -> None:
        """A list of {claim, expected, observed, ok}."""
        path.write_text(json.dumps([asdict(claim) for claim in self.claims], indent=2) + "\n")

    def show(self, console: Console) -> None:
        """The table."""
        table = Table(title="What was claimed, and what was seen", show_lines=False)
        for column in ("claim", "expected", "observed"):
            table.add_column(column, overflow="fold")
        table.add_column("ok")
        for claim in self.claims:
            mark = "[green]yes[/]" if claim.ok else "[bold red]NO[/]"
            table.add_row(claim.claim, claim.expected, claim.observed, mark)
        console.print(table)
