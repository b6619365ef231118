"""Which link of the chain phone > Caddy > outpost > Authentik > Immich is broken, from what was seen. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from urllib.parse import urlsplit

from providers.access.facts import (
    Account,
    Answer,
    Facts,
    Hidden,
    NoAnswer,
    Outpost,
    Password,
    PeopleAccess,
    Phone,
    ProbeResult,
)
from providers.access.findings import Finding
from providers.caddy import site
from providers.caddy.doors import Doors

SOON = timedelta(days=14)
SILENCE = timedelta(minutes=5)
"""How long an outpost may not be heard of; it says hello every ten seconds."""


class State(Enum):
    """How a link is."""

    OK = "ok"
    NOT_OK = "not ok"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class Check:
    """A link of the chain, how it is, the cause where it is not well, and a detail in words."""

    link: str
    state: State
    finding: Finding | None = None
    detail: str = ""


def examine(facts: Facts) -> list[Check]:
    """The links that all phones share, from the outside in, and the requests that must not get through."""
    return [
        *_reaching(facts),
        _route(facts),
        *_outpost(facts),
        _provider(facts),
        other_providers(facts.rivals),
        _application(facts),
        _fact("binding", facts.bound, Finding.BINDING_MISSING),
        *people_access(facts.people),
        *_others(facts),
        *_phones_group(facts),
        _stranger("no header", facts.without, Finding.OPEN, site.LOGIN, site.HEADER_MISSING),
        _stranger("wrong header", facts.wrong, Finding.OPEN_TO_ANY_HEADER, site.REFUSED),
        _stranger("app without header", facts.app, Finding.OPEN, site.HEADER_MISSING),
        _plain(facts.plain),
        *other_doors(facts.doors),
    ]


def examine_phone(facts: Facts, phone: Phone) -> list[Check]:
    """The links that are a phone's own; the last one tells whether it gets through, with the likeliest cause."""
    through = gets_through(phone.asked)
    if phone.off:
        still = Check("switched off", State.NOT_OK, Finding.STILL_IN)
        return [_header(phone), still if through else Check("switched off", State.OK, detail=said(phone.asked))]
    own = [_header(phone), *_account(phone), _password(facts, phone), *_other_passwords(phone)]
    if through:
        return [*own, Check("Immich", State.OK, detail="its own answer came back")]
    return [*own, Check("Immich", State.NOT_OK, likeliest(facts, phone), said(phone.asked))]


def likeliest(facts: Facts, phone: Phone) -> Finding:
    """Why a phone's header did not get through: what the answers prove, else the first broken link."""
    if _has_verdict(phone.asked, site.FAILED) and _decides(facts.without):
        return Finding.IMMICH_DOWN  # the outpost answers, so what fails is behind it
    # A provider that is wrong, or has no application, is what the outpost does not serve.
    ours = [*_reaching(facts), _route(facts), _provider(facts), _application(facts), *examine(facts)]
    links = [_header(phone), *ours, *_account(phone), _password(facts, phone)]
    findings = [each.finding for each in links if each.finding is not None and each.finding.blocks]
    findings.sort(
        key=lambda finding: finding is Finding.ACCOUNT_INACTIVE
    )  # not every version keeps such an account out
    return findings[0] if findings else _guessed(facts, phone)


def _guessed(facts: Facts, phone: Phone) -> Finding:
    """The cause where every link seems well."""
    match phone.asked:
        case Answer(verdict=site.LOGIN | site.HEADER_MISSING):
            return Finding.HEADER_LOST
        case Answer(verdict=site.NOT_ASKED) if _decides(facts.without):
            return Finding.CORE_DOWN  # it has a word for browsers, which needs no server behind the outpost
        case Answer(verdict=site.REFUSED) if _is_down(phone.account):
            return Finding.CORE_DOWN
        case Answer(verdict=site.REFUSED) if facts.restricted:
            return Finding.NETWORK
        case Answer(verdict=site.REFUSED) if isinstance(phone.password, Password):
            return Finding.PASSWORD_EXPIRED if phone.password.expires else Finding.PASSWORD_WRONG
        case Answer(status=200 | 404, verdict=""):
            return Finding.NOT_IMMICH
        case Answer(verdict=""):
            return Finding.OTHER_ANSWERS
    return Finding.UNEXPLAINED


