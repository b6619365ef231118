"""Reader: reads one setting after the other and keeps what is wrong, so that all of it is told at once. Pure."""

import difflib
import json
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

from providers.authentik.model.fields import is_uuid

Rule = Callable[[str], str | None]
"""Answers what was expected of a value, or None where it is right."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Of no width, or turning the direction of writing: with them two names look alike that are not."""
NAME = 255
"""Characters at most of a name that people read."""
SLUG = 50
"""Characters at most of a slug, as of Authentik's."""
_MOST = 100
"""Entries at most of a list of the site's, each of which every request is compared with."""
_ALIKE = 0.8
"""From which likeness on a namespace is one of ours mistyped; of a provider of Pulumi's none is so near."""


class SettingsError(Exception):
    """Settings are missing or wrong; the message has a line for each."""


class Reader:
    """The settings of one stack. get: the value of namespace:name as the stack has it (lists as JSON), or None."""

    def __init__(self, get: Callable[[str], str | None]) -> None:
        self._get = get
        self._failures: list[str] = []

    def wrong(self, key: str, reason: str) -> None:
        """Note what is wrong with a setting."""
        self._failures.append(f"{key}: {reason}")

    @property
    def failures(self) -> tuple[str, ...]:
        """A line for each that is wrong so far."""
        return tuple(self._failures)

    def known(self, given: Iterable[str], known: Collection[str]) -> None:
        """Note what is given in a namespace of ours, or in one mistyped, and is no setting: it would go unheard."""
        namespaces = {key.partition(":")[0] for key in known}
        for key in sorted(set(given) - set(known)):
            namespace, _, name = key.partition(":")
            for ours in difflib.get_close_matches(namespace.lower(), namespaces, 1, _ALIKE):
                near = difflib.get_close_matches(f"{ours}:{name}", known, 1)
                meant = f": did you mean {near[0]}?" if near else "."
                self.wrong(key, f"is no setting of this program{meant} To take it out: pulumi config rm {key}")

    def raw(self, key: str) -> str | None:
        """A setting as it is, unchecked; None where it is missing or empty."""
        return self._get(key) or None

    def finish(self) -> None:
        """Raise SettingsError if anything was wrong."""
        if self._failures:
            raise SettingsError("\n".join(["the stack's settings are not right:", *self._failures]))

    def text(
        self, key: str, *, rule: Rule | None = None, default: str = "", example: str = "", longest: int = 500
    ) -> str:
        """A setting on one line; default stands in for one that is missing or empty."""
        value = self._get(key) or default
        if not value:
            self.wrong(key, f"is missing. Run: pulumi config set {key} {example}")
        elif not value.strip() or value != value.strip():
            self.wrong(key, "expected a text that is not blank and has no space at its ends")
        elif _CONTROL.search(value) or len(value) > longest:
            self.wrong(key, f"expected at most {longest} characters on one line")
        elif hidden := _INVISIBLE.search(value):
            self.wrong(key, f"expected no invisible characters, got U+{ord(hidden[0]):04X}")
        elif rule and (expected := rule(value)):
            self.wrong(key, expected)
        else:
            return value
        return default or example

    def optional(self, key: str, *, rule: Rule | None = None, longest: int = 500) -> str:
        """A setting on one line that may be left empty."""
        return self.text(key, rule=rule, longest=longest) if self._get(key) else ""

    def name(self, key: str) -> str:
        """A name of something in Authentik, as people read it."""
        return self.text(key, longest=NAME)

    def texts(self, key: str, *, rule: Rule) -> tuple[str, ...]:
        """A list of at most 100 texts, each once; without those that are wrong."""

        def right(item: object) -> bool:
            if isinstance(item, str) and not (expected := rule(item)):
                return True
            self.wrong(key, f"{expected if isinstance(item, str) else 'expected texts'}; got {item!r:.60}")
            return False

        return self._each_once(key, right, "each", _MOST)

    def names(self, key: str) -> tuple[str, ...]:
        """A list of the names of groups, each once; without those that are wrong."""

        def right(item: object) -> bool:
            if not isinstance(item, str) or not item.strip() or item != item.strip() or _CONTROL.search(item):
                self.wrong(key, f"expected a list of group names, got {item!r:.60}")
            elif len(item) > NAME:
                self.wrong(key, f"expected names of at most {NAME} characters, got {len(item)}")
            elif hidden := _INVISIBLE.search(item):
                self.wrong(key, f"expected no invisible characters, got U+{ord(hidden[0]):04X} in {item!r:.60}")
            elif is_uuid(item):
                self.wrong(key, f"expected each group by its name, got the primary key {item}")
            else:
                return True
            return False

        return self._each_once(key, right, "each group")

    def flag(self, key: str) -> bool:
        """A setting that is true or false."""
        value = self._get(key)
        if value not in ("true", "false"):
            self.wrong(key, "expected true or false")
        return value == "true"

    def percent(self, key: str) -> int:
        """A whole number from 1 to 1000."""
        value = self._get(key) or ""
        if not re.fullmatch(r"[0-9]{1,4}", value) or not 1 <= int(value) <= 1000:
            self.wrong(key, "expected a whole number of percent, from 1 to 1000")
            return 100
        return int(value)

    def list(self, key: str) -> list[Any]:
        """A list of anything; empty where it is wrong."""
        try:
            value = json.loads(self._get(key) or "")
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, list):
            self.wrong(key, "expected a list, even if it is empty: []")
            return []
        return value

    def _each_once(
        self, key: str, right: Callable[[object], bool], each: str, most: int | None = None
    ) -> tuple[str, ...]:
        """A list of what is right, each once. right: tells it, and notes what is wrong. most: entries at most."""
        found: list[str] = []
        items = self.list(key)
        if most is not None and len(items) > most:
            self.wrong(key, f"expected at most {most} entries, got {len(items)}")
            return ()
        for item in items:
            if right(item):
                if item in found:
                    self.wrong(key, f"expected {each} once, got {item!r:.60} again")
                else:
                    found.append(item)
        return tuple(found)
