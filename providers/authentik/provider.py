"""AuthentikProvider: the life of an object of any Kind, written once."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)

from providers import writes
from providers.authentik.errors import AnswerLost, AuthentikError, Call, Conflict, NotFound, Refused
from providers.authentik.fields import Json, differing
from providers.authentik.kind import (
    Bag,
    Resolved,
    changes,
    check,
    computed,
    names,
    observed,
    of_older,
    wire,
)
from providers.authentik.lookup import look_up
from providers.authentik.ownership import is_ours, refuse_different, refuse_strangers, tell_adopted
from providers.authentik.steps import Steps, plain
from providers.errors import brief
from providers.handover import HANDOVER, take, was_taken

_ATTEMPTS = 3
_TYPES = {bool: "expected true or false", str: "expected a text", list: "expected a list"}


class AuthentikProvider(Steps):
    """Interprets a Kind. A subclass says which, and overrides a step where the API is not like the others.

    State of an object: its declared fields with their defaults, what the server computed, `resolved` (the keys of
    names) and, where it was adopted, `adopted` (what it had in the fields that we changed, as JSON: a null in a bag
    would get lost on its way through the engine).
    """

    serialize_as_secret_always = False  # nothing secret is ever pickled: the token comes by configure

    # What the engine asks for ---------------------------------------------------------------------------------------

    @brief
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        props = {name: value for name, value in news.items() if name not in ("__provider", *self.flags)}
        unknown = frozenset(name for name, value in props.items() if pulumi.contains_unknowns(value))
        inputs, failures = check(self.kind, props, unknown)
        for flag, type_ in self.flags.items():
            if flag in news:
                inputs[flag] = news[flag]
                if not isinstance(news[flag], type_):
                    failures.append((flag, _TYPES[type_]))
        known = {name: value for name, value in inputs.items() if name not in unknown}
        failures = failures or self.untimely(olds, known)
        return CheckResult(inputs, [CheckFailure(name, f"{name}: {reason}") for name, reason in failures])

    @brief
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        changed = self._changes(olds, news)
        replaces = [name for name in changed if self.kind.fields[name].replaces]
        first = bool(replaces) and self.in_the_way(olds, news, changed)
        return DiffResult(changes=bool(changed), replaces=replaces, delete_before_replace=first)

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        writes.note()
        inputs = self._inputs(props)
        resolved = self._resolve(inputs, names(self.kind, inputs))
        body = wire(self.kind, inputs, resolved)
        standing = self.standing(inputs, resolved, body)
        for left in reversed(range(_ATTEMPTS)):
            if standing is not None:
                break
            try:
                return self._made(self.make(inputs, dict(body)), inputs, resolved)
            except AnswerLost:
                standing = self.find(inputs, resolved)
                if standing is None and not left:
                    raise
            except Refused as refused:
                standing = self.find(inputs, resolved) if self.is_taken(refused) else None
                if standing is None:
                    self.client.warn_of_version()  # it may be why
                    raise
        assert standing is not None  # noqa: S101  # every other way out of the loop returned or raised
        return self._take_over(standing, inputs, resolved, body, props)

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        olds = self._inputs(props)
        answer = self.live(id_, props)
        if answer is None:
            return ReadResult("", {})
        resolved = plain(props.get("resolved") or {})
        seen = observed(self.kind, olds, resolved, answer)
        kept = {name: value for name, value in props.items() if name not in self.kind.fields and name != "__provider"}
        for name in differing(self.kind.fields, olds, seen):
            resolved.pop(name, None)  # its names may stand for other objects by now
        kept |= {"resolved": resolved} if "resolved" in kept else {}
        return ReadResult(id_, {**kept, **seen, **computed(self.kind, answer)}, seen)

    @brief
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        writes.note()
        inputs = self._inputs(news)
        changed = self._changes(olds, news)
        known = plain(olds.get("resolved") or {})
        wanted = names(self.kind, inputs)
        resolved = self._resolve(inputs, [each for each in wanted if each[2] not in known.get(each[0], {})])
        for name, _, value in wanted:
            resolved.setdefault(name, {}).setdefault(value, known.get(name, {}).get(value))
        body = wire(self.kind, self.whole(inputs, olds), resolved, None if self.kind.whole else changed)
        carried: Bag = {}
        if "adopted" in olds:  # what we change from now on is given back, too
            found = of_older(self.kind, self._same(id_, olds) or {})
            kept = {name: found.get(name) for name in changed} | json.loads(olds["adopted"])
            carried["adopted"] = json.dumps(kept, sort_keys=True)
        answer = self._write(self._address(id_, olds), body, olds)
        outs = self._outs(answer, inputs, resolved)
        carried |= {name: olds[name] for name in (HANDOVER, *self.kind.computed) if name in olds and name not in outs}
        return UpdateResult({**carried, **outs})

    @brief
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        if was_taken(self.kind.path, id_, props):
            return
        adopted = json.loads(props.get("adopted", "null"))
        if adopted == {}:
            return
        now = props if self.kind.address == "pk" else self._same(id_, props)
        if now is not None and adopted:
            self.give_back(adopted, now)
        elif now is not None:
            self.remove(now)

    # --------------------------------------------------------------------------------------------------------------

    def _address(self, id_: str, props: Mapping[str, Json]) -> str:
        """The path to write to; an address that anybody may give to another object is looked at first."""
        now = props if self.kind.address == "pk" else self._same(id_, props)
        if now is None:
            raise self._gone(self.call("update", props, "change"))
        return self.path(now)

    def _gone(self, call: Call) -> AuthentikError:
        return AuthentikError(f"cannot {call.doing}: it is gone from Authentik. Run: pulumi up --refresh")

    def _inputs(self, props: Mapping[str, Json]) -> Bag:
        return {name: plain(value) for name, value in props.items() if name in self.kind.fields and value is not None}

    def _changes(self, olds: Mapping[str, Json], news: Mapping[str, Json]) -> list[str]:
        unknown = frozenset(name for name, value in news.items() if pulumi.contains_unknowns(value))
        known = self._inputs({name: value for name, value in news.items() if name not in unknown})
        return changes(self.kind, self._inputs(olds), known, unknown)

    def _resolve(self, inputs: Bag, pending: list[tuple[str, Any, str]]) -> Resolved:
        resolved: Resolved = {}
        for name, reference, value in pending:
            key = look_up(self.client, reference.lookup, value, f"{name} of {self.label(inputs)}")
            resolved.setdefault(name, {})[value] = key
        return resolved

    def _take_over(
        self, found: Bag, inputs: Bag, resolved: Resolved, body: Bag, props: Mapping[str, Json]
    ) -> CreateResult:
        label, adopt = self.label(inputs), props.get("adopt") is True
        if reason := self.untouchable(found, {**inputs, **{flag: props.get(flag) for flag in self.flags}}):
            raise Conflict(f"cannot create {label}: {reason}. Nothing was written.")
        refuse_strangers(label, found, inputs)
        seen = observed(self.kind, inputs, resolved, found)
        differ = differing(self.kind.fields, inputs, seen)
        if not (adopt or is_ours(found, inputs) or self.unfinished(found, inputs)):
            refuse_different(self.kind, label, seen, inputs, differ)
        if adopt:
            tell_adopted(self.kind, label, seen, inputs, differ)
        if self.kind.born:
            self.remove(found)
            return self._made(self.make(inputs, dict(body)), inputs, resolved)
        if differ:
            whole = self.kind.whole
            only = wire(self.kind, self.whole(inputs, found), resolved, None if whole else differ)
            answer = self._write(self.path(found), only, inputs)
        else:
            answer = found
        result = self._made(answer, inputs, resolved)
        taken = take(self.kind.path, result.id)
        if adopt:  # even if it is ours: a killed run may have adopted it, and to keep too much does least harm
            had = of_older(self.kind, found)
            kept = {name: had.get(name) for name in differ}
            taken["adopted"] = json.dumps(kept, sort_keys=True)
        return CreateResult(result.id, {**(result.outs or {}), **taken})

    def _write(self, path: str, body: Bag, olds: Mapping[str, Json]) -> Bag:
        call = self.call("update", olds, "change")
        try:
            with self.writing(olds):
                return self.client.put(path, body, call) if self.kind.whole else self.client.patch(path, body, call)
        except NotFound:
            raise self._gone(call) from None
        except Refused:
            self.client.warn_of_version()  # it may be why
            raise

    def _made(self, answer: Bag, inputs: Bag, resolved: Resolved) -> CreateResult:
        return CreateResult(str(answer["pk"]), self._outs(answer, inputs, resolved))

    def _outs(self, answer: Bag, inputs: Bag, resolved: Resolved) -> Bag:
        return {**inputs, **computed(self.kind, answer), **({"resolved": resolved} if resolved else {})}
