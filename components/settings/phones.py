"""Phones: `immich:phones`, read and checked. Pure."""

import re
from dataclasses import dataclass
from typing import Any

from components.settings.reader import Reader

DEFAULT_PHONE = "phone"


@dataclass(frozen=True)
class Phone:
    """One phone. A higher generation is a new account with a new password; the former one goes."""

    name: str
    generation: int = 1

    def username(self, base: str) -> str:
        """The account's name: base for the phone named `phone`, base-name for another, -gN from generation 2 on."""
        name = base if self.name == DEFAULT_PHONE else f"{base}-{self.name}"
        return name if self.generation == 1 else f"{name}-g{self.generation}"


def read_phones(read: Reader, key: str, base: str) -> tuple[Phone, ...]:
    """The list of phones, each once and with an account of its own. base: the account of the phone named `phone`."""
    phones = tuple(phone for item in read.list(key) if (phone := _phone(read, key, item)))
    names = [phone.name for phone in phones]
    usernames = [phone.username(base) for phone in phones]
    if repeated := {name for name in names if names.count(name) > 1}:
        read.wrong(key, f"expected each phone once, got {', '.join(sorted(repeated))} again")
    elif repeated := {name for name in usernames if usernames.count(name) > 1}:
        read.wrong(key, f"expected one account for each phone, got {', '.join(sorted(repeated))} twice")
    return phones


def _phone(read: Reader, key: str, item: Any) -> Phone | None:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        read.wrong(key, f"expected a list of phones such as [{{name: anna}}], got {item!r:.60}")
        return None
    name, generation = item["name"], item.get("generation", 1)
    if not re.fullmatch(r"[a-z0-9](?:[-a-z0-9]{0,38}[a-z0-9])?", name):
        read.wrong(key, f"expected a phone's name of a-z, 0-9 and hyphens, at most 40, got {name!r:.60}")
    elif unknown := sorted(set(item) - {"name", "generation"}):
        read.wrong(key, f"phone {name!r}: expected name and generation, got {', '.join(map(str, unknown))[:60]}")
    elif not isinstance(generation, int) or isinstance(generation, bool) or not 1 <= generation <= 9999:
        read.wrong(key, f"phone {name!r}: expected a generation from 1 to 9999")
    else:
        return Phone(name, generation)
    return None
