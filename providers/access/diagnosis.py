"""Which link of the chain phone > Caddy > outpost > Authentik > Immich is broken, from what was seen. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from urllib.parse import urlsplit

from providers.access.causes import Cause
from providers.access.seen import Account, Answer, Hidden, NoAnswer, Outpost, Password, PeopleAccess, Phone, Probe, Way
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
    cause: Cause | None = None
    detail: str = ""


def examine(way: Way) -> list[Check]:
    """The links that all phones share, from the outside in, and the requests that must not get through."""
    return [
        *_reaching(way),
        _route(way),
        *_outpost(way),
        _provider(way),
        other_providers(way.rivals),
        _application(way),
        _fact("binding", way.bound, Cause.BINDING_MISSING),
        *people_access(way.people),
        *_others(way),
        *_phones_group(way),
        _stranger("no header", way.without, Cause.OPEN, site.LOGIN, site.HEADER_MISSING),
        _stranger("wrong header", way.wrong, Cause.OPEN_TO_ANY_HEADER, site.REFUSED),
        _stranger("app without header", way.app, Cause.OPEN, site.HEADER_MISSING),
        _plain(way.plain),
        *other_doors(way.doors),
    ]


def examine_phone(way: Way, phone: Phone) -> list[Check]:
    """The links that are a phone's own; the last one tells whether it gets through, with the likeliest cause."""
    through = gets_through(phone.asked)
    if phone.off:
        still = Check("switched off", State.NOT_OK, Cause.STILL_IN)
        return [_header(phone), still if through else Check("switched off", State.OK, detail=said(phone.asked))]
    own = [_header(phone), *_account(phone), _password(way, phone), *_other_passwords(phone)]
    if through:
        return [*own, Check("Immich", State.OK, detail="its own answer came back")]
    return [*own, Check("Immich", State.NOT_OK, likeliest(way, phone), said(phone.asked))]


def likeliest(way: Way, phone: Phone) -> Cause:
    """Why a phone's header did not get through: what the answers prove, else the first broken link."""
    if _is_marked(phone.asked, site.FAILED) and _decides(way.without):
        return Cause.IMMICH_DOWN  # the outpost answers, so what fails is behind it
    # A provider that is wrong, or has no application, is what the outpost does not serve.
    ours = [*_reaching(way), _route(way), _provider(way), _application(way), *examine(way)]
    links = [_header(phone), *ours, *_account(phone), _password(way, phone)]
    causes = [each.cause for each in links if each.cause is not None and each.cause.blocks]
    causes.sort(key=lambda cause: cause is Cause.ACCOUNT_INACTIVE)  # not every version keeps such an account out
    return causes[0] if causes else _guessed(way, phone)


def _guessed(way: Way, phone: Phone) -> Cause:
    """The cause where every link seems well."""
    match phone.asked:
        case Answer(mark=site.LOGIN | site.HEADER_MISSING):
            return Cause.HEADER_LOST
        case Answer(mark=site.NOT_ASKED) if _decides(way.without):
            return Cause.CORE_DOWN  # it has a word for browsers, which needs no server behind the outpost
        case Answer(mark=site.REFUSED) if _is_down(phone.account):
            return Cause.CORE_DOWN
        case Answer(mark=site.REFUSED) if way.restricted:
            return Cause.NETWORK
        case Answer(mark=site.REFUSED) if isinstance(phone.password, Password):
            return Cause.PASSWORD_EXPIRED if phone.password.expires else Cause.PASSWORD_WRONG
        case Answer(status=200 | 404, mark=""):
            return Cause.NOT_IMMICH
        case Answer(mark=""):
            return Cause.OTHER_ANSWERS
    return Cause.UNEXPLAINED


def _is_down(fact: Account | Hidden | None) -> bool:
    return isinstance(fact, Hidden) and fact.cause is Cause.AUTHENTIK_UNREACHABLE


def _reaching(way: Way) -> Iterator[Check]:
    """Name, connection and certificate: what failed first, what came before it, and nothing after it."""
    causes = {"name": Cause.DNS, "connection": Cause.UNREACHABLE, "certificate": Cause.TLS}
    failed = way.without if isinstance(way.without, NoAnswer) else None
    for link, cause in causes.items():
        if failed is None:
            yield Check(link, State.OK)
        elif failed.step == link:
            if link == "certificate" and way.route is False:
                yield Check(link, State.UNKNOWN, detail="Caddy has none for a name that it does not serve")
            else:
                yield Check(link, State.NOT_OK, cause, failed.reason)
            return
        else:
            yield Check(link, State.OK)


def _route(way: Way) -> Check:
    if isinstance(way.route, Hidden) and isinstance(way.without, Answer) and way.without.mark:
        return Check("route", State.OK, detail="the site answers")
    return _fact("route", way.route, Cause.ROUTE_MISSING)


