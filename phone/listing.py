"""The list of phones: a line for each account that a phone has."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from components.settings import check_setting
from phone.logins import Account, look
from phone.outputs import Outputs, StackError, read_config
from providers.retry import SETTING, RetryPolicy


@dataclass(frozen=True)
class Line:
    """One account of a phone. overlap: former or current, while the previous generation stays valid."""

    name: str
    account: str
    generation: int
    fingerprint: str
    last_login: str
    enabled: str
    overlap: str


def gather(outputs: Outputs, stack: str | None, warn: Callable[[str], None]) -> list[Line]:
    """The lines, with what Authentik tells where AUTHENTIK_TOKEN is set. warn: takes what kept us from telling all."""
    try:
        config = read_config(stack)
    except StackError as error:
        warn(f"cannot tell the last logins and who is enabled: {error}")
        return lines(outputs, {})
    token = os.environ.get("AUTHENTIK_TOKEN") or config.get("authentik:token")
    if not token:
        warn("cannot tell the last logins and who is enabled: AUTHENTIK_TOKEN is not set.")
        return lines(outputs, {})
    usernames = (*outputs.accounts.values(), *outputs.former_accounts.values())
    percent = config.get(SETTING, "")
    policy = RetryPolicy() if check_setting(SETTING, percent) else RetryPolicy(int(percent))
    accounts, reasons = look(config.get("authentik:url", ""), token, usernames, policy)
    if reasons:
        warn(f"cannot tell all: {reasons[0]}" + (f" ({len(reasons) - 1} more like this.)" if reasons[1:] else ""))
    return lines(outputs, accounts)


def lines(outputs: Outputs, accounts: Mapping[str, Account]) -> list[Line]:
    """The phones by name, and after each its former account where both still work.

    accounts: what is known of an account, by its name.
    """
    return [
        Line(
            name=phone,
            account=account,
            generation=outputs.generations[phone] - (overlap == "former"),
            fingerprint="" if overlap == "former" else outputs.fingerprints.get(phone, ""),
            last_login=accounts.get(account, Account()).last_login,
            enabled=accounts.get(account, Account()).enabled,
            overlap=overlap,
        )
        for phone, account, overlap in _accounts(outputs)
    ]


def table(lines: Sequence[Line]) -> str:
    """The lines under their headings, in columns."""
    names = [field.name for field in fields(Line)]
    rows = [
        [name.replace("_", " ") for name in names],
        *([_shown(getattr(line, name)) for name in names] for line in lines),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _accounts(outputs: Outputs) -> Iterator[tuple[str, str, str]]:
    for phone, account in sorted(outputs.accounts.items()):
        former = outputs.former_accounts.get(phone)
        yield phone, account, "current" if former else ""
        if former:
            yield phone, former, "former"


def _shown(value: object) -> str:
    return "-" if value in ("", None) else re.sub(r"T(\d\d:\d\d).*", r" \1 UTC", str(value))
