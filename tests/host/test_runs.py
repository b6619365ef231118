"""Any sequence of runs, each in a process of its own, leaves what the last one that succeeded declares.

The engine's part is played here, by its rules: replacements before or after the delete of what they replace, former
resources deleted at the end of a run or, where it failed before that, of the next one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .conftest import QUICK, Authentik, Make, of_kind
from .engine import Host, HostError, Props, Resource
from .samples import sample
from .test_lifecycle import KINDS, without_none
from .test_taking_over import ADOPTED, object_now

End = Literal["good", "fails before the deletes", "killed while it makes", "fails while it replaces"]
ENDS: tuple[End, ...] = ("good", "fails before the deletes", "killed while it makes", "fails while it replaces")
CHANGING = {"Group": "attributes", "PolicyBinding": "timeout", "OutpostAttachment": ""}
ONE_PLACE = ("OutpostAttachment",)
"""The kinds whose objects cannot say whose they are and cannot be made again: a renamed resource needs an alias."""
MARKED = ("Group", "User", "ServiceAccount")
"""The kinds whose objects say whose they are: another resource is refused them."""


@dataclass(frozen=True)
class Run:
    """One `pulumi up`. name: that of the one resource in the program; replace: as by --replace."""

    name: Literal["former", "latter"]
    changed: bool
    replace: bool
    end: End


class Failed(Exception):
    """The run ended early, for a reason that has nothing to do with this resource."""


@dataclass
class Stack:
    """The state of a stack whose program has one resource of a kind, and the engine's part of its runs."""

    kind: str
    authentik: Authentik
    state: dict[str, Resource] = field(default_factory=dict)
    condemned: list[Resource] = field(default_factory=list)
    """Former resources that are to be deleted yet."""

    def up(self, run: Run, bag: Props) -> bool:
        """Run it; answers whether it succeeded."""
        with self._process() as host:
            try:
                self._register(host, run, bag)
                if run.end == "fails before the deletes":
                    return False
                self._delete(host, [*self.condemned, *(self.state[name] for name in {*self.state} - {run.name})])
            except (Failed, HostError):
                return False
            self.condemned, self.state = [], {run.name: self.state[run.name]}
            return True

    def destroy(self) -> None:
        """`pulumi destroy`."""
        with self._process() as host:
            self._delete(host, [*self.condemned, *self.state.values()])
            self.condemned, self.state = [], {}

    def _register(self, host: Host, run: Run, bag: Props) -> None:
        made, old = of_kind(host, self.kind), self.state.get(run.name)
        if old is None:
            made.create(bag)
            if run.end == "killed while it makes":
                raise Failed
            self.state[run.name] = made
            return
        now = self._at(host, old)
        changes, replaces, first = now.diff(bag)
        if not (replaces or run.replace):
            if changes:
                now.update(bag)
            self.state[run.name] = now
            return
        if first:
            now.delete()
            del self.state[run.name]
            if run.end == "fails while it replaces":
                raise Failed
        made.create(bag)
        if run.end == "killed while it makes":
            raise Failed
        if not first:
            self.condemned.append(old)
        self.state[run.name] = made

    def _delete(self, host: Host, former: list[Resource]) -> None:
        for each in former:
            self._at(host, each).delete()

    def _at(self, host: Host, each: Resource) -> Resource:
        now = of_kind(host, self.kind)
        now.id, now.outs = each.id, each.outs
        return now

    @contextmanager
    def _process(self) -> Iterator[Host]:
        token = self.authentik.least_token
        with Host({"authentik:url": self.authentik.url} | QUICK, {"AUTHENTIK_TOKEN": token}) as host:
            yield host


def there(authentik: Authentik, kind: str, declared: Props) -> list[Any]:
    """The primary keys of the objects that stand where the declared one does."""
    if kind == "OutpostAttachment":
        (outpost,) = authentik.call("GET", f"/outposts/instances/?name__iexact={declared['outpost']}")["results"]
        return [each for each in outpost["providers"] if each == int(declared["provider"])]
    if kind == "PolicyBinding":
        listed = authentik.call("GET", f"/policies/bindings/?target={declared['target']}")["results"]
        return [each["pk"] for each in listed]
    title = KINDS[kind].name_field
    listed = authentik.call("GET", f"{KINDS[kind].path}?page_size=1000&superuser_full_list=true")["results"]
    return [each["pk"] for each in listed if each[title] == declared[title]]


