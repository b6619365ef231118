"""What was seen of the way from the phone to Immich: answers of the public address, facts of Authentik and Caddy. Pure.

A fact that could not be had is Hidden, with the reason.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from providers.access.findings import Finding
from providers.access.header import Header
from providers.caddy.doors import Doors


@dataclass(frozen=True)
class Answer:
    """An answer of the public address. immich: whether it is Immich's own; location: of a redirect, without query;

    verdict: what our site says of an answer that it gives itself, "" on any other. client: the client id in a
    redirect to the login page, which shows which provider the outpost uses.
    """

    status: int
    immich: bool = False
    location: str = ""
    verdict: str = ""
    client: str = ""


@dataclass(frozen=True)
class NoAnswer:
    """None came. step: what failed first; passing: whether time may mend it."""

    step: Literal["header", "name", "connection", "certificate"]
    reason: str
    passing: bool = True


ProbeResult = Answer | NoAnswer


@dataclass(frozen=True)
class Hidden:
    """It cannot be told, and why."""

    reason: str
    finding: Finding | None = None


@dataclass(frozen=True)
class Provider:
    """The proxy provider. opened: the fields in which it is not as the stack declares it, and may let more in."""

    external_host: str
    opened: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outpost:
    """The outpost. attached: the provider is on its list; heard: when Authentik heard of it last, or None."""

    attached: bool
    heard: datetime | Hidden | None


@dataclass(frozen=True)
class Account:
    """A phone's account. extra: the names of groups beside the phones' group."""

    active: bool
    in_group: bool
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Password:
    """An account's app password. expires: None if never; others: the identifiers of those beside it."""

    expires: datetime | None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhonesGroup:
    """The phones' group. others: who is in it, or below it, besides this stack's accounts, in words; rights: the fields
    that give those in it more than the application."""

    others: tuple[str, ...] = ()
    rights: tuple[str, ...] = ()


@dataclass(frozen=True)
class PeopleAccess:
    """How people get in. unbound: the declared groups of people that are not bound to the application; mode: its
    policy_engine_mode."""

    unbound: tuple[str, ...] = ()
    mode: str = "any"


@dataclass(frozen=True)
class Facts:
    """What all phones share. restricted: whether Caddy takes Basic from some networks alone.

    url: the public address. without, wrong, app, plain: the answers to a request without a header, with a wrong one,
    of an app without one, and over http://.
    route: whether Caddy has one for the name. application: whether it is there with our provider.
    bound: whether the phones' group is; others: what is bound besides what the stack declares, in words.
    doors: the other ways to Immich in Caddy. rivals: the names of the outpost's other providers of our host.
    former: whether the outpost still uses another provider, such as the one that this stack's replaced.
    now: when all this was seen.
    """

    url: str
    without: ProbeResult
    wrong: ProbeResult
    app: ProbeResult
    plain: ProbeResult
    route: bool | Hidden
    outpost: Outpost | Hidden | None
    provider: Provider | Hidden | None
    application: bool | Hidden
    bound: bool | Hidden
    now: datetime
    restricted: bool = False
    others: tuple[str, ...] = ()
    phones_group: PhonesGroup | Hidden = PhonesGroup()
    people: PeopleAccess | Hidden = PeopleAccess()
    doors: Doors | Hidden = field(default_factory=Doors)
    rivals: tuple[str, ...] | Hidden = ()
    former: bool = False


@dataclass(frozen=True)
class Phone:
    """What is a phone's own. asked: the answer to its header; account, password: None where they are gone.

    declared: the header that the stack has for this account, "" where the stack has no such account, None if unknown.
    off: whether it is switched off, and must not get through.
    """

    header: Header
    asked: ProbeResult
    account: Account | Hidden | None
    password: Password | Hidden | None
    declared: str | None = field(default=None, repr=False)
    off: bool = False