def _outpost(way: Way) -> Iterator[Check]:
    outpost = way.outpost
    if _is_marked(way.without, site.FAILED):
        yield Check("outpost", State.NOT_OK, Cause.OUTPOST_UNREACHABLE, said(way.without))
    elif not isinstance(outpost, Hidden) and (outpost is None or not outpost.attached):
        yield Check("outpost", State.NOT_OK, Cause.OUTPOST_WITHOUT_PROVIDER)
    elif isinstance(way.without, Answer) and way.without.mark == site.NOT_ASKED:
        yield Check("outpost", State.NOT_OK, _undecided(way.without, outpost), said(way.without))
    elif _decides(way.without) and _is_marked(way.wrong, site.NOT_ASKED):
        yield Check("outpost", State.NOT_OK, Cause.CORE_DOWN, said(way.wrong))
    elif way.former:
        yield Check("outpost", State.NOT_OK, Cause.OUTPOST_NOT_LOADED, "it still uses another provider for this host")
    elif _decides(way.without):
        yield Check("outpost", State.OK)
    elif isinstance(outpost, Hidden):
        yield _hidden("outpost", outpost)
    else:
        yield Check("outpost", State.UNKNOWN, detail="its answer does not come through")
    if isinstance(way.without, Answer) and _host(way.without.location) == "localhost":
        yield Check("login page", State.NOT_OK, Cause.OUTPOST_HOST, way.without.location)
    if outpost is None or isinstance(outpost, Hidden):
        return
    if isinstance(outpost.heard, Hidden):
        yield _hidden("outpost's health", outpost.heard)
    elif outpost.heard is None or way.now - outpost.heard > SILENCE:
        yield Check("outpost's health", State.NOT_OK, Cause.OUTPOST_SILENT, _moment(outpost.heard))
    else:
        yield Check("outpost's health", State.OK)


def _undecided(answer: Answer, outpost: Outpost | Hidden | None) -> Cause:
    """Why the outpost neither lets in nor refuses: it knows no such host, or has no server behind it."""
    if answer.status >= 500:
        return Cause.CORE_DOWN
    return Cause.OUTPOST_WITHOUT_PROVIDER if isinstance(outpost, Hidden) else Cause.OUTPOST_NOT_LOADED


def _provider(way: Way) -> Check:
    if isinstance(way.provider, Hidden):
        return _hidden("provider", way.provider)
    if way.provider is None:
        return Check("provider", State.NOT_OK, Cause.PROVIDER_MISSING)
    if way.provider.external_host.rstrip("/").lower() != way.url.lower():
        return Check("provider", State.NOT_OK, Cause.PROVIDER_HOST, way.provider.external_host)
    if way.provider.opened:
        return Check("provider", State.NOT_OK, Cause.PROVIDER_OPENED, ", ".join(way.provider.opened))
    return Check("provider", State.OK)


def _application(way: Way) -> Check:
    return _fact("application", way.application, Cause.APPLICATION_MISSING)


def people_access(people: PeopleAccess | Hidden) -> Iterator[Check]:
    """Whether every group of people is bound, and in a mode in which one group is enough."""
    if isinstance(people, Hidden):
        yield _hidden("people's groups", people)
        return
    if people.mode != "any":
        yield Check("policy engine mode", State.NOT_OK, Cause.ENGINE_MODE, people.mode)
    yield _none("people's groups", people.unbound, Cause.PEOPLE_NOT_BOUND)


def _others(way: Way) -> Iterator[Check]:
    if not isinstance(way.bound, Hidden):  # told by the same answer
        yield _none("other bindings", way.others, Cause.BINDINGS_OF_OTHERS, "; ")


def _phones_group(way: Way) -> Iterator[Check]:
    group = way.phones_group
    if isinstance(group, Hidden):
        yield _hidden("phones' group", group)
        return
    if group.others:
        yield Check("phones' group", State.NOT_OK, Cause.MEMBERS_OF_OTHERS, "; ".join(group.others))
    if group.rights:
        yield Check("phones' group", State.NOT_OK, Cause.GROUP_RIGHTS, ", ".join(group.rights))
    if not (group.others or group.rights):
        yield Check("phones' group", State.OK)


def _stranger(link: str, probe: Probe, cause: Cause, *marks: str) -> Check:
    """A request that must not reach Immich, and be answered by our site with one of the marks."""
    if isinstance(probe, NoAnswer) or probe.mark in (site.NOT_ASKED, site.FAILED):
        return Check(link, State.UNKNOWN, detail=said(probe))  # an error may hide that it did
    if probe.mark in marks:
        return Check(link, State.OK, detail=said(probe))
    if probe.immich:
        return Check(link, State.NOT_OK, cause)
    lost = site.REFUSED in marks and probe.mark in (site.LOGIN, site.HEADER_MISSING)
    return Check(link, State.NOT_OK, Cause.HEADER_LOST if lost else Cause.OTHER_ANSWERS, said(probe))


