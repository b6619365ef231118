"""Phones: `immich:phones`, read and checked. Pure."""

import re
from dataclasses import dataclass, replace
from typing import Any

from components.settings.reader import Reader
from providers.authentik.model.fields import Text, Timestamp

DEFAULT_PHONE = "phone"
_KEYS = ("name", "generation", "overlap", "expires", "note")
_FIELDS = {"expires": Timestamp(blank=False), "note": Text(blank=False, max_length=200)}


@dataclass(frozen=True)
class Phone:
    """One phone. A higher generation is a new account with a new password; the former one goes, or stays by overlap.

    expires: when the password ends, as RFC 3339 writes it; "" for never. note: the operator's own words.
    """

    name: str
    generation: int = 1
    overlap: bool = False
    expires: str = ""
    note: str = ""

    @property
    def former(self) -> "Phone | None":
        """The generation before this one, where it stays."""
        return replace(self, generation=self.generation - 1) if self.overlap and self.generation > 1 else None

    def username(self, base: str) -> str:
        """The account's name: base for the phone named `phone`, base-name for another, -gN from generation 2 on."""
        name = base if self.name == DEFAULT_PHONE else f"{base}-{self.name}"
        return name if self.generation == 1 else f"{name}-g{self.generation}"


def read_phones(read: Reader, key: str, base: str) -> tuple[Phone, ...]:
    """The list of phones, each once and with accounts of its own. base: the account of the phone named `phone`."""
    phones = tuple(phone for item in read.list(key) if (phone := _phone(read, key, item)))
    names = [phone.name for phone in phones]
    formers = [phone.former for phone in phones if phone.former]
    usernames = [phone.username(base) for phone in (*phones, *formers)]
    if repeated := {name for name in names if names.count(name) > 1}:
        read.wrong(key, f"expected each phone once, got {', '.join(sorted(repeated))} again")
    elif repeated := {name for name in usernames if usernames.count(name) > 1}:
        read.wrong(key, f"expected one account for each phone, got {', '.join(sorted(repeated))} twice")
    return phones


def _phone(read: Reader, key: str, item: Any) -> Phone | None:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        read.wrong(key, f"expected a list of phones such as [{{name: anna}}], got {item!r:.60}")
        return None
    name = item["name"]
    if not re.fullmatch(r"[a-z0-9](?:[-a-z0-9]{0,38}[a-z0-9])?", name):
        read.wrong(key, f"expected a phone's name of a-z, 0-9 and hyphens, at most 40, got {name!r:.60}")
        return None
    if expected := _expected(item):
        read.wrong(key, f"phone {name!r}: {expected}")
        return None
    return Phone(**item)


def _expected(item: dict[str, Any]) -> str | None:
    """What was expected of the rest of a phone, or None where it is right."""
    generation = item.get("generation", 1)
    if unknown := sorted(map(str, item.keys() - set(_KEYS))):
        return f"expected {', '.join(_KEYS[:-1])} and {_KEYS[-1]}, got {', '.join(unknown)!r:.60}"
    if not isinstance(generation, int) or isinstance(generation, bool) or not 1 <= generation <= 9999:
        return "expected a generation from 1 to 9999"
    if not isinstance(item.get("overlap", False), bool):
        return "overlap: expected true or false"
    for name, field in _FIELDS.items():
        try:
            if name in item:
                field.normalise(item[name])
        except ValueError as error:
            return f"{name}: {error}"
    return None
