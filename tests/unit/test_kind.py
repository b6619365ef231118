"""What the interpreter of kinds promises, for every kind there is."""

from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pulumi.output import Unknown

from providers.arguments import Bag
from providers.authentik.model.kind import Kind, computed, for_older, names, observed, of_older, wire
from providers.fields import UNSET, ListOf, Reference, Timestamp

from .values import KINDS, as_floats, bag_of, inputs_of, resolve, rezoned, value_of

NOTHING: frozenset[str] = frozenset()
EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
FIELDS = {f"{word}-{name}": (kind, name) for word, kind in KINDS.items() for name in kind.fields}
EVERY_FIELD = pytest.mark.parametrize(("kind", "name"), FIELDS.values(), ids=FIELDS.keys())
FEW = settings(max_examples=3)
"""Examples for each field, of which there are about 80."""


def formerly(kind: Kind, sent: Collection[str]) -> set[str]:
    """What older servers call the fields that are sent."""
    fields = [kind.fields[name] for name in sent if name in kind.fields]
    return {each.formerly for each in fields if isinstance(each, ListOf)} - {""}


def answered(data: st.DataObject, kind: Kind, body: Bag) -> Bag:
    """What a server says of an object of that body: lists in another order, moments in its own zone, all fields."""
    answer: dict[str, Any] = {"pk": 7, "anything": "else"}
    for name, field in kind.fields.items():
        value = body[name] if name in body else data.draw(st.none() | value_of(field), label=f"server's {name}")
        if isinstance(field, ListOf) and value:
            value = data.draw(st.permutations(value))
        if isinstance(field, Timestamp) and value:
            value = rezoned(value)
        answer[name] = value
    return answer


@EVERY_KIND
@given(data=st.data())
def test_what_was_just_made_and_read_back_has_no_changes(data: st.DataObject, kind: Kind) -> None:
    inputs = data.draw(inputs_of(kind))
    keys = resolve(kind, inputs)
    seen = observed(kind, inputs, keys, answered(data, kind, wire(kind, inputs, keys)))
    assert seen == inputs
    assert kind.changes(seen, inputs, NOTHING) == []


@EVERY_KIND
@given(data=st.data())
def test_what_the_server_adds_to_undeclared_fields_is_never_seen(data: st.DataObject, kind: Kind) -> None:
    inputs = data.draw(inputs_of(kind))
    keys = resolve(kind, inputs)
    seen = observed(kind, inputs, keys, answered(data, kind, wire(kind, inputs, keys)))
    assert seen.keys() == inputs.keys()


@EVERY_KIND
@given(data=st.data())
def test_checking_twice_changes_nothing_not_even_after_the_wire_made_floats_of_numbers(
    data: st.DataObject, kind: Kind
) -> None:
    inputs = data.draw(inputs_of(kind))
    again, failures = kind.check(as_floats(inputs), NOTHING)
    assert failures == []
    assert again == inputs


@EVERY_KIND
@given(data=st.data())
def test_the_order_of_a_list_is_never_a_change(data: st.DataObject, kind: Kind) -> None:
    inputs = data.draw(inputs_of(kind))
    shuffled = {
        name: data.draw(st.permutations(value)) if isinstance(kind.fields[name], ListOf) else value
        for name, value in inputs.items()
    }
    assert kind.changes(inputs, shuffled, NOTHING) == []


@EVERY_FIELD
@FEW
@given(data=st.data())
def test_a_declared_field_that_changes_is_seen_and_no_other(data: st.DataObject, kind: Kind, name: str) -> None:
    olds, value = data.draw(inputs_of(kind)), data.draw(value_of(kind.fields[name]))
    value = kind.fields[name].normalise(value)
    olds.setdefault(name, data.draw(value_of(kind.fields[name])))
    assume(not kind.fields[name].same(olds[name], value))
    news = {**olds, name: value}
    assert kind.changes(olds, news, NOTHING) == [name]
    keys = resolve(kind, olds) | resolve(kind, news)
    sent = {name} | (set(kind.sent_with_every_patch) & set(news))
    assert set(wire(kind, news, keys, [name])) == sent | formerly(kind, sent)


@EVERY_FIELD
@FEW
@given(data=st.data())
def test_a_declared_field_changed_behind_our_back_is_seen(data: st.DataObject, kind: Kind, name: str) -> None:
    field = kind.fields[name]
    inputs = data.draw(inputs_of(kind))
    assume(name in inputs)
    keys = resolve(kind, inputs)
    answer = answered(data, kind, wire(kind, inputs, keys))
    foreign = data.draw(st.none() | value_of(field).filter(lambda value: not names(kind, {name: value})))
    assume(not field.holds(foreign, answer[name]))
    seen = observed(kind, inputs, keys, {**answer, name: foreign})
    assert kind.changes({key: value for key, value in seen.items() if value is not None}, inputs, NOTHING) == [name]


