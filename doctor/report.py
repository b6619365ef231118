"""What a visit found, as a table, as JSON and as an exit status."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from doctor.symptoms import SYMPTOMS
from doctor.visit import PhoneCheck
from providers.access.diagnose import State, worst
from providers.masking import masked

STATUS = {State.OK: 0, State.NOT_OK: 1, State.UNKNOWN: 2}
"""The exit status: something that is not ok outweighs what cannot be told."""
_STYLE = {State.OK: "green", State.NOT_OK: "bold red", State.UNKNOWN: "yellow"}


def verdict(findings: Sequence[PhoneCheck]) -> State:
    """How all of it is."""
    return worst(finding.check for finding in findings)


def table(findings: Sequence[PhoneCheck]) -> Table:
    """A row for each link of the chain, first those that all phones share. What a server says is no markup."""
    made = Table(title="From the phone to Immich")
    for column in ("phone", "link", "state"):
        made.add_column(column, no_wrap=True)
    made.add_column("what was found, and what to do", overflow="fold")
    for finding in findings:
        row = _row(finding)
        state = Text(finding.check.state.value, _STYLE[finding.check.state])
        made.add_row(Text(row["phone"] or "all"), finding.check.link, state, Text(_words(row)))
    return made


def symptoms() -> Table:
    """What a phone may show all the same."""
    made = Table(title="If all is well here and a phone still shows")
    for column in ("the phone", "what it may mean"):
        made.add_column(column, overflow="fold")
    for shown, meaning in SYMPTOMS:
        made.add_row(Text(shown), Text(meaning))
    return made


def as_json(findings: Sequence[PhoneCheck]) -> dict[str, Any]:
    """{"state", "checks": [{"phone", "link", "state", "finding", "text", "detail", "remedy"}]}; null where none."""
    return {"state": verdict(findings).value, "checks": [_row(finding) for finding in findings]}


def _row(finding: PhoneCheck) -> dict[str, str | None]:
    check = finding.check
    return {
        "phone": finding.phone or None,
        "link": check.link,
        "state": check.state.value,
        "finding": check.finding.name if check.finding else None,
        "text": check.finding.text if check.finding else None,
        "detail": masked(check.detail) or None,
        "remedy": check.finding.remedy if check.finding else None,
    }


def _words(row: dict[str, str | None]) -> str:
    found = ": ".join(each for each in (row["text"], row["detail"]) if each)
    return f"{found}\n{row['remedy']}" if row["remedy"] else found
