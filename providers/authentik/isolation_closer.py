"""Closer: shuts a group out of applications, one step after the other, whatever others do meanwhile."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import cached_property

from providers.arguments import Bag
from providers.authentik.api.client import Client
from providers.authentik.api.errors import AnswerLost, AuthentikError, Call, Forbidden, NotFound
from providers.authentik.api.queries import APPLICATIONS, Survey
from providers.authentik.api.versions import all_must_hold
from providers.authentik.isolation_steps import (
    MARK,
    MODES,
    Binding,
    Step,
    fields_of,
    is_marked,
    is_ours,
    last_step,
    may_open,
    next_step,
    ours_of,
)
from providers.console import warn

BINDINGS = "/policies/bindings/"
CHANGE_APPLICATION = "authentik_core.change_application"
VIEW_APPLICATION = "authentik_core.view_application"
_RIGHT = "authentik_policies.{}_policybinding"
_SHUT = "shut the phones out by a negated policy binding"
_STEPS = 8
"""Steps at most at one application: four are the most where nobody else writes."""
_ASIDE = "take our binding off {}"
_HARDEN = "set policy engine mode all on {}"
_WORDS: Mapping[Step, str] = {
    "bind": "shut out of {}",
    "enable": "enable our binding on {}",
    "mark": _HARDEN,
    "harden": _HARDEN,
    "single": "take our second binding off {}",
    "disable": _ASIDE,
    "reopen": _ASIDE,
    "remove": _ASIDE,
}


class Closer:
    """The applications that the accounts of a group may enter, or that it is shut out of, except the one of theirs.

    seen: what the accounts may enter. names: what applications were called when our bindings, by their primary keys,
    were last seen. what: what it is for, in errors.
    """

    def __init__(
        self,
        client: Client,
        group: str,
        application: str,
        seen: Survey,
        names: Mapping[str, str],
        what: str = _SHUT,
    ) -> None:
        self._client, self._group, self._seen, self._names, self._what = client, group, seen, names, what
        self._unseen: set[str] = set()
        self._slugs: dict[str, str] | None = None
        self._entered = {each["pk"] for entered in seen.entered.values() for each in entered}
        self._bindings: dict[str, list[Bag]] = {target: [] for target in self._entered}
        everything = self._list()
        for each in everything:
            if is_ours(each, group) and each["target"] != application:
                self._bindings.setdefault(each["target"], [])
        for each in everything:
            if each["target"] in self._bindings:
                self._bindings[each["target"]].append(each)

    def ours(self) -> dict[str, str]:
        """Our bindings by what the application is called."""
        return {self._called(target): self._ours(target)[0]["pk"] for target in self._bindings if self._ours(target)}

    def pending(self) -> list[str]:
        """The steps that are to be done, in words."""
        steps = {target: self._next(target) for target in self._bindings}
        return sorted(_WORDS[step].format(self._called(target)) for target, step in steps.items() if step)

    def unchecked(self) -> list[str]:
        """Where the mode is not known: there our binding stays, and may open the application beside another."""
        blind = [self._called(each) for each in self._bindings if self._ours(each) and self._mode(each) is None]
        return [
            f"whether {slug} stays shut when somebody binds a group to it: that takes the right {VIEW_APPLICATION}"
            for slug in sorted(blind)
        ]

    def close(self) -> bool:
        """Do what is to be done; answers whether there was anything."""
        stepped = sum(self._settle(target, self._next) for target in sorted(self._bindings)) > 0
        if self.ours() and not self._all_must_hold:
            warn(
                "This version of Authentik opens an application that was closed to everybody when somebody binds a "
                "group or user to it, until the next `pulumi up --refresh`. 2026.5 does not."
            )
        return stepped

    def restore(self, bindings: Collection[str], kept: Collection[str]) -> None:
        """Take away these bindings of ours, except those that are kept, and give the modes back that we changed."""

        def following(target: str) -> Step | None:
            ours = self._ours(target)
            mode = self._mode(target) if ours and is_marked(ours[0]) else None
            return last_step(mode, self._bindings[target], self._group, kept=any(each["pk"] in kept for each in ours))

        for target in sorted(self._bindings):
            ours = self._ours(target)
            if not any(each["pk"] in bindings for each in ours):
                continue
            if is_marked(ours[0]) and self._mode(target) is None:
                warn(
                    f"Application {self._called(target)!r} stays in policy engine mode all: it was renamed, or the "
                    f"token's user lacks the right {VIEW_APPLICATION}. Set it to any by hand."
                )
            self._settle(target, following)

    def _settle(self, target: str, following: Callable[[str], Step | None]) -> bool:
        """Step until nothing is left to do, with a look at what others did meanwhile after every step."""
        for stepped in range(_STEPS):
            step = following(target)
            if step is None:
                return stepped > 0
            # What is gone, by somebody or by a call of ours whose answer got lost, is seen by the look, too.
            with suppress(NotFound):
                self._take(step, target)
            self._bindings[target] = [each for each in self._list(target) if each["target"] == target]
        raise AuthentikError(
            f"cannot shut the phones out of application {self._called(target)!r}: something else keeps changing its "
            "bindings. Let it finish and run the command again."
        )

    def _next(self, target: str) -> Step | None:
        mode, bindings = self._mode(target), self._bindings[target]
        hold = not (mode == "all" and may_open(bindings, self._group)) or self._all_must_hold
        return next_step(mode, bindings, self._group, entered=target in self._entered, all_must_hold=hold)

    @cached_property
    def _all_must_hold(self) -> bool:
        return all_must_hold(self._client.version())

    def _ours(self, target: str) -> list[Binding]:
        return ours_of(self._bindings[target], self._group, self._names)

    def _mode(self, target: str) -> str | None:
        """An application's policy_engine_mode; where no account sees it, it is asked for by its slug."""
        if target not in self._seen.seen and target not in self._unseen:
            self._look_for(target)
        return self._seen.seen[target]["policy_engine_mode"] if target in self._seen.seen else None

    def _look_for(self, target: str) -> None:
        """Read an application by the slug that the state knows, or, where a killed run left no state, a list tells."""
        if self._reads(self._called(target), target):
            return
        if self._slugs is None:
            # What our token's user may enter. It may be an old one of the server's cache, so each is read, too.
            listed = self._client.find(APPLICATIONS, {}, Call("list applications", "none"))
            self._slugs = {each["pk"]: each["slug"] for each in listed}
        if not (target in self._slugs and self._reads(self._slugs[target], target)):
            self._unseen.add(target)

    def _reads(self, slug: str, target: str) -> bool:
        if slug == target:  # not known
            return False
        with suppress(NotFound, Forbidden):
            found = self._client.get(f"{APPLICATIONS}{slug}/", Call(f"read application {slug!r}", VIEW_APPLICATION))
            if found["pk"] == target:  # and not another one that has the slug by now
                self._seen.seen[target] = found
        return target in self._seen.seen

    def _called(self, target: str) -> str:
        """An application's slug, or its primary key where that is in nobody's sight."""
        if target in self._seen.seen:
            return str(self._seen.seen[target]["slug"])
        return next((self._names[each["pk"]] for each in self._ours(target) if each["pk"] in self._names), target)

    def _list(self, target: str = "") -> list[Bag]:
        call = self._call("list those of", target, "view")
        return self._client.find(BINDINGS, {"target": target} if target else {}, call)

    def _take(self, step: Step, target: str) -> None:
        if step == "bind":
            self._bind(target)
        elif step in MODES:
            self._set_mode(target, MODES[step])
        elif step in ("remove", "single"):
            last = self._ours(target)[-1]
            self._client.delete(f"{BINDINGS}{last['pk']}/", self._call("take ours off", target, "delete"))
        else:
            self._write(self._ours(target)[0], fields_of(step, self._bindings[target]), target)

    def _bind(self, target: str) -> None:
        body: Bag = {"target": target, "group": self._group, "negate": True, "enabled": True}
        body["order"] = MARK if self._mode(target) == "any" else 0
        try:
            self._client.post(BINDINGS, body, self._call("add one to", target, "add"))
        except AnswerLost:
            return  # what came of it is seen by the look that follows

    def _write(self, binding: Binding, fields: Bag, target: str) -> None:
        kept = ("target", "group", "negate", "order", "enabled", "timeout", "failure_result")
        body = {name: binding[name] for name in kept} | fields
        self._client.put(f"{BINDINGS}{binding['pk']}/", body, self._call("change ours on", target, "change"))

    def _set_mode(self, target: str, mode: str) -> None:
        slug = self._called(target)
        call = Call(f"{self._what}: set policy_engine_mode {mode} on application {slug!r}", CHANGE_APPLICATION)
        del self._seen.seen[target]  # asked for again where this fails
        self._seen.seen[target] = self._client.patch(f"{APPLICATIONS}{slug}/", {"policy_engine_mode": mode}, call)

    def _call(self, doing: str, target: str, verb: str) -> Call:
        where = f"application {self._called(target)!r}" if target else "every application"
        return Call(f"{self._what}: {doing} {where}", _RIGHT.format(verb))
