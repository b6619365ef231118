"""Times as the real server writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_UNITS = ("microseconds", "milliseconds", "seconds", "minutes", "hours", "days", "weeks")
_PAIR = re.compile(r"(\w+)=(\d+(?:\.\d+)?)")


def now() -> datetime:
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """ISO with a Z and, unless they are zero, microseconds."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(stamped: str) -> datetime:
    parsed = datetime.fromisoformat(stamped)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def duration(text: str) -> timedelta:
    """`hours=1;minutes=2` as a timedelta; anything else is a ValueError."""
    parts: dict[str, float] = {}
    for piece in text.split(";"):
        found = _PAIR.fullmatch(piece.strip())
        if not found or found[1].lower() not in _UNITS:
            raise ValueError(text)
        parts[found[1].lower()] = float(found[2])
    return timedelta(**parts)


def expired(row: dict[str, object], at: datetime | None = None) -> bool:
    """An object that expires, and has."""
    expires = row.get("expires")
    return bool(row.get("expiring")) and isinstance(expires, str) and moment(expires) <= (at or now())