def _is_down(fact: Account | Hidden | None) -> bool:
    return isinstance(fact, Hidden) and fact.finding is Finding.AUTHENTIK_UNREACHABLE


def _reaching(facts: Facts) -> Iterator[Check]:
    """Name, connection and certificate: what failed first, what came before it, and nothing after it."""
    findings = {"name": Finding.DNS, "connection": Finding.UNREACHABLE, "certificate": Finding.TLS}
    failed = facts.without if isinstance(facts.without, NoAnswer) else None
    for link, finding in findings.items():
        if failed is None:
            yield Check(link, State.OK)
        elif failed.step == link:
            if link == "certificate" and facts.route is False:
                yield Check(link, State.UNKNOWN, detail="Caddy has none for a name that it does not serve")
            else:
                yield Check(link, State.NOT_OK, finding, failed.reason)
            return
        else:
            yield Check(link, State.OK)


def _route(facts: Facts) -> Check:
    if isinstance(facts.route, Hidden) and isinstance(facts.without, Answer) and facts.without.verdict:
        return Check("route", State.OK, detail="the site answers")
    return _fact("route", facts.route, Finding.ROUTE_MISSING)


def _outpost(facts: Facts) -> Iterator[Check]:
    outpost = facts.outpost
    if _has_verdict(facts.without, site.FAILED):
        yield Check("outpost", State.NOT_OK, Finding.OUTPOST_UNREACHABLE, said(facts.without))
    elif not isinstance(outpost, Hidden) and (outpost is None or not outpost.attached):
        yield Check("outpost", State.NOT_OK, Finding.OUTPOST_WITHOUT_PROVIDER)
    elif isinstance(facts.without, Answer) and facts.without.verdict == site.NOT_ASKED:
        yield Check("outpost", State.NOT_OK, _undecided(facts.without, outpost), said(facts.without))
    elif _decides(facts.without) and _has_verdict(facts.wrong, site.NOT_ASKED):
        yield Check("outpost", State.NOT_OK, Finding.CORE_DOWN, said(facts.wrong))
    elif facts.former:
        yield Check("outpost", State.NOT_OK, Finding.OUTPOST_NOT_LOADED, "it still uses another provider for this host")
    elif _decides(facts.without):
        yield Check("outpost", State.OK)
    elif isinstance(outpost, Hidden):
        yield _hidden("outpost", outpost)
    else:
        yield Check("outpost", State.UNKNOWN, detail="its answer does not come through")
    if isinstance(facts.without, Answer) and _host(facts.without.location) == "localhost":
        yield Check("login page", State.NOT_OK, Finding.OUTPOST_HOST, facts.without.location)
    if outpost is None or isinstance(outpost, Hidden):
        return
    if isinstance(outpost.heard, Hidden):
        yield _hidden("outpost's health", outpost.heard)
    elif outpost.heard is None or facts.now - outpost.heard > SILENCE:
        yield Check("outpost's health", State.NOT_OK, Finding.OUTPOST_SILENT, _moment(outpost.heard))
    else:
        yield Check("outpost's health", State.OK)


def _undecided(answer: Answer, outpost: Outpost | Hidden | None) -> Finding:
    """Why the outpost neither lets in nor refuses: it knows no such host, or has no server behind it."""
    if answer.status >= 500:
        return Finding.CORE_DOWN
    return Finding.OUTPOST_WITHOUT_PROVIDER if isinstance(outpost, Hidden) else Finding.OUTPOST_NOT_LOADED


