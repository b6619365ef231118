"""Closer: shuts a group out of applications, one step after the other, whatever others do meanwhile."""

from collections.abc import Mapping
from contextlib import suppress

from providers.authentik.client import Client
from providers.authentik.closing import Step, is_ours, next_step
from providers.authentik.errors import AnswerLost, AuthentikError, Call, NotFound
from providers.authentik.kind import Bag
from providers.authentik.survey import APPLICATIONS, Survey

BINDINGS = "/policies/bindings/"
_RIGHT = "authentik_policies.{}_policybinding"
_ATTEMPTS = 4
_WORDS: Mapping[Step, str] = {
    "bind": "shut out of {}",
    "enable": "enable our binding on {}",
    "remove": "take our binding off {}",
    "single": "take our second binding off {}",
}


class Closer:
    """The applications that the accounts of a group may enter, or that it is shut out of, but for the one of theirs.

    seen: what the accounts may enter. names: what applications were called when our bindings, by their primary keys,
    were last seen.
    """

    def __init__(self, client: Client, group: str, application: str, seen: Survey, names: Mapping[str, str]) -> None:
        self._client, self._group, self._seen, self._names = client, group, seen, names
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

    def close(self) -> bool:
        """Do what is to be done; answers whether there was anything."""
        return sum(self._settle(target) for target in sorted(self._bindings)) > 0

    def _settle(self, target: str) -> bool:
        """Step until nothing is left to do, with a look at what others did meanwhile after every step."""
        for stepped in range(_ATTEMPTS):
            step = self._next(target)
            if step is None:
                return stepped > 0
            if step == "bind":
                self._bind(target)
            for each in self._ours(target)[step == "single" :]:
                # One that is gone, by somebody or by a call of ours whose answer got lost, is seen by the look, too.
                with suppress(NotFound):
                    if step == "enable":
                        self._enable(each, target)
                    elif step in ("remove", "single"):
                        self._client.delete(f"{BINDINGS}{each['pk']}/", self._call("take ours off", target, "delete"))
            self._bindings[target] = [each for each in self._list(target) if each["target"] == target]
        raise AuthentikError(
            f"cannot shut the phones out of application {self._called(target)!r}: something else keeps changing its "
            "bindings. Let it finish and run the command again."
        )

    def _next(self, target: str) -> Step | None:
        bindings, ours = self._bindings[target], self._ours(target)
        mode = self._mode(target) if ours and len(ours) < len(bindings) else None
        return next_step(mode, bindings, self._group, entered=target in self._entered)

    def _ours(self, target: str) -> list[Bag]:
        """First the one that stays where there are several: that takes effect, and that the state knows."""
        ours = [each for each in self._bindings[target] if is_ours(each, self._group)]
        return sorted(ours, key=lambda each: (not each["enabled"], each["pk"] not in self._names))

    def _mode(self, target: str) -> str | None:
        """An application's policy_engine_mode; where neither account nor token sees it, it is asked for by its slug."""
        slug = self._called(target)
        if target not in self._seen.seen:
            call = Call(f"read application {slug!r}", "authentik_core.view_application")
            try:
                found = self._client.get(f"{APPLICATIONS}{slug}/", call)
            except NotFound:
                found = {"pk": ""}
            self._seen.seen[found["pk"]] = found
        return self._seen.seen[target]["policy_engine_mode"] if target in self._seen.seen else None

    def _called(self, target: str) -> str:
        """An application's slug, or its primary key where that is in nobody's sight."""
        if target in self._seen.seen:
            return str(self._seen.seen[target]["slug"])
        return next((self._names[each["pk"]] for each in self._ours(target) if each["pk"] in self._names), target)

    def _list(self, target: str = "") -> list[Bag]:
        call = self._call("list those of", target, "view")
        return self._client.find(BINDINGS, {"target": target} if target else {}, call)

    def _bind(self, target: str) -> None:
        body: Bag = {"target": target, "group": self._group, "negate": True, "order": 0, "enabled": True}
        try:
            self._client.post(BINDINGS, body, self._call("add one to", target, "add"))
        except AnswerLost:
            return  # what came of it is seen by the look that follows

    def _enable(self, binding: Bag, target: str) -> None:
        kept = ("target", "group", "negate", "order", "timeout", "failure_result")
        body = {name: binding[name] for name in kept} | {"enabled": True}
        self._client.put(f"{BINDINGS}{binding['pk']}/", body, self._call("enable ours on", target, "change"))

    def _call(self, doing: str, target: str, verb: str) -> Call:
        where = f"application {self._called(target)!r}" if target else "every application"
        return Call(f"shut the phones out by a negated policy binding: {doing} {where}", _RIGHT.format(verb))


def remove(client: Client, what: str, group: str, bindings: set[str]) -> None:
    """Take our bindings away; one that is gone is fine, and one that somebody made into another is left alone.

    what: what the bindings are for, named in the errors.
    """
    if not bindings:
        return
    for each in client.find(BINDINGS, {}, Call(f"remove {what}: list policy bindings", _RIGHT.format("view"))):
        if each["pk"] in bindings and is_ours(each, group):
            call = Call(f"remove {what}: take its binding off application {each['target']}", _RIGHT.format("delete"))
            with suppress(NotFound):
                client.delete(f"{BINDINGS}{each['pk']}/", call)
