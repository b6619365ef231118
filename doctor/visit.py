"""A visit: asks the public address, Authentik and Caddy about a stack's phones or a pasted header, and judges."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from components.access_proof import names_of
from components.settings import Settings, read_settings
from phone.outputs import Outputs, read_config, read_outputs
from providers.access.collect import Collector
from providers.access.diagnose import Check, examine, examine_phone
from providers.access.facts import Phone
from providers.access.header import take_apart
from providers.access.probe import PublicAddress
from providers.authentik.api.client import Client
from providers.authentik.api.configured import connect
from providers.retry import RetryPolicy


@dataclass(frozen=True)
class PhoneCheck:
    """A check, and the phone that it is about: "" for what all phones share."""

    phone: str
    check: Check


PASTED = "pasted header"


@dataclass(frozen=True)
class Subject:
    """What is looked at: a stack's settings and outputs, and a way to Authentik."""

    settings: Settings
    outputs: Outputs
    connect: Callable[[], Client]


def read_subject(stack: str | None) -> Subject:
    """The subject that a stack is. Raises StackError, SettingsError."""
    config = read_config(stack)
    token = os.environ.get("AUTHENTIK_TOKEN") or config.get("authentik:token", "")
    url = config.get("authentik:url", "")
    settings = read_settings(config.get)
    return Subject(settings, read_outputs(stack), lambda: connect(url, token, RetryPolicy(settings.timeout_percent)))


def look(subject: Subject, pasted: str | None) -> Iterator[PhoneCheck]:
    """Look at the way, and at all phones of the stack or at a pasted header alone. Raises ProviderError."""
    settings, outputs = subject.settings, subject.outputs
    verify = settings.verify
    public = PublicAddress(settings.site.url, verify.address, verify.ca, verify.path)
    collector = Collector(names_of(settings), subject.connect, RetryPolicy(settings.timeout_percent))
    facts = collector.facts(public)
    yield from (PhoneCheck("", check) for check in examine(facts))
    headers = outputs.headers if pasted is None else {PASTED: pasted}
    for name, value in headers.items():
        header = take_apart(value)
        phone = Phone(
            header=header,
            asked=public.ask(value),
            account=collector.account(header.username),
            password=collector.password(header.username),
            declared=_declared(outputs, header.username) if header.username else None,
            off=not settings.enabled,
        )
        yield from (PhoneCheck(name, check) for check in examine_phone(facts, phone))


def _declared(outputs: Outputs, username: str) -> str | None:
    """The header that the stack has for an account, "" if it has no such account; a former one's is not told."""
    if username in outputs.former_accounts.values():
        return None
    phones = [phone for phone, account in outputs.accounts.items() if account == username]
    return outputs.headers.get(phones[0], "") if phones else ""
