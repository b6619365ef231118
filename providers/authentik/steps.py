"""The steps of an object's life, which a kind whose API is not like the others overrides."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from providers.authentik.connection import Connected
from providers.authentik.errors import AuthentikError, Call, Forbidden, NotFound, Refused
from providers.authentik.fields import Json
from providers.authentik.kind import Bag, Kind, Resolved, for_older
from providers.authentik.ownership import Standing


class Steps(Connected):
    """What the life of an object of a Kind is made of."""

    kind: ClassVar[Kind]
    flags: ClassVar[Mapping[str, type]] = {"adopt": bool}
    """Inputs that say how to go about it, bool, str or list, and nothing of the object's own."""

    def untimely(self, olds: Mapping[str, Json], inputs: Bag) -> list[tuple[str, str]]:
        """(field, reason) for what is wrong now, beside the inputs that the stack has: none for a new object."""
        return []

    def label(self, bag: Mapping[str, Json]) -> str:
        """What messages call this object."""
        return self.kind.label(bag)

    def standing(self, inputs: Bag, resolved: Resolved, body: Bag) -> Bag | None:
        """An object in our place that the server would not tell of; asked before the first POST, whose body it is."""
        return None

    def make(self, inputs: Bag, body: Bag) -> Bag:
        """Make the object and answer it as the server does. Raises Refused, AnswerLost."""
        return self.client.post(self.kind.path, body, self.call("create", inputs, "add"))

    def find(self, inputs: Bag, resolved: Resolved) -> Bag | None:
        """The object with the same natural key, or None."""
        title, call = inputs[self.kind.title], self.call("find", inputs, "view")
        if not self.kind.find:
            try:
                return self.client.get(f"{self.kind.path}{title}/", call)
            except NotFound:
                return None
        found = self.client.find(self.kind.path, {self.kind.find: str(title)}, call)
        return next((each for each in found if each[self.kind.title] == title), None)

    def make_again(self, found: Bag, inputs: Bag, body: Bag) -> Bag:
        """Make the object in the place of what stands there, under another primary key."""
        self.remove(found)
        return self.make(inputs, body)

    def explained(self, refused: Refused, inputs: Bag) -> AuthentikError:
        """A refusal to make what no object of its name stands in the way of, with what can be found out about it."""
        return refused

    def unfinished(self, found: Bag, inputs: Bag) -> bool:
        """Whether an object is one that we left half made."""
        return False

    def must_delete_first(self, olds: Mapping[str, Json], news: Mapping[str, Json], changed: list[str]) -> bool:
        """Whether a replacement would meet the object that it replaces: two of one name cannot stand side by side."""
        return self.kind.title not in changed

    def judge(self, found: Bag, inputs: Bag) -> Standing:
        """What keeps a found object from being taken over. inputs: with the flags."""
        return Standing()

    def live(self, id_: str, props: Mapping[str, Json]) -> Bag | None:
        """The object as it is now, or None if it is gone."""
        return self._same(id_, props)

    def moved(self, id_: str, props: Mapping[str, Json]) -> Bag | None:
        """The object, where its address was changed behind our back."""
        return None

    def whole(self, inputs: Bag, olds: Mapping[str, Json]) -> Bag:
        """The inputs of an update, with what a whole body needs besides."""
        return inputs

    def remove(self, props: Mapping[str, Json]) -> None:
        """Delete the object; one that is gone already is fine."""
        with suppress(NotFound), self.writing(props):
            self.client.delete(self.path(props), self.call("delete", props, "delete"))

    def give_back(self, found: Bag, props: Mapping[str, Json]) -> None:
        """Leave an adopted object as it was found; one that is gone is left alone."""
        always = {name: props[name] for name in self.kind.always if name in props}
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
        return f"{self.kind.path}{plain(outs[self.kind.address])}/"

    def check_sight(self, bag: Mapping[str, Json]) -> None:
        """Raise AuthentikError where our token may not see objects of this kind: whatever there is seems gone."""
        self.client.check_sight(self.kind.path, self.call("read", bag, "view"))

    @contextmanager
    def writing(self, bag: Mapping[str, Json]) -> Iterator[None]:
        """A write to an object that our token cannot even see fails by that reason, whatever the server says."""
        try:
            yield
        except (NotFound, Forbidden):
            self.check_sight(bag)
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
            self.check_sight(props)
            answer = None
        if self.kind.address != "pk" and (answer is None or str(answer["pk"]) != id_):
            answer = self.moved(id_, props)
        return answer if answer is not None and str(answer["pk"]) == id_ else None


def plain(value: Json) -> Json:
    """A value as it was before it crossed the wire to the host, where every number is a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value
