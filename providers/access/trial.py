"""Trial: what must get through does, and what must not does not; else it ends in an error with the likeliest cause."""

import time
from collections.abc import Callable, Mapping

from providers.access.causes import Cause
from providers.access.client import Public
from providers.access.diagnosis import State, examine, likeliest, people_access, said, tells
from providers.access.header import WRONG_HEADER, take_apart
from providers.access.inquiry import Inquiry
from providers.access.seen import Answer, NoAnswer, Phone, Probe
from providers.caddy.site import REFUSED
from providers.diagnostics import warn
from providers.errors import ProviderError

LOADING = 20.0
"""Seconds for the outpost to load what is new (it takes 0 to 10), and for a server to come up."""
UNTOLD = 180.0
"""The same where the outpost says that it does not know the site: a busy Authentik tells it late (87 s were seen)."""
ISSUING = 60.0
"""Seconds for Caddy to get a certificate for a new name."""
FORGETTING = 75.0
"""Seconds for the outpost to forget a header that it let in (it takes 60)."""
PAUSE = 0.3
_HEAD = "the access is not as it should be:"


class ProofError(ProviderError):
    """The proof failed; the message names who, the likeliest cause and its remedy, and holds no header."""


def _is_refused(probe: Probe) -> bool:
    return isinstance(probe, Answer) and probe.mark == REFUSED


class Trial:
    """One proof. What may mend itself is asked again within a bound that all requests share."""

    def __init__(self, public: Public, inquiry: Inquiry) -> None:
        self._public, self._inquiry = public, inquiry
        self._began = self._since = time.monotonic()

    def prove(self, headers: Mapping[str, str], refused: Mapping[str, str]) -> None:
        """headers: phone to `Basic …` that must get through; refused: those that must not. Raises ProofError.

        In the order of the names: a map arrives in any.
        """
        asked = {phone: self._until(gets_through, header) for phone, header in sorted(headers.items())}
        failed = {phone: probe for phone, probe in asked.items() if not gets_through(probe)}
        if failed:
            way = self._inquiry.way(self._public.ask(None), self._public.ask(WRONG_HEADER))
            causes = {}
            for phone, probe in failed.items():
                cause = likeliest(way, self._phone(headers[phone], probe))
                causes[f"phone {phone!r} does not get through"] = (cause, probe)
            raise _error(causes)
        self._refuse("a wrong header", WRONG_HEADER, Cause.OPEN_TO_ANY_HEADER)
        for phone, header in sorted(refused.items()):
            self._refuse(f"phone {phone!r}, which is switched off,", header, Cause.STILL_IN)
        self._refuse("a request without a header", None, Cause.OPEN, tells)
        self._look_at_people()

    def _look_at_people(self) -> None:
        """That the people's groups get in as well: nobody here has one of their sessions to ask with."""
        checks = list(people_access(self._inquiry.people()))
        broken = [(each.cause, each.detail) for each in checks if each.cause and each.state is State.NOT_OK]
        if broken:
            lines = [f"{cause.text} ({detail}). {cause.remedy}" for cause, detail in broken]
            raise ProofError("\n".join([_HEAD, *lines]))
        for each in checks:
            if each.state is State.UNKNOWN:
                warn(f"could not check whether the people's groups are bound to the application: {each.detail}")

    def _phone(self, value: str, probe: Probe) -> Phone:
        header = take_apart(value)
        return Phone(header, probe, self._inquiry.account(header.username), self._inquiry.password(header.username))

    def _refuse(
        self, who: str, header: str | None, let_in: Cause, right: Callable[[Probe], bool] = _is_refused
    ) -> None:
        """That this request does not get through, by an answer that is right. let_in: the cause where it does."""
        probe = self._until(right, header)
        if gets_through(probe):
            raise _error({f"{who} gets through": (let_in, probe)})
        if right(probe):
            return
        without, wrong = (self._public.ask(None), probe) if header else (probe, self._public.ask(WRONG_HEADER))
        way = self._inquiry.way(without, wrong)
        broken = [each.cause for each in examine(way) if each.cause is not None and each.cause.blocks]
        cause = broken[0] if broken else Cause.SITE_OTHER if tells(probe) else Cause.UNEXPLAINED
        raise _error({f"{who} is not refused as it should be": (cause, probe)})

    def _until(self, enough: Callable[[Probe], bool], header: str | None) -> Probe:
        """The first answer that is enough, or the last one within the bound."""
        while True:
            probe = self._public.ask(header)
            if enough(probe):
                return probe
            now = time.monotonic()
            if now - self._since > _patience(probe):
                if now - self._began > UNTOLD:
                    return probe
                if not self._unloaded(probe):
                    return self._public.ask(header)  # it may have been loaded between the two
                self._since = now
            time.sleep(PAUSE)

    def _unloaded(self, probe: Probe) -> bool:
        """Whether what was not let through is asked about at an outpost that does not know the site."""
        without = self._public.ask(None) if isinstance(probe, Answer) and not probe.immich else None
        return isinstance(without, Answer) and without.status == 404


def gets_through(probe: Probe) -> bool:
    """Whether Immich itself answered."""
    return isinstance(probe, Answer) and probe.immich


def _patience(probe: Probe) -> float:
    if isinstance(probe, NoAnswer):
        return (ISSUING if probe.step == "certificate" else LOADING) if probe.passing else 0
    return FORGETTING if probe.immich else LOADING


def _error(causes: Mapping[str, tuple[Cause, Probe]]) -> ProofError:
    lines = [f"{what}: {cause.text} ({said(probe)}). {cause.remedy}" for what, (cause, probe) in causes.items()]
    return ProofError("\n".join([_HEAD, *lines]))
