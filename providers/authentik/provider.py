"""AuthentikProvider: the life of an object of any Kind, written once."""

import json
import uuid
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
from providers.authentik.ownership import (
    has_mark,
    is_ours,
    refuse_different,
    refuse_in_use,
    refuse_strangers,
    tell_adopted,
)
from providers.authentik.steps import Steps, plain
from providers.authentik.this_run import THIS_RUN
from providers.errors import brief

_ATTEMPTS = 3
_TYPES = {bool: "expected true or false", str: "expected a text", list: "expected a list"}


class AuthentikProvider(Steps):
    """Interprets a Kind. A subclass says which, and overrides a step where the API is not like the others.

    State of an object: its declared fields with their defaults, what the server computed, `resolved` (the keys of
    names), `written` (other than before after every write) and, where it was adopted, `adopted` (what it had in the
    fields that we changed, as JSON: a null in a bag would get lost on its way through the engine).

    Nothing that a process remembers decides what is written or deleted, for the run may end at any line and the delete
    of a former resource may come in the next one. So a replacement that would meet its predecessor is made after its
    delete, and what is taken over without `adopt` either bears the mark of this very resource or is made again: a
    former resource has another primary key in its state, and deletes nothing.
    """

    serialize_as_secret_always = False  # nothing secret is ever pickled: the token comes by configure

    # What the engine asks for ---------------------------------------------------------------------------------------

    @brief
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        self.declared = True
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
        first = self.must_delete_first(olds, news, changed)
        return DiffResult(changes=bool(changed), replaces=replaces, delete_before_replace=first)

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = self._inputs(props)
        resolved = self._resolve(inputs, names(self.kind, inputs))
        body = wire(self.kind, inputs, resolved)
        standing = self.standing(inputs, resolved, body)
        lost = 0
        while True:
            try:
                if standing is not None:
                    return self._take_over(standing, inputs, resolved, body, props)
                return self._made(self.make(inputs, dict(body)), inputs, resolved)
            except AnswerLost:
                if lost == _ATTEMPTS or (standing is not None and self.kind.twins):  # one more try leaves one more
                    raise
                lost += 1
                standing = self.find(inputs, resolved)
                if standing is None and lost == _ATTEMPTS:
                    raise
            except Refused as refused:  # how a server words a conflict differs by version
                if standing is not None:
                    raise
                if self._is_of_the_body(refused, body):
                    self.client.warn_of_version()  # it may be why
                    raise
                standing = self.find(inputs, resolved)
                if standing is None:
                    self.client.warn_of_version()
                    raise self.explained(refused, inputs) from None

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
        carried |= {name: olds[name] for name in self.kind.computed if name in olds and name not in outs}
        return UpdateResult({**carried, **outs})

    @brief
    def delete(self, id_: str, props: dict[str, Any]) -> None:
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

    def _is_of_the_body(self, refused: Refused, body: Bag) -> bool:
        """Whether a refusal names fields that were sent, and not the one that another object may have already."""
        named = refused.fields.keys() & body.keys()
        return bool(named) and self.kind.title not in named

    def _take_over(
        self, found: Bag, inputs: Bag, resolved: Resolved, body: Bag, props: Mapping[str, Json]
    ) -> CreateResult:
        label, adopt = self.label(inputs), props.get("adopt") is True
        standing = self.judge(found, {**inputs, **{flag: props.get(flag) for flag in self.flags}})
        if standing.untouchable:
            raise Conflict(f"cannot create {label}: {standing.untouchable}. Nothing was written.")
        refuse_strangers(label, found, inputs)
        seen = observed(self.kind, inputs, resolved, found)
        differ = differing(self.kind.fields, inputs, seen)
        marked, ours = is_ours(found, inputs), standing.of_this_stack or self.unfinished(found, inputs)
        if not (adopt or marked or ours):
            refuse_different(self.kind, label, seen, inputs, differ)
            if standing.used_by or has_mark(self.kind):
                raise refuse_in_use(label, standing.used_by)
        if adopt:
            tell_adopted(self.kind, label, seen, inputs, differ)
        if again := self.kind.born or self.kind.twins or not (adopt or marked):
            answer = self.make_again(found, inputs, dict(body))
        elif differ:
            whole = self.kind.whole
            only = wire(self.kind, self.whole(inputs, found), resolved, None if whole else differ)
            answer = self._write(self.path(found), only, inputs)
        else:
            answer = found
        result = self._made(answer, inputs, resolved) if again else self._kept(answer, inputs, resolved)
        # Even if it is ours: a killed run may have adopted it, and to keep too much does least harm.
        if adopt and not self.kind.born:
            had = of_older(self.kind, found)
            adopted = json.dumps({name: had.get(name) for name in differ}, sort_keys=True)
            result.outs = {**(result.outs or {}), "adopted": adopted}
        return result

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
        THIS_RUN.note(self.kind.path, answer["pk"])
        return self._kept(answer, inputs, resolved)

    def _kept(self, answer: Bag, inputs: Bag, resolved: Resolved) -> CreateResult:
        return CreateResult(str(answer["pk"]), self._outs(answer, inputs, resolved))

    def _outs(self, answer: Bag, inputs: Bag, resolved: Resolved) -> Bag:
        outs = {**inputs, **computed(self.kind, answer), **just_written()}
        return outs | ({"resolved": resolved} if resolved else {})


def just_written() -> Bag:
    """The output that is another one after each write: what must be done again after one stands on it."""
    return {"written": uuid.uuid4().hex}
