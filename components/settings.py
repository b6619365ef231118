"""Settings: what the operator wrote into the stack's file, read and checked before anything is called. Pure."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers.authentik.fields import is_uuid
from providers.authentik.rules import no_colon, slug
from providers.caddy.site import Site, upstream_url, web_origin

Rule = Callable[[str], str | None]
"""Answers what was expected of a value, or None where it is right."""

DEFAULT_PHONE = "phone"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class SettingsError(Exception):
    """Settings are missing or wrong; the message has a line for each."""


@dataclass(frozen=True)
class Phone:
    """One phone. A higher generation is a new account with a new password; the former one goes."""

    name: str
    generation: int = 1

    def username(self, base: str) -> str:
        """The account's name: base for the phone named `phone`, base-name for another, -gN from generation 2 on."""
        name = base if self.name == DEFAULT_PHONE else f"{base}-{self.name}"
        return name if self.generation == 1 else f"{name}-g{self.generation}"


@dataclass(frozen=True)
class Settings:
    """The settings of the program; Pulumi.yaml describes each."""

    site: Site
    caddy_admin: str
    service_account: str
    phones: tuple[Phone, ...]
    phones_group: str
    people_groups: tuple[str, ...]
    application: str
    application_name: str
    provider_name: str
    authorization_flow: str
    invalidation_flow: str
    outpost: str
    enabled: bool
    adopt: bool


def read_settings(get: Callable[[str], str | None]) -> Settings:
    """Read the settings. get: the value of namespace:name as the stack has it (lists as JSON), None if it has none.

    Defaults of immich:* are Pulumi.yaml's, which the engine has filled in.
    Raises SettingsError that names every setting that is missing or wrong, what was expected and what to do.
    """
    read = _Reader(get)
    authentik_url = read.text("authentik:url", rule=upstream_url, example="https://auth.example.org")
    caddy_admin = read.text("caddy:admin", rule=upstream_url, default="http://localhost:2019")
    settings = Settings(
        site=Site(
            url=read.text("immich:url", rule=web_origin, example="https://photos.example.org").lower(),
            immich=read.text("immich:upstream", rule=upstream_url, example="http://localhost:2283"),
            outpost=read.text("immich:outpostUrl", rule=upstream_url, default=authentik_url),
        ),
        caddy_admin=caddy_admin,
        service_account=read.text("immich:serviceAccount", rule=_username),
        phones=read.phones("immich:phones"),
        phones_group=read.text("immich:phonesGroup"),
        people_groups=read.names("immich:peopleGroups"),
        application=read.text("immich:application", rule=slug),
        application_name=read.text("immich:applicationName"),
        provider_name=read.text("immich:providerName"),
        authorization_flow=read.text("immich:authorizationFlow", rule=slug),
        invalidation_flow=read.text("immich:invalidationFlow", rule=slug),
        outpost=read.text("immich:outpost"),
        enabled=read.flag("immich:enabled"),
        adopt=read.flag("immich:adopt"),
    )
    if settings.phones_group in settings.people_groups:
        read.wrong("immich:peopleGroups", "expected groups of people, got the phones' own group among them")
    phones = [phone.name for phone in settings.phones]
    usernames = [phone.username(settings.service_account) for phone in settings.phones]
    if repeated := {name for name in phones if phones.count(name) > 1}:
        read.wrong("immich:phones", f"expected each phone once, got {', '.join(sorted(repeated))} again")
    elif repeated := {name for name in usernames if usernames.count(name) > 1}:
        read.wrong("immich:phones", f"expected one account for each phone, got {', '.join(sorted(repeated))} twice")
    read.finish()
    return settings


class _Reader:
    """Reads one setting after the other and keeps what is wrong, so that all of it is told at once."""

    def __init__(self, get: Callable[[str], str | None]) -> None:
        self._get = get
        self._failures: list[str] = []

    def wrong(self, key: str, reason: str) -> None:
        """Note what is wrong with a setting."""
        self._failures.append(f"{key}: {reason}")

    def finish(self) -> None:
        """Raise SettingsError if anything was wrong."""
        if self._failures:
            raise SettingsError("\n".join(["the stack's settings are not right:", *self._failures]))

    def text(self, key: str, *, rule: Rule | None = None, default: str = "", example: str = "") -> str:
        """A setting on one line; default stands in for one that is missing or empty."""
        value = self._get(key) or default
        if not value:
            self.wrong(key, f"is missing. Run: pulumi config set {key} {example}")
        elif not value.strip() or value != value.strip():
            self.wrong(key, "expected a text that is not blank and has no space at its ends")
        elif _CONTROL.search(value) or len(value) > 500:
            self.wrong(key, "expected at most 500 characters on one line")
        elif rule and (expected := rule(value)):
            self.wrong(key, expected)
        else:
            return value
        return default or example

    def flag(self, key: str) -> bool:
        """A setting that is true or false."""
        value = self._get(key)
        if value not in ("true", "false"):
            self.wrong(key, "expected true or false")
        return value == "true"

    def names(self, key: str) -> tuple[str, ...]:
        """A list of names, each once."""
        found: list[str] = []
        for item in self._list(key):
            if not isinstance(item, str) or not item.strip() or item != item.strip() or _CONTROL.search(item):
                self.wrong(key, f"expected a list of group names, got {item!r:.60}")
            elif is_uuid(item):
                self.wrong(key, f"expected each group by its name, got the primary key {item}")
            elif item in found:
                self.wrong(key, f"expected each group once, got {item!r} again")
            else:
                found.append(item)
        return tuple(found)

    def phones(self, key: str) -> tuple[Phone, ...]:
        """The list of phones."""
        return tuple(phone for item in self._list(key) if (phone := self._phone(key, item)))

    def _phone(self, key: str, item: Any) -> Phone | None:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            self.wrong(key, f"expected a list of phones such as [{{name: anna}}], got {item!r:.60}")
            return None
        name, generation = item["name"], item.get("generation", 1)
        if not re.fullmatch(r"[a-z0-9](?:[-a-z0-9]{0,38}[a-z0-9])?", name):
            self.wrong(key, f"expected a phone's name of a-z, 0-9 and hyphens, at most 40, got {name!r:.60}")
        elif unknown := sorted(set(item) - {"name", "generation"}):
            self.wrong(key, f"phone {name!r}: expected name and generation, got {', '.join(map(str, unknown))[:60]}")
        elif not isinstance(generation, int) or isinstance(generation, bool) or not 1 <= generation <= 9999:
            self.wrong(key, f"phone {name!r}: expected a generation from 1 to 9999")
        else:
            return Phone(name, generation)
        return None

    def _list(self, key: str) -> list[Any]:
        try:
            value = json.loads(self._get(key) or "")
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, list):
            self.wrong(key, "expected a list, even if it is empty: []")
            return []
        return value


def _username(value: str) -> str | None:
    # No dots and underscores: Authentik names the password's token by what is left without them.
    if re.fullmatch(r"[a-z0-9](?:[-a-z0-9]{0,78}[a-z0-9])?", value):
        return None
    return no_colon(value) or "expected a-z, 0-9 and hyphens, at most 80"