def program(authentik: Authentik, kind: str) -> tuple[Props, Props]:
    """What is declared of one object, and what another version of the program declares of it."""
    each = sample(authentik, kind)
    name = CHANGING.get(kind, "name")
    if kind == "OutpostAttachment":
        return each.declared, each.declared | {"application": each.other["application"]}
    if kind in ("OAuth2Provider", "ProxyProvider"):
        name = "access_token_validity"
    return each.declared, each.declared | {name: each.other[name]}


def marked(kind: str, bag: Props, name: str) -> Props:
    """A declaration with the mark that the resource of that name gives it."""
    if kind not in MARKED:
        return bag
    return bag | {"attributes": bag["attributes"] | {"pulumi": f"immich/test/{name}"}}


RUNS = st.lists(
    st.builds(Run, st.sampled_from(["former", "latter"]), st.booleans(), st.booleans(), st.sampled_from(ENDS)),
    min_size=1,
    max_size=4,
)
FAILED_HAND_OVER = [
    Run("former", False, False, "good"),
    Run("latter", False, False, "fails before the deletes"),
    Run("latter", False, False, "good"),
]
REPLACED = [Run("former", False, False, "good"), Run("former", False, True, "fails while it replaces")]
REPLACED += [Run("former", True, False, "good"), Run("former", True, True, "good")]
KILLED = [Run("former", False, False, "killed while it makes"), Run("former", True, False, "killed while it makes")]
KILLED += [Run("former", False, False, "good"), Run("former", False, True, "fails before the deletes")]
KILLED += [Run("former", False, False, "good")]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS)
@example(runs=FAILED_HAND_OVER)
@example(runs=REPLACED)
@example(runs=KILLED)
def test_any_runs_leave_what_the_last_good_one_declares_and_a_destroy_leaves_nothing(
    kind: str, runs: list[Run], authentik: Authentik, resource: Make
) -> None:
    bags, stack = program(authentik, kind), Stack(kind, authentik)
    for run in runs:
        name: Literal["former", "latter"] = "former" if kind in ONE_PLACE else run.name
        bag = marked(kind, bags[run.changed], name)
        id_ = stack.state[name].id if name in stack.state else ""
        if not stack.up(Run(name, run.changed, run.replace, run.end), bag):
            continue
        made, now = stack.state[name], resource(kind)
        assert len(there(authentik, kind, bag)) == 1
        now.id, now.outs = made.id, made.outs
        assert now.refresh()
        assert now.up(bag) == "same"
        assert made.id != id_ or not run.replace or kind in ONE_PLACE
    stack.destroy()
    if not stack_was_killed(runs):
        assert there(authentik, kind, bags[0]) == []


def stack_was_killed(runs: list[Run]) -> bool:
    """Whether the last runs left an object that no state knows, which the next `up` and not a destroy finds."""
    return any(run.end == "killed while it makes" for run in runs)


@pytest.mark.parametrize("kind", ADOPTED)
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=st.lists(st.sampled_from(["good", "fails before the deletes"]), min_size=1, max_size=3))
def test_what_was_adopted_is_given_back_as_it_was_found_however_the_runs_went(
    kind: str, ends: list[End], authentik: Authentik, resource: Make
) -> None:
    declared, stack, by_hand = sample(authentik, kind).declared, Stack(kind, authentik), resource(kind)
    by_hand.create(without_none(declared | ADOPTED[kind]))
    found = object_now(authentik, kind, by_hand.outs)
    for end in (*ends, "good"):
        stack.up(Run("former", False, False, end), declared | {"adopt": True})
    outs = stack.state["former"].outs
    stack.destroy()
    assert object_now(authentik, kind, outs) == found
    assert len(there(authentik, kind, declared)) == 1
