"""Who may enter an application, by the bindings that stand on it."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from lab.authentik.access import Visitor, may_enter, passes

GROUPS = ["phones", "people", "admins", "guests"]
MODES = st.sampled_from(["any", "all"])
Binding = dict[str, Any]


def bind(**columns: Any) -> Binding:
    nothing: Binding = {"group": None, "user": None, "policy": None}
    return nothing | {"negate": False, "enabled": True, "failure_result": False} | columns


VISITORS = st.builds(Visitor, pk=st.integers(1, 5), groups=st.frozensets(st.sampled_from(GROUPS)))
BINDINGS = st.builds(
    lambda bound, negate, enabled: bind(**bound, negate=negate, enabled=enabled),
    st.one_of(
        st.builds(lambda group: {"group": group}, st.sampled_from(GROUPS)),
        st.builds(lambda user: {"user": user}, st.integers(1, 5)),
        st.builds(lambda wrong: {"policy": "some", "failure_result": wrong}, st.booleans()),
    ),
    st.booleans(),
    st.booleans(),
)
LISTS = st.lists(BINDINGS, max_size=5)


@given(VISITORS, MODES)
def test_without_bindings_everyone_may_enter(visitor: Visitor, mode: str) -> None:
    assert may_enter(visitor, mode, [])


@given(VISITORS, MODES, LISTS)
def test_bindings_that_are_all_disabled_count_as_none(visitor: Visitor, mode: str, bindings: list[Binding]) -> None:
    assert may_enter(visitor, mode, [binding | {"enabled": False} for binding in bindings])


@given(VISITORS, MODES, LISTS)
def test_a_disabled_binding_changes_nothing(visitor: Visitor, mode: str, bindings: list[Binding]) -> None:
    enabled = [binding for binding in bindings if binding["enabled"]]
    assert may_enter(visitor, mode, bindings) == may_enter(visitor, mode, enabled)


@given(VISITORS, MODES, st.sampled_from(GROUPS))
def test_a_group_alone_lets_in_its_members_and_nobody_else(visitor: Visitor, mode: str, group: str) -> None:
    assert may_enter(visitor, mode, [bind(group=group)]) == (group in visitor.groups)


@given(VISITORS, MODES, st.sampled_from(GROUPS))
def test_a_negated_group_alone_shuts_out_that_group_alone(visitor: Visitor, mode: str, group: str) -> None:
    assert may_enter(visitor, mode, [bind(group=group, negate=True)]) == (group not in visitor.groups)


@given(VISITORS, LISTS, st.sampled_from(GROUPS))
def test_a_negated_group_beside_others_in_mode_any_lets_everyone_else_in(
    visitor: Visitor, bindings: list[Binding], group: str
) -> None:
    assume(group not in visitor.groups)
    assert may_enter(visitor, "any", [*bindings, bind(group=group, negate=True)])


@given(VISITORS, LISTS, st.sampled_from(GROUPS))
def test_a_negated_group_in_mode_all_shuts_it_out_whatever_else_is_bound(
    visitor: Visitor, bindings: list[Binding], group: str
) -> None:
    assume(group in visitor.groups)
    assert not may_enter(visitor, "all", [*bindings, bind(group=group, negate=True)])


@given(VISITORS, LISTS)
def test_mode_all_is_never_wider_than_mode_any(visitor: Visitor, bindings: list[Binding]) -> None:
    if may_enter(visitor, "all", bindings):
        assert may_enter(visitor, "any", bindings)


@given(VISITORS, MODES, st.lists(BINDINGS, min_size=1, max_size=5), st.randoms())
def test_the_order_of_bindings_does_not_matter(
    visitor: Visitor, mode: str, bindings: list[Binding], random: Any
) -> None:
    shuffled = list(bindings)
    random.shuffle(shuffled)
    assert may_enter(visitor, mode, shuffled) == may_enter(visitor, mode, bindings)


@given(VISITORS, st.integers(1, 5), st.booleans())
def test_a_user_binding_is_for_that_user(visitor: Visitor, pk: int, negate: bool) -> None:
    assert passes(visitor, bind(user=pk, negate=negate)) == ((visitor.pk == pk) != negate)


@given(VISITORS, st.booleans(), st.booleans())
def test_a_policy_that_is_not_run_gives_its_failure_result(visitor: Visitor, failure: bool, negate: bool) -> None:
    assert passes(visitor, bind(policy="some", failure_result=failure, negate=negate)) is failure
