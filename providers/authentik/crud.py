"""AuthentikProvider: the life of an object of any Kind, written once."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, ClassVar

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)

from providers.arguments import Bag
from providers.authentik.adoption import (
    Assessment,
    bears_our_mark,
    has_mark,
    refuse_different,
    refuse_in_use,
    refuse_others,
    report_adopted,
)
from providers.authentik.api.configured import Configured
from providers.authentik.api.errors import AnswerLost, AuthentikError, Call, Conflict, Forbidden, NotFound, Refused
from providers.authentik.api.queries import find_by_name
from providers.authentik.api.together import together
from providers.authentik.model.kind import Kind, Resolved, computed, for_older, names, observed, of_older, wire
from providers.authentik.this_run import THIS_RUN
from providers.check import check, unknowns
from providers.errors import brief
from providers.fields import Json, differing

_ATTEMPTS = 3


class AuthentikProvider(Configured):
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

    kind: ClassVar[Kind]

    # What the engine asks for ---------------------------------------------------------------------------------------

    @brief
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        self.declared = True
        result = check(self.kind, news)
        unknown = unknowns(result.inputs)
        known = {name: value for name, value in result.inputs.items() if name not in unknown}
        failures = [] if result.failures else self.check_against_state(olds, known)
        result.failures += [CheckFailure(name, f"{name}: {reason}") for name, reason in failures]
        return result

    @brief
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        changed = self._changes(olds, news)
        replaces = [name for name in changed if self.kind.fields[name].replaces]
        first = self.must_delete_first(olds, news, changed)
        return DiffResult(changes=bool(changed), replaces=replaces, delete_before_replace=first)

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        made = self._create(props)
        return CreateResult(made.id, {**self._options(props), **(made.outs or {})})

    def _create(self, props: dict[str, Any]) -> CreateResult:
        inputs = self._inputs(props)
        resolved = self._resolve(inputs, props, names(self.kind, inputs))
        body = wire(self.kind, inputs, resolved)
        found = self.find_before_create(inputs, resolved, body)
        lost = 0
        while True:
            try:
                if found is not None:
                    return self._take_over(found, inputs, resolved, body, props)
                return self._made(self.make(inputs, dict(body)), inputs, resolved)
            except AnswerLost:
                one_more_each_time = found is not None and self.kind.allows_duplicates
                if lost == _ATTEMPTS or one_more_each_time:
                    raise
                lost += 1
                found = self.find(inputs, resolved)
                if found is None and lost == _ATTEMPTS:
                    raise
            except Refused as refused:  # how a server words a conflict differs by version
                if found is not None:
                    raise
                if self._is_of_the_body(refused, body):
                    self.client.warn_of_version()  # it may be why
                    raise
                found = self.find(inputs, resolved)
                if found is None:
                    self.client.warn_of_version()
                    raise self.explain_refusal(refused, inputs) from None

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        olds = self._inputs(props)
        answer = self.fetch(id_, props)
        if answer is None:
            return ReadResult("", {})
        resolved = plain(props.get("resolved") or {})
        seen = observed(self.kind, olds, resolved, answer)
        kept = {name: value for name, value in props.items() if name not in self.kind.fields and name != "__provider"}
        for name in differing(self.kind.fields, olds, seen):
            resolved.pop(name, None)  # its names may stand for other objects by now
        kept |= {"resolved": resolved} if "resolved" in kept else {}
        return ReadResult(id_, {**kept, **seen, **computed(self.kind, answer)}, {**self._options(props), **seen})

    @brief
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        inputs = self._inputs(news)
        changed = self._changes(olds, news)
        known = plain(olds.get("resolved") or {})
        wanted = names(self.kind, inputs)
        resolved = self._resolve(inputs, news, [each for each in wanted if each[2] not in known.get(each[0], {})])
        for name, _, value in wanted:
            resolved.setdefault(name, {}).setdefault(value, known.get(name, {}).get(value))
        body = wire(self.kind, self.full_body(inputs, olds), resolved, None if self.kind.whole_body else changed)
        carried: Bag = {}
        if "adopted" in olds:  # what we change from now on is given back, too
            found = of_older(self.kind, self._same(id_, olds) or {})
            kept = {name: found.get(name) for name in changed} | json.loads(olds["adopted"])
            carried["adopted"] = json.dumps(kept, sort_keys=True)
        answer = self._write(self._address(id_, olds), body, olds)
        outs = self._outs(answer, inputs, resolved)
        carried |= {name: olds[name] for name in self.kind.computed if name in olds and name not in outs}
        return UpdateResult({**self._options(news), **carried, **outs})

    @brief
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        adopted = json.loads(props.get("adopted", "null"))
        if adopted == {}:
            return
        now = props if self.kind.url_key == "pk" else self._same(id_, props)
        if now is not None and adopted:
            self.restore(adopted, now)
        elif now is not None:
            self.remove(now)

    # What a kind whose API is not like the others overrides ----------------------------------------------------------

    def check_against_state(self, olds: Mapping[str, Json], inputs: Bag) -> list[tuple[str, str]]:
        """(field, reason) for what is wrong now, beside the inputs that the stack has: none for a new object."""
        return []

    def label(self, bag: Mapping[str, Json]) -> str:
        """What messages call this object."""
        return self.kind.label(bag)

    def find_before_create(self, inputs: Bag, resolved: Resolved, body: Bag) -> Bag | None:
        """An object in our place that the server would not tell of; asked before the first POST, whose body it is."""
        return None

    def make(self, inputs: Bag, body: Bag) -> Bag:
        """Make the object and answer it as the server does. Raises Refused, AnswerLost."""
        return self.client.post(self.kind.path, body, self.call("create", inputs, "add"))

    def find(self, inputs: Bag, resolved: Resolved) -> Bag | None:
        """The object with the same natural key, or None."""
        title, call = inputs[self.kind.name_field], self.call("find", inputs, "view")
        if not self.kind.lookup_param:
            try:
                return self.client.get(f"{self.kind.path}{title}/", call)
            except NotFound:
                return None
        found = self.client.find(self.kind.path, {self.kind.lookup_param: str(title)}, call)
        return next((each for each in found if each[self.kind.name_field] == title), None)

    def recreate(self, found: Bag, inputs: Bag, body: Bag) -> Bag:
        """Make the object in the place of what stands there, under another primary key."""
        self.remove(found)
        return self.make(inputs, body)

    def explain_refusal(self, refused: Refused, inputs: Bag) -> AuthentikError:
        """A refusal to make what no object of its name stands in the way of, with what can be found out about it."""
        return refused

    def must_delete_first(self, olds: Mapping[str, Json], news: Mapping[str, Json], changed: list[str]) -> bool:
        """Whether a replacement would meet the object that it replaces: two of one name cannot stand side by side."""
        return self.kind.name_field not in changed

    def check_reference(self, name: str, found: Bag, props: Mapping[str, Json]) -> None:
        """Raise AuthentikError, before anything is written, for an object that a field must not name."""

    def assess(self, found: Bag, inputs: Bag) -> Assessment:
        """What keeps a found object from being taken over. inputs: with the options."""
        return Assessment()

    def fetch(self, id_: str, props: Mapping[str, Json]) -> Bag | None:
        """The object as it is now, or None if it is gone."""
        return self._same(id_, props)

    def find_moved(self, id_: str, props: Mapping[str, Json]) -> Bag | None:
        """The object, where its address was changed behind our back."""
        return None

    def full_body(self, inputs: Bag, olds: Mapping[str, Json]) -> Bag:
        """The inputs of an update, with what a whole body needs besides."""
        return inputs

    def remove(self, props: Mapping[str, Json]) -> None:
        """Delete the object; one that is gone already is fine."""
        with suppress(NotFound), self.writing(props):
            self.client.delete(self.path(props), self.call("delete", props, "delete"))

    def restore(self, found: Bag, props: Mapping[str, Json]) -> None:
        """Leave an adopted object as it was found; one that is gone is left alone."""
        always = {name: props[name] for name in self.kind.sent_with_every_patch if name in props}
        try:
            body = for_older(self.kind, {**always, **found})
            self.client.patch(self.path(props), body, self.call("give back", props, "change"))
        except NotFound:
            return

    def call(self, verb: str, bag: Mapping[str, Json], right: Any) -> Call:
        """A call on this object in words."""
        return Call(f"{verb} {self.label(bag)}", self.kind.right(right))

    def path(self, outs: Mapping[str, Json]) -> str:
        """The URL path of an object from its state."""
        return f"{self.kind.path}{plain(outs[self.kind.url_key])}/"

    def check_visibility(self, bag: Mapping[str, Json]) -> None:
        """Raise AuthentikError where our token may not see objects of this kind: whatever there is seems gone."""
        self.client.check_visibility(self.kind.path, self.call("read", bag, "view"))

    @contextmanager
    def writing(self, bag: Mapping[str, Json]) -> Iterator[None]:
        """A write to an object that our token cannot even see fails by that reason, whatever the server says."""
        try:
            yield
        except (NotFound, Forbidden):
            self.check_visibility(bag)
            raise

    def undo(self, made: Bag, failure: AuthentikError) -> AuthentikError:
        """Remove what was half made; the answer is the failure to raise, with what could not be undone."""
        try:
            self.remove(made)
        except AuthentikError as error:
            return AuthentikError(f"{failure} Besides, what was made already is still there: {error}")
        return failure

    def _same(self, id_: str, props: Mapping[str, Json]) -> Bag | None:
        """The object of that primary key, by its address or where it has moved to."""
        call = self.call("read", props, "view")
        answer: Bag | None
        try:
            answer = self.client.get(self.path(props), call)
        except NotFound:
            self.check_visibility(props)
            answer = None
        if self.kind.url_key != "pk" and (answer is None or str(answer["pk"]) != id_):
            answer = self.find_moved(id_, props)
        return answer if answer is not None and str(answer["pk"]) == id_ else None

    # ----------------------------------------------------------------------------------------------------------------

    def _address(self, id_: str, props: Mapping[str, Json]) -> str:
        """The path to write to; an address that anybody may give to another object is looked at first."""
        now = props if self.kind.url_key == "pk" else self._same(id_, props)
        if now is None:
            raise self._gone(self.call("update", props, "change"))
        return self.path(now)

    def _gone(self, call: Call) -> AuthentikError:
        return AuthentikError(f"cannot {call.doing}: it is gone from Authentik. Run: pulumi up --refresh")

    def _inputs(self, props: Mapping[str, Json]) -> Bag:
        return {name: plain(value) for name, value in props.items() if name in self.kind.fields and value is not None}

    def _declared(self, props: Mapping[str, Json]) -> Bag:
        """The arguments in inputs or state, options included; without those a refresh would show them as gone."""
        return {**self._options(props), **self._inputs(props)}

    def _options(self, props: Mapping[str, Json]) -> Bag:
        return {name: props[name] for name in self.kind.options if name in props}

    def _changes(self, olds: Mapping[str, Json], news: Mapping[str, Json]) -> list[str]:
        unknown = unknowns(news)
        known = self._inputs({name: value for name, value in news.items() if name not in unknown})
        return self.kind.changes(self._inputs(olds), known, unknown)

    def _resolve(self, inputs: Bag, props: Mapping[str, Json], pending: list[tuple[str, Any, str]]) -> Resolved:
        resolved: Resolved = {}
        looked_up = together(
            [
                partial(find_by_name, self.client, reference.lookup, value, f"{name} of {self.label(inputs)}")
                for name, reference, value in pending
            ]
        )
        for (name, _, value), found in zip(pending, looked_up, strict=True):
            self.check_reference(name, found, props)
            resolved.setdefault(name, {})[value] = found["pk"]
        return resolved

    def _is_of_the_body(self, refused: Refused, body: Bag) -> bool:
        """Whether a refusal names fields that were sent, and not the one that another object may have already."""
        named = refused.fields.keys() & body.keys()
        return bool(named) and self.kind.name_field not in named

    def _take_over(
        self, found: Bag, inputs: Bag, resolved: Resolved, body: Bag, props: Mapping[str, Json]
    ) -> CreateResult:
        label, adopt = self.label(inputs), props.get("adopt") is True
        assessment = self.assess(found, {**inputs, **self._options(props)})
        if assessment.why_not_adoptable:
            raise Conflict(f"cannot create {label}: {assessment.why_not_adoptable}. Nothing was written.")
        refuse_others(label, found, inputs)
        seen = observed(self.kind, inputs, resolved, found)
        differ = differing(self.kind.fields, inputs, seen)
        marked = bears_our_mark(found, inputs)
        if not (adopt or marked or assessment.of_this_stack):
            refuse_different(self.kind, label, seen, inputs, differ, self.named("adopt"))
            if assessment.used_by or has_mark(self.kind):
                raise refuse_in_use(label, assessment.used_by, self.named("adopt"))
        if adopt:
            report_adopted(self.kind, label, seen, inputs, differ)
        if again := self.kind.recreate_on_adopt or self.kind.allows_duplicates or not (adopt or marked):
            answer = self.recreate(found, inputs, dict(body))
        elif differ:
            whole = self.kind.whole_body
            only = wire(self.kind, self.full_body(inputs, found), resolved, None if whole else differ)
            answer = self._write(self.path(found), only, inputs)
        else:
            answer = found
        result = self._made(answer, inputs, resolved) if again else self._kept(answer, inputs, resolved)
        # Even with our mark: a killed run may have adopted it, and keeping too much does the least harm.
        if adopt and not self.kind.recreate_on_adopt:
            had = of_older(self.kind, found)
            adopted = json.dumps({name: had.get(name) for name in differ}, sort_keys=True)
            result.outs = {**(result.outs or {}), "adopted": adopted}
        return result

    def _write(self, path: str, body: Bag, olds: Mapping[str, Json]) -> Bag:
        call = self.call("update", olds, "change")
        try:
            with self.writing(olds):
                send = self.client.put if self.kind.whole_body else self.client.patch
                return send(path, body, call)
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


def plain(value: Json) -> Json:
    """A value as it was before it crossed the wire to the host, where every number is a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value
