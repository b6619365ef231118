"""Shutting a group out never lets anybody in: over random applications, bindings, memberships and both modes.

Who may enter is decided by the stand-in's rules, which the recordings hold (tests/contract/test_access.py).
"""

from itertools import chain, combinations, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.authentik.access import Visitor, may_enter
from providers.authentik.closing import is_ours, next_step

PHONES = "phones"
OTHERS = ["people", "admins"]
Binding = dict[str, Any]
MODES = st.sampled_from(["any", "all"])
NOTHING: Binding = {"group": None, "user": None, "policy": None}
BOUND = st.sampled_from([*({"group": each} for each in (PHONES, *OTHERS)), {"user": 1}, {"user": 2}, {"policy": "p"}])
BINDINGS = st.builds(
    lambda bound, flags: NOTHING | bound | flags,
    BOUND,
    st.fixed_dictionaries({name: st.booleans() for name in ("negate", "enabled", "failure_result")}),
)
OURS = NOTHING | {"group": PHONES, "negate": True, "enabled": True, "failure_result": False}
LISTS = st.builds(
    lambda ours, others: [*ours, *others],
    st.lists(st.sampled_from([OURS, OURS | {"enabled": False}]), max_size=2),
    st.lists(BINDINGS, max_size=3),
)
MANY = settings(max_examples=500)
VISITORS = [
    Visitor(pk, frozenset(groups))
    for pk in (1, 2, 3)
    for groups in chain.from_iterable(combinations([PHONES, *OTHERS], size) for size in range(4))
]
PHONE = Visitor(9, frozenset([PHONES]))


def entering(mode: str, bindings: list[Binding]) -> set[Visitor]:
    return {each for each in (*VISITORS, PHONE) if may_enter(each, mode, bindings)}


def entered(mode: str, bindings: list[Binding]) -> bool:
    return may_enter(PHONE, mode, bindings)


def after(step: str, bindings: list[Binding]) -> list[list[Binding]]:
    """The bindings after each call that a step is made of."""
    if step == "bind":
        return [[*bindings, OURS]]
    told = [bindings]
    ours = [index for index, each in enumerate(bindings) if is_ours(each, PHONES)]
    if step == "single":
        ours.remove(next(index for index in ours if bindings[index]["enabled"]))
    for index in reversed(ours):
        now = list(told[-1])
        now[index : index + 1] = [OURS] if step == "enable" else []
        told.append(now)
    return told[1:]


def steps(mode: str, bindings: list[Binding]) -> list[list[Binding]]:
    """What the bindings become, call by call, until there is nothing left to do."""
    told = [bindings]
    for _ in range(4):
        step = next_step(mode, told[-1], PHONES, entered=entered(mode, told[-1]))
        if step is None:
            return told
        told += after(step, told[-1])
    raise AssertionError("it does not come to an end")


@MANY
@given(MODES, LISTS)
def test_no_call_lets_anybody_in_who_was_kept_out_before(mode: str, bindings: list[Binding]) -> None:
    told = steps(mode, bindings)
    for before, now in pairwise(told):
        assert entering(mode, now) <= entering(mode, before)


@MANY
@given(MODES, LISTS)
def test_bindings_of_others_stay_as_they_are(mode: str, bindings: list[Binding]) -> None:
    others = [each for each in bindings if not is_ours(each, PHONES)]
    for now in steps(mode, bindings):
        assert [each for each in now if not is_ours(each, PHONES)] == others


@MANY
@given(MODES, LISTS)
def test_in_the_end_what_nothing_else_is_bound_to_is_shut_for_phones_and_open_for_everybody_else(
    mode: str, bindings: list[Binding]
) -> None:
    last = steps(mode, bindings)[-1]
    if all(is_ours(each, PHONES) for each in last):
        assert entering(mode, last) == {each for each in VISITORS if PHONES not in each.groups}


@MANY
@given(MODES, LISTS)
def test_in_the_end_no_binding_of_ours_lets_anybody_in(mode: str, bindings: list[Binding]) -> None:
    last = steps(mode, bindings)[-1]
    without = [each for each in last if not is_ours(each, PHONES)]
    assert entering(mode, last) <= entering(mode, without)


@given(LISTS, st.booleans())
def test_where_the_mode_is_not_known_nothing_that_takes_effect_is_taken_away(
    bindings: list[Binding], there: bool
) -> None:
    enabled = any(is_ours(each, PHONES) and each["enabled"] for each in bindings)
    step = next_step(None, bindings, PHONES, entered=there)
    assert not (step == "remove" and enabled)


@MANY
@given(MODES, LISTS)
def test_what_no_account_enters_is_never_bound(mode: str, bindings: list[Binding]) -> None:
    assert next_step(mode, bindings, PHONES, entered=False) != "bind"


@MANY
@given(MODES, LISTS)
def test_nothing_of_ours_is_added_beside_a_binding_of_somebody_elses_not_even_a_disabled_one(
    mode: str, bindings: list[Binding]
) -> None:
    if any(not is_ours(each, PHONES) for each in bindings):
        assert next_step(mode, bindings, PHONES, entered=True) in (None, "remove", "single")


@MANY
@given(MODES, LISTS)
def test_in_the_end_one_binding_of_ours_at_the_most_takes_effect(mode: str, bindings: list[Binding]) -> None:
    assert sum(is_ours(each, PHONES) and each["enabled"] for each in steps(mode, bindings)[-1]) <= 1