def _provider(facts: Facts) -> Check:
    if isinstance(facts.provider, Hidden):
        return _hidden("provider", facts.provider)
    if facts.provider is None:
        return Check("provider", State.NOT_OK, Finding.PROVIDER_MISSING)
    if facts.provider.external_host.rstrip("/").lower() != facts.url.lower():
        return Check("provider", State.NOT_OK, Finding.PROVIDER_HOST, facts.provider.external_host)
    if facts.provider.opened:
        return Check("provider", State.NOT_OK, Finding.PROVIDER_OPENED, ", ".join(facts.provider.opened))
    return Check("provider", State.OK)


def _application(facts: Facts) -> Check:
    return _fact("application", facts.application, Finding.APPLICATION_MISSING)


def people_access(people: PeopleAccess | Hidden) -> Iterator[Check]:
    """Whether every group of people is bound, and in a mode in which one group is enough."""
    if isinstance(people, Hidden):
        yield _hidden("people's groups", people)
        return
    if people.mode != "any":
        yield Check("policy engine mode", State.NOT_OK, Finding.ENGINE_MODE, people.mode)
    yield _none("people's groups", people.unbound, Finding.PEOPLE_NOT_BOUND)


def _others(facts: Facts) -> Iterator[Check]:
    if not isinstance(facts.bound, Hidden):  # told by the same answer
        yield _none("other bindings", facts.others, Finding.BINDINGS_OF_OTHERS, "; ")


def _phones_group(facts: Facts) -> Iterator[Check]:
    group = facts.phones_group
    if isinstance(group, Hidden):
        yield _hidden("phones' group", group)
        return
    if group.others:
        yield Check("phones' group", State.NOT_OK, Finding.MEMBERS_OF_OTHERS, "; ".join(group.others))
    if group.rights:
        yield Check("phones' group", State.NOT_OK, Finding.GROUP_RIGHTS, ", ".join(group.rights))
    if not (group.others or group.rights):
        yield Check("phones' group", State.OK)


def _stranger(link: str, probe: ProbeResult, finding: Finding, *verdicts: str) -> Check:
    """A request that must not reach Immich, and be answered by our site with one of the marks."""
    if isinstance(probe, NoAnswer) or probe.verdict in (site.NOT_ASKED, site.FAILED):
        return Check(link, State.UNKNOWN, detail=said(probe))  # an error may hide that it did
    if probe.verdict in verdicts:
        return Check(link, State.OK, detail=said(probe))
    if probe.immich:
        return Check(link, State.NOT_OK, finding)
    lost = site.REFUSED in verdicts and probe.verdict in (site.LOGIN, site.HEADER_MISSING)
    return Check(link, State.NOT_OK, Finding.HEADER_LOST if lost else Finding.OTHER_ANSWERS, said(probe))


def _plain(probe: ProbeResult) -> Check:
    """A request over http://, which may be redirected, refused or met with silence."""
    if gets_through(probe):
        return Check("http://", State.NOT_OK, Finding.OPEN_PLAINLY)
    other = isinstance(probe, Answer) and probe.status < 300
    return Check("http://", State.UNKNOWN if other else State.OK, detail=said(probe))


def other_providers(rivals: tuple[str, ...] | Hidden) -> Check:
    """Whether ours is the only provider of its host on the outpost."""
    return _none("other providers", rivals, Finding.OTHER_PROVIDER)


def other_doors(doors: Doors | Hidden) -> Iterator[Check]:
    """Whether Caddy has no other way to Immich. What cannot be looked at is never ok."""
    if isinstance(doors, Hidden):
        yield _hidden("other doors", doors)
        return
    if doors.found or not doors.unchecked:
        yield _none("other doors", doors.found, Finding.OTHER_DOORS)
    if doors.unchecked:
        yield Check("other doors", State.UNKNOWN, detail=f"unchecked: {'; '.join(doors.unchecked)}")


def _header(phone: Phone) -> Check:
    header = phone.header
    if header.fault:
        return Check("header", State.NOT_OK, header.fault)
    if phone.declared == "":
        return Check("header", State.NOT_OK, Finding.HEADER_ACCOUNT, header.username)
    if phone.declared is not None and phone.declared.split()[1:] != header.value.split()[1:]:
        return Check("header", State.NOT_OK, Finding.HEADER_OLD, header.username)
    return Check("header", State.OK, detail=f"account {header.username}")


