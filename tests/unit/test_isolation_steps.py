"""Shutting a group out never lets anybody in: over random applications, bindings, memberships, marks and both modes.

Who may enter is decided by the stand-in's rules, which the recordings hold (tests/contract/test_access.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.authentik.access import Visitor, may_enter
from providers.authentik.isolation_steps import (
    MARK,
    MODES,
    Step,
    fields_of,
    is_marked,
    is_ours,
    last_step,
    next_step,
    ours_of,
)

PHONES = "phones"
OTHERS = ["people", "admins"]
Binding = dict[str, Any]
NOTHING: Binding = {"group": None, "user": None, "policy": None}
OURS = NOTHING | {"group": PHONES, "negate": True, "enabled": True, "failure_result": False, "order": 0}
VISITORS = [
    Visitor(pk, frozenset(groups))
    for pk in (1, 3)
    for groups in chain.from_iterable(combinations([PHONES, *OTHERS], size) for size in range(4))
]
PHONE = Visitor(9, frozenset([PHONES]))
EVERYBODY = {*VISITORS, PHONE}


@dataclass(frozen=True)
class State:
    """An application as it stands on the server."""

    mode: str
    bindings: list[Binding]
    lax: bool = False  # as on 2025.8 to 2026.2

    @property
    def ours(self) -> list[Binding]:
        return [each for each in self.bindings if is_ours(each, PHONES)]

    @property
    def others(self) -> list[Binding]:
        return [each for each in self.bindings if not is_ours(each, PHONES)]

    @cached_property
    def entering(self) -> set[Visitor]:
        return {each for each in EVERYBODY if may_enter(each, self.mode, self.bindings, lax=self.lax)}

    @property
    def bound_by_others(self) -> bool:
        return any(each["enabled"] for each in self.others)

    @property
    def given_back(self) -> "State":
        """What it is without us: its mode is any where a binding of ours says that we changed it."""
        return replace(self, mode="any" if any(map(is_marked, self.ours)) else self.mode, bindings=self.others)

    def also(self, *bindings: Binding) -> "State":
        taken = len(self.bindings)
        return replace(self, bindings=self.bindings + [{"pk": taken + n} | each for n, each in enumerate(bindings)])


@dataclass(frozen=True)
class Call:
    """What a step made of a state."""

    before: State
    step: Step
    now: State


MODE = st.sampled_from(["any", "all"])
BOUND = st.sampled_from([*({"group": each} for each in (PHONES, *OTHERS)), {"user": 1}, {"user": 2}, {"policy": "p"}])
BINDINGS = st.builds(
    lambda bound, flags: NOTHING | bound | flags | {"order": 0},
    BOUND,
    st.fixed_dictionaries({name: st.booleans() for name in ("negate", "enabled", "failure_result")}),
)
THEIRS = BINDINGS.filter(lambda each: not is_ours(each, PHONES))
OF_OURS = st.builds(
    lambda enabled, order: OURS | {"enabled": enabled, "order": order}, st.booleans(), st.sampled_from([0, MARK])
)
STATES = st.builds(
    lambda mode, lax, ours, others: State(mode, [], lax).also(*ours, *others),
    MODE,
    st.booleans(),
    st.lists(OF_OURS, max_size=2),
    st.lists(BINDINGS, max_size=3),
)
UNTOUCHED = st.builds(
    lambda mode, lax, others: State(mode, [], lax).also(*others), MODE, st.booleans(), st.lists(THEIRS, max_size=2)
)
LATER = st.lists(
    st.builds(lambda group: NOTHING | {"group": group, "negate": False, "enabled": True, "order": 1},
              st.sampled_from(OTHERS)),
    min_size=1, max_size=2,
)  # fmt: skip
MANY = settings(max_examples=200)
STEPS = 10
"""More than it takes anywhere, with five bindings of ours."""


def taken(step: Step, state: State) -> State:
    """The state after the one call that a step is."""
    if step == "bind":
        return state.also(OURS | {"order": MARK if state.mode == "any" else 0})
    if step in MODES:
        return replace(state, mode=MODES[step])
    ours = ours_of(state.bindings, PHONES)
    if step in ("remove", "single"):
        return replace(state, bindings=[each for each in state.bindings if each["pk"] != ours[-1]["pk"]])
    written = {**ours[0], **fields_of(step, state.bindings)}
    return replace(state, bindings=[written if each["pk"] == ours[0]["pk"] else each for each in state.bindings])


def calls(state: State, following: Callable[[State], Step | None]) -> list[Call]:
    """All calls until there is nothing left to do."""
    made: list[Call] = []
    for _ in range(STEPS):
        step = following(state)
        if step is None:
            return made
        made.append(Call(state, step, taken(step, state)))
        state = made[-1].now
    raise AssertionError("it does not come to an end")


def closing(state: State) -> list[Call]:
    def following(state: State) -> Step | None:
        entered = PHONE in state.entering
        return next_step(state.mode, state.bindings, PHONES, entered=entered, all_must_hold=not state.lax)

    return calls(state, following)


def leaving(state: State, *, kept: bool = False) -> list[Call]:
    return calls(state, lambda state: last_step(state.mode, state.bindings, PHONES, kept=kept))


def end(state: State, made: list[Call]) -> State:
    return made[-1].now if made else state


def prefixes(state: State, made: list[Call]) -> list[State]:
    """Where a run that is killed may leave it."""
    return [state, *(each.now for each in made)]


@MANY
@given(STATES)
def test_no_call_lets_anybody_in_but_whom_the_bindings_of_others_let_in_in_the_mode_that_is_given_back(
    state: State,
) -> None:
    for call in closing(state):
        aside = call.step in ("disable", "reopen") and call.before.bound_by_others
        declared = call.before.given_back.entering if aside else set()
        assert call.now.entering <= call.before.entering | declared
        assert not aside or is_marked(call.before.ours[0])


@MANY
@given(STATES, st.booleans())
def test_no_call_of_giving_back_lets_anybody_in_but_who_enters_without_us(state: State, kept: bool) -> None:
    for call in leaving(state, kept=kept):
        assert call.now.entering <= call.before.entering | call.before.given_back.entering


@MANY
@given(MODE, st.lists(THEIRS, max_size=1), LATER)
def test_whoever_binds_a_closed_application_later_never_opens_it_to_everybody(
    mode: str, disabled: list[Binding], bindings: list[Binding]
) -> None:
    opened = State(mode, [])
    closed = end(opened, closing(opened)).also(*(each | {"enabled": False} for each in disabled))
    for later in (bindings[:1], bindings):
        bound = closed.also(*later)
        assert bound.entering == {each for each in State("all", later).entering if PHONES not in each.groups}
        let_in = State("any", later).entering
        assert all(each.entering <= let_in for each in prefixes(bound, closing(bound)))


@MANY
@given(UNTOUCHED, LATER)
def test_stepping_aside_gives_the_mode_back_and_leaves_what_others_bound(state: State, bindings: list[Binding]) -> None:
    for stopped in prefixes(state, closing(state)):
        bound = stopped.also(*bindings)
        last = end(bound, closing(bound))
        assert last.mode == state.mode
        assert last.others == bound.others
        assert not last.ours or (state.mode == "all" and not state.lax)


@MANY
@given(UNTOUCHED, st.lists(THEIRS, max_size=2))
def test_destroy_after_any_call_leaves_everything_as_it_was(state: State, bindings: list[Binding]) -> None:
    for stopped in prefixes(state, closing(state)):
        bound = stopped.also(*bindings)
        for again in prefixes(bound, closing(bound)):
            assert end(again, leaving(again)) == replace(state, bindings=again.others)


@MANY
@given(UNTOUCHED)
def test_a_destroy_that_is_killed_converges_whether_it_is_run_again_or_an_up(state: State) -> None:
    closed = end(state, closing(state))
    for stopped in prefixes(closed, leaving(closed)):
        assert end(stopped, leaving(stopped)) == state
        again = end(stopped, closing(stopped))
        assert (again.mode, again.entering) == (closed.mode, closed.entering)


@MANY
@given(MODE, st.lists(THEIRS, max_size=2))
def test_a_binding_that_was_found_stays_on_destroy_without_our_mark_and_with_its_mode(
    mode: str, bindings: list[Binding]
) -> None:
    found = State(mode, []).also(OURS)
    bound = end(found, closing(found)).also(*bindings)
    last = end(bound, leaving(bound, kept=True))
    assert last.mode == mode
    assert [is_marked(each) for each in last.ours] == [False]


@MANY
@given(STATES)
def test_bindings_of_others_stay_as_they_are(state: State) -> None:
    for call in closing(state) + leaving(state):
        assert call.now.others == state.others


@MANY
@given(STATES)
def test_in_the_end_what_nothing_else_is_bound_to_is_shut_for_phones_and_open_for_everybody_else(state: State) -> None:
    last = end(state, closing(state))
    if not last.others:
        assert last.entering == {each for each in EVERYBODY if PHONES not in each.groups}
        assert last.mode == "all"


@MANY
@given(STATES)
def test_in_the_end_no_binding_of_ours_lets_anybody_in(state: State) -> None:
    last = end(state, closing(state))
    assert last.entering <= replace(last, bindings=last.others).entering


@MANY
@given(UNTOUCHED)
def test_a_mode_all_that_was_found_is_never_changed(state: State) -> None:
    state = replace(state, mode="all")
    closed = end(state, closing(state))
    assert {call.now.mode for call in closing(state) + leaving(closed)} <= {"all"}
    assert not any(map(is_marked, closed.bindings))


@MANY
@given(STATES, st.booleans())
def test_where_the_mode_is_not_known_nothing_that_takes_effect_and_no_mark_is_taken_away(
    state: State, there: bool
) -> None:
    step = next_step(None, state.bindings, PHONES, entered=there)
    if step == "remove":
        assert not any(each["enabled"] or is_marked(each) for each in state.ours)
    assert step not in ("disable", *MODES)


@MANY
@given(STATES)
def test_what_no_account_enters_is_never_bound(state: State) -> None:
    assert next_step(state.mode, state.bindings, PHONES, entered=False) != "bind"


@MANY
@given(STATES)
def test_nothing_of_ours_is_added_beside_a_binding_of_somebody_elses_not_even_a_disabled_one(state: State) -> None:
    if state.others:
        assert len(end(state, closing(state)).ours) <= min(len(state.ours), 1)


@MANY
@given(STATES)
def test_no_step_writes_an_order_that_another_binding_has(state: State) -> None:
    """Newer servers refuse that (tests/contract: binding put)."""
    for call in closing(state) + leaving(state) + leaving(state, kept=True):
        if call.step in ("mark", "unmark"):
            orders = [each["order"] for each in call.now.bindings]
            assert orders.count(ours_of(call.now.bindings, PHONES)[0]["order"]) == 1