def _plain(probe: Probe) -> Check:
    """A request over http://, which may be redirected, refused or met with silence."""
    if gets_through(probe):
        return Check("http://", State.NOT_OK, Cause.OPEN_PLAINLY)
    other = isinstance(probe, Answer) and probe.status < 300
    return Check("http://", State.UNKNOWN if other else State.OK, detail=said(probe))


def other_providers(rivals: tuple[str, ...] | Hidden) -> Check:
    """Whether ours is the only provider of its host on the outpost."""
    return _none("other providers", rivals, Cause.OTHER_PROVIDER)


def other_doors(doors: Doors | Hidden) -> Iterator[Check]:
    """Whether Caddy has no other way to Immich. What cannot be looked at is never ok."""
    if isinstance(doors, Hidden):
        yield _hidden("other doors", doors)
        return
    if doors.found or not doors.unchecked:
        yield _none("other doors", doors.found, Cause.OTHER_DOORS)
    if doors.unchecked:
        yield Check("other doors", State.UNKNOWN, detail=f"unchecked: {'; '.join(doors.unchecked)}")


def _header(phone: Phone) -> Check:
    header = phone.header
    if header.fault:
        return Check("header", State.NOT_OK, header.fault)
    if phone.declared == "":
        return Check("header", State.NOT_OK, Cause.HEADER_ACCOUNT, header.username)
    if phone.declared is not None and phone.declared.split()[1:] != header.value.split()[1:]:
        return Check("header", State.NOT_OK, Cause.HEADER_OLD, header.username)
    return Check("header", State.OK, detail=f"account {header.username}")


def _account(phone: Phone) -> Iterator[Check]:
    account = phone.account
    if isinstance(account, Hidden):
        yield _hidden("account", account)
    elif account is None:
        yield Check("account", State.NOT_OK, Cause.ACCOUNT_MISSING, phone.header.username)
    elif not account.active:
        yield Check("account", State.NOT_OK, Cause.ACCOUNT_INACTIVE, phone.header.username)
    else:
        yield Check("account", State.OK)
    if account is None or isinstance(account, Hidden):
        return
    if not account.in_group:
        yield Check("groups", State.NOT_OK, Cause.ACCOUNT_NOT_IN_GROUP, phone.header.username)
    elif account.extra:
        yield Check("groups", State.NOT_OK, Cause.ACCOUNT_EXTRA_GROUPS, ", ".join(account.extra))
    else:
        yield Check("groups", State.OK)


def _password(way: Way, phone: Phone) -> Check:
    password = phone.password
    if isinstance(password, Hidden):
        return _hidden("password", password)
    if password is None:
        return Check("password", State.NOT_OK, Cause.PASSWORD_MISSING)
    if password.expires is None:
        return Check("password", State.OK, detail="never expires")
    if password.expires <= way.now:
        return Check("password", State.NOT_OK, Cause.PASSWORD_EXPIRED, _moment(password.expires))
    if password.expires - way.now < SOON:
        return Check("password", State.NOT_OK, Cause.PASSWORD_EXPIRES_SOON, _moment(password.expires))
    return Check("password", State.OK, detail=f"until {_moment(password.expires)}")


def _other_passwords(phone: Phone) -> Iterator[Check]:
    if isinstance(phone.password, Password) and phone.password.others:
        yield Check("other passwords", State.NOT_OK, Cause.PASSWORDS_OF_OTHERS, ", ".join(phone.password.others))


def _fact(link: str, fact: bool | Hidden, cause: Cause) -> Check:
    if isinstance(fact, Hidden):
        return _hidden(link, fact)
    return Check(link, State.OK) if fact else Check(link, State.NOT_OK, cause)


def _none(link: str, found: tuple[str, ...] | Hidden, cause: Cause, between: str = ", ") -> Check:
    """A link that is well where nothing was found."""
    if isinstance(found, Hidden):
        return _hidden(link, found)
    return Check(link, State.NOT_OK, cause, between.join(found)) if found else Check(link, State.OK)


def _hidden(link: str, fact: Hidden) -> Check:
    return Check(link, State.UNKNOWN, fact.cause, fact.reason)


def _is_marked(probe: Probe, mark: str) -> bool:
    return isinstance(probe, Answer) and probe.mark == mark


def _decides(probe: Probe) -> bool:
    """Whether it is the login page or a refusal, which only the outpost's word brings about."""
    return isinstance(probe, Answer) and probe.mark in (site.REFUSED, site.HEADER_MISSING, site.LOGIN)


def gets_through(probe: Probe) -> bool:
    """Whether Immich itself answered."""
    return isinstance(probe, Answer) and probe.immich


def said(probe: Probe) -> str:
    """An answer in words."""
    if isinstance(probe, NoAnswer):
        return probe.reason
    return f"{probe.status} to {probe.location}" if probe.location else f"{probe.status} {probe.mark}".strip()


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