@EVERY_FIELD
@FEW
@given(data=st.data())
def test_a_removed_line_sends_the_empty_value_or_leaves_the_servers(data: st.DataObject, kind: Kind, name: str) -> None:
    field = kind.fields[name]
    news = data.draw(inputs_of(kind))
    news.pop(name, None)
    olds = {**news, name: field.normalise(data.draw(value_of(field)))}
    assume(not field.same(olds[name], field.empty))
    changed = kind.changes(olds, news, NOTHING)
    assert changed == ([] if field.empty is UNSET else [name])
    body = wire(kind, news, resolve(kind, news), changed)
    assert body.get(name, UNSET) == field.empty


@EVERY_KIND
@given(data=st.data())
def test_what_is_not_known_yet_is_not_judged_and_counts_as_changed(data: st.DataObject, kind: Kind) -> None:
    bag = data.draw(bag_of(kind))
    unknown = frozenset(data.draw(st.sets(st.sampled_from(sorted(kind.fields)), min_size=1)))
    not_known = Unknown()  # type: ignore[no-untyped-call]
    inputs, failures = kind.check(bag | dict.fromkeys(unknown, not_known), unknown)
    assert failures == []
    assert all(isinstance(inputs[name], Unknown) for name in unknown)
    known = {name: value for name, value in inputs.items() if name not in unknown}
    olds, _ = kind.check(bag, NOTHING)
    assert set(kind.changes(olds, known, unknown)) == unknown


@EVERY_KIND
def test_every_missing_required_field_is_told(kind: Kind) -> None:
    _, failures = kind.check({}, NOTHING)
    assert {name for name, reason in failures if reason == "is missing"} == kind.required


@EVERY_KIND
def test_a_field_that_the_kind_does_not_have_is_told(kind: Kind) -> None:
    _, failures = kind.check({"nonsense": 1}, NOTHING)
    told = dict(failures)["nonsense"]
    assert told.startswith(f"is not an argument of a {kind.word}, which takes {next(iter(kind.fields))}")


@EVERY_KIND
@given(data=st.data())
def test_a_whole_body_names_every_declared_field_by_key_and_nothing_else(data: st.DataObject, kind: Kind) -> None:
    inputs = data.draw(inputs_of(kind))
    keys = resolve(kind, inputs)
    body = wire(kind, inputs, keys)
    assert body.keys() == inputs.keys() | formerly(kind, inputs)
    for name, field in kind.fields.items():
        item = field.item if isinstance(field, ListOf) else field
        if name in body and isinstance(item, Reference):
            values = body[name] if isinstance(field, ListOf) else [body[name]]
            assert all(item.key_of(value) is not None for value in values)


def test_names_are_what_is_no_primary_key() -> None:
    flow = "5f2c8a4e-0000-4000-8000-00000000000a"
    found = names(KINDS["ProxyProvider"], {"authorization_flow": "implicit", "invalidation_flow": flow})
    assert [(field, name) for field, _, name in found] == [("authorization_flow", "implicit")]


def test_a_field_that_an_older_server_does_not_have_is_taken_as_declared() -> None:
    declared = {"name": "Immich", "slug": "immich", "meta_hide": True}
    assert observed(KINDS["Application"], declared, {}, {"name": "Immich", "slug": "immich"}) == declared


PARENT = "5f2c8a4e-0000-4000-8000-00000000000b"


@pytest.mark.parametrize(("parent", "parents"), [(None, []), (PARENT, [PARENT])])
def test_the_one_parent_that_an_older_servers_group_has_is_seen_and_sent_as_its_parents(
    parent: str | None, parents: list[str]
) -> None:
    group = KINDS["Group"]
    assert observed(group, {"name": "phones", "parents": []}, {}, {"name": "phones", "parent": parent}) == {
        "name": "phones",
        "parents": parents,
    }
    assert wire(group, {"parents": parents}, {}, ["parents"]) == {"parents": parents, "parent": parent}
    adopted = of_older(group, {"name": "phones", "parent": parent})
    assert for_older(group, {"parents": adopted["parents"]}) == {"parents": parents, "parent": parent}


def test_a_newer_server_is_believed_in_what_it_calls_as_we_do() -> None:
    newer = {"name": "phones", "parents": [PARENT], "parent": None}
    assert observed(KINDS["Group"], {"parents": []}, {}, newer) == {"parents": [PARENT]}
    assert wire(KINDS["Group"], {"name": "phones"}, {}) == {"name": "phones"}


def test_computed_outputs_are_the_servers_and_nothing_else() -> None:
    answer = {"pk": 9, "uid": "u", "key": None, "username": "phone"}
    assert computed(KINDS["ServiceAccount"], answer) == {"pk": 9, "uid": "u"}


@pytest.mark.parametrize(
    ("verb", "right"),
    [("add", "authentik_core.add_group"), ("delete", "authentik_core.delete_group")],
)
def test_a_right_is_named_as_authentik_names_it(verb: Any, right: str) -> None:
    assert KINDS["Group"].right(verb) == right


@pytest.mark.parametrize(
    ("kind", "bag", "label"),
    [
        ("Group", {"name": "phones"}, "group 'phones'"),
        ("Group", {}, "group"),
        ("ProxyProvider", {"name": "it's"}, 'proxy provider "it\'s"'),
    ],
)
def test_messages_call_an_object_by_its_kind_and_title(kind: str, bag: Bag, label: str) -> None:
    assert KINDS[kind].label(bag) == label