def _account(phone: Phone) -> Iterator[Check]:
    account = phone.account
    if isinstance(account, Hidden):
        yield _hidden("account", account)
    elif account is None:
        yield Check("account", State.NOT_OK, Finding.ACCOUNT_MISSING, phone.header.username)
    elif not account.active:
        yield Check("account", State.NOT_OK, Finding.ACCOUNT_INACTIVE, phone.header.username)
    else:
        yield Check("account", State.OK)
    if account is None or isinstance(account, Hidden):
        return
    if not account.in_group:
        yield Check("groups", State.NOT_OK, Finding.ACCOUNT_NOT_IN_GROUP, phone.header.username)
    elif account.extra:
        yield Check("groups", State.NOT_OK, Finding.ACCOUNT_EXTRA_GROUPS, ", ".join(account.extra))
    else:
        yield Check("groups", State.OK)


def _password(facts: Facts, phone: Phone) -> Check:
    password = phone.password
    if isinstance(password, Hidden):
        return _hidden("password", password)
    if password is None:
        return Check("password", State.NOT_OK, Finding.PASSWORD_MISSING)
    if password.expires is None:
        return Check("password", State.OK, detail="never expires")
    if password.expires <= facts.now:
        return Check("password", State.NOT_OK, Finding.PASSWORD_EXPIRED, _moment(password.expires))
    if password.expires - facts.now < SOON:
        return Check("password", State.NOT_OK, Finding.PASSWORD_EXPIRES_SOON, _moment(password.expires))
    return Check("password", State.OK, detail=f"until {_moment(password.expires)}")


def _other_passwords(phone: Phone) -> Iterator[Check]:
    if isinstance(phone.password, Password) and phone.password.others:
        yield Check("other passwords", State.NOT_OK, Finding.PASSWORDS_OF_OTHERS, ", ".join(phone.password.others))


def _fact(link: str, fact: bool | Hidden, finding: Finding) -> Check:
    if isinstance(fact, Hidden):
        return _hidden(link, fact)
    return Check(link, State.OK) if fact else Check(link, State.NOT_OK, finding)


def _none(link: str, found: tuple[str, ...] | Hidden, finding: Finding, between: str = ", ") -> Check:
    """A link that is well where nothing was found."""
    if isinstance(found, Hidden):
        return _hidden(link, found)
    return Check(link, State.NOT_OK, finding, between.join(found)) if found else Check(link, State.OK)


def _hidden(link: str, fact: Hidden) -> Check:
    return Check(link, State.UNKNOWN, fact.finding, fact.reason)


def _has_verdict(probe: ProbeResult, verdict: str) -> bool:
    return isinstance(probe, Answer) and probe.verdict == verdict


def _decides(probe: ProbeResult) -> bool:
    """Whether it is the login page or a refusal, which only the outpost's word brings about."""
    return isinstance(probe, Answer) and probe.verdict in (site.REFUSED, site.HEADER_MISSING, site.LOGIN)


def gets_through(probe: ProbeResult) -> bool:
    """Whether Immich itself answered."""
    return isinstance(probe, Answer) and probe.immich


def said(probe: ProbeResult) -> str:
    """An answer in words."""
    if isinstance(probe, NoAnswer):
        return probe.reason
    return f"{probe.status} to {probe.location}" if probe.location else f"{probe.status} {probe.verdict}".strip()


def _host(location: str) -> str | None:
    """The host of a redirect; None where there is none, or it is no URL."""
    try:
        return urlsplit(location).hostname
    except ValueError:
        return None


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def worst(checks: Iterable[Check]) -> State:
    """Not ok if anything is, else cannot tell if anything cannot, else ok."""
    states = {each.state for each in checks}
    return next((each for each in (State.NOT_OK, State.UNKNOWN) if each in states), State.OK)
