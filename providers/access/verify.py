"""Verification: proves that the phones get through and nothing else does, or raises the likeliest cause."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

from providers.access.collect import Collector
from providers.access.diagnose import (
    Check,
    State,
    examine,
    gets_through,
    likeliest,
    other_doors,
    other_providers,
    people_access,
    said,
)
from providers.access.facts import Answer, NoAnswer, Phone, ProbeResult
from providers.access.findings import Finding
from providers.access.header import Header, wrong_header
from providers.access.probe import PublicAddress
from providers.caddy.site import HEADER_MISSING, LOGIN, NOT_ASKED, REFUSED
from providers.console import warn
from providers.errors import ProviderError

LOADING = 20.0
"""Seconds for the outpost to load what is new (it takes 0 to 10), and for a server to come up."""
LOADING_LATE = 180.0
"""The same where the outpost does not know site or provider yet: a busy Authentik tells it late (87 s were seen)."""
ISSUING = 60.0
"""Seconds for Caddy to get a certificate for a new name."""
FORGETTING = 75.0
"""Seconds for the outpost to forget a header that it let in (it takes 60)."""
PAUSE = 0.3
_MAYBE_LATE = frozenset({Finding.UNEXPLAINED, Finding.PASSWORD_WRONG})
"""Findings when everything is in order but the answer, as after a change that the outpost has not loaded."""
_HEAD = "the access is not as it should be:"


class ProofError(ProviderError):
    """The proof failed; the message names who, the likeliest cause and its remedy, and holds no header."""


def _answered(*verdicts: str) -> Callable[[ProbeResult], bool]:
    """Whether our site itself gave an answer with one of these verdicts."""
    return lambda probe: isinstance(probe, Answer) and probe.verdict in verdicts


class Verification:
    """One proof. What may mend itself is asked again within a bound that all requests share."""

    def __init__(self, public: PublicAddress, collector: Collector, usernames: Mapping[str, str]) -> None:
        """usernames: the account of each phone's header."""
        self._public, self._collector, self._usernames = public, collector, usernames
        self._began = self._since = time.monotonic()

    def prove(self, headers: Mapping[str, str], refused: Mapping[str, str]) -> None:
        """headers: phone to `Basic …` that must get through; refused: those that must not. Raises ProofError.

        In the order of the names: a map arrives in any.
        """
        ask = self._public.ask
        asked = {phone: self._until(gets_through, partial(ask, headers[phone])) for phone in sorted(headers)}
        while failed := {phone: probe for phone, probe in asked.items() if not gets_through(probe)}:
            facts = self._collector.facts(self._public)
            seen = {phone: self._seen(phone, headers[phone], probe) for phone, probe in failed.items()}
            findings = {name: likeliest(facts, phone) for name, phone in seen.items()}
            if not self._may_be_late(findings.values()):
                raise _error(
                    {f"phone {each!r} does not get through": (findings[each], failed[each]) for each in failed}
                )
            self._since = time.monotonic()
            asked |= {phone: self._until(gets_through, partial(ask, headers[phone])) for phone in failed}
        wrong = wrong_header(self._collector.names.account)
        self._refuse("a wrong header", lambda: ask(wrong), Finding.OPEN_TO_ANY_HEADER, REFUSED)
        for phone, header in sorted(refused.items()):
            self._refuse(f"phone {phone!r}, which is switched off,", partial(ask, header), Finding.STILL_IN, REFUSED)
        self._refuse("a request without a header", lambda: ask(None), Finding.OPEN, LOGIN, HEADER_MISSING)
        self._refuse("an app without a header", self._public.ask_as_app, Finding.OPEN, HEADER_MISSING)
        plain = self._public.ask_plainly()
        if gets_through(plain):
            raise _error({"a request over http:// gets through": (Finding.OPEN_PLAINLY, plain)})
        # Nobody here has a session of a person's to ask with, and asks at no other address.
        people, rivals, doors = self._collector.people(), self._collector.rivals(), self._collector.doors()
        self._look([*people_access(people), other_providers(rivals), *other_doors(doors)])

    def _may_be_late(self, findings: Collection[Finding]) -> bool:
        """Whether only an outpost that Authentik has not told yet may explain it, and there is time to wait for it."""
        return time.monotonic() - self._began < LOADING_LATE and _MAYBE_LATE.issuperset(findings)

    def _look(self, checks: Iterable[Check]) -> None:
        """What no request shows: raise ProofError for what is not ok, and warn of what cannot be told."""
        seen = list(checks)
        broken = [(each.finding, each.detail) for each in seen if each.finding and each.state is State.NOT_OK]
        if broken:
            lines = [f"{finding.text} ({detail}). {finding.remedy}" for finding, detail in broken]
            raise ProofError("\n".join([_HEAD, *lines]))
        for each in seen:
            if each.state is State.UNKNOWN:
                warn(f"could not check the {each.link}: {each.detail}")

    def _seen(self, phone: str, value: str, probe: ProbeResult) -> Phone:
        username = self._usernames[phone]
        header = Header(value, fault=None, username=username)
        return Phone(header, probe, self._collector.account(username), self._collector.password(username))

    def _refuse(self, who: str, ask: Callable[[], ProbeResult], let_in: Finding, *verdicts: str) -> None:
        """That this request is refused, by an answer with one of these verdicts. let_in: the finding if not."""
        right = _answered(*verdicts)
        # The outpost forgets a header after a while; whoever sends none gets in for good.
        opened = let_in is Finding.OPEN
        probe = self._until(lambda probe: right(probe) or (opened and gets_through(probe)), ask)
        if gets_through(probe):
            raise _error({f"{who} gets through": (let_in, probe)})
        if not right(probe):
            checks = examine(self._collector.facts(self._public))
            finding = next(
                (each.finding for each in checks if each.finding and each.finding.blocks), Finding.UNEXPLAINED
            )
            raise _error({f"{who} is not refused as it should be": (finding, probe)})

    def _until(self, enough: Callable[[ProbeResult], bool], ask: Callable[[], ProbeResult]) -> ProbeResult:
        """The first answer that is enough, or the last one within the bound."""
        while True:
            probe = ask()
            if enough(probe):
                return probe
            now = time.monotonic()
            if now - self._since > _bound(probe):
                if now - self._began > LOADING_LATE:
                    return probe
                if not self._unloaded(probe):
                    return ask()  # it may have been loaded between the two
                self._since = now
            time.sleep(PAUSE)

    def _unloaded(self, probe: ProbeResult) -> bool:
        """Whether what was not let through was asked of an outpost that does not know the site or our provider yet."""
        without = self._public.ask(None) if isinstance(probe, Answer) and not probe.immich else None
        if not isinstance(without, Answer):
            return False
        unknown = (without.status, without.verdict) == (404, NOT_ASKED)
        return unknown or self._collector.serves_another(without)


def _bound(probe: ProbeResult) -> float:
    if isinstance(probe, NoAnswer):
        return (ISSUING if probe.step == "certificate" else LOADING) if probe.passing else 0
    return FORGETTING if probe.immich else LOADING


def _error(findings: Mapping[str, tuple[Finding, ProbeResult]]) -> ProofError:
    lines = [f"{what}: {finding.text} ({said(probe)}). {finding.remedy}" for what, (finding, probe) in findings.items()]
    return ProofError("\n".join([_HEAD, *lines]))
