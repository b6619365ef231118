"""The life of an object of every kind, through the real host, on the Authentik stand-in."""

from typing import Any

import pytest

from providers.authentik.model.kind import Kind
from providers.authentik.resource import every_resource
from tests.unit.values import NO_OBJECTS

from .conftest import Authentik, Make
from .engine import UNKNOWN, Props
from .samples import SAMPLES, sample

KINDS: dict[str, Kind] = {name: every_resource()[name].provider_class.kind for name in SAMPLES}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
# Fields with one value alone, or whose other values need something that this Authentik has not.
FIXED = {"ServiceAccount-expiring", "PolicyBinding-policy"}
FIXED |= {"PolicyBinding-user", "ProxyProvider-property_mappings"}
# The same place on an outpost: tests/host/test_sharing.py
FIXED |= {f"OutpostAttachment-{field}" for field in ("outpost", "application", "group")}
FIELDS = {f"{name}-{field}": (name, field) for name, kind in KINDS.items() for field in kind.fields}
CHANGING = [key for key, (name, field) in FIELDS.items() if key not in FIXED and not KINDS[name].fields[field].replaces]
NEEDED = {"PolicyBinding-group"}
REMOVABLE = [key for key in CHANGING if FIELDS[key][1] not in KINDS[FIELDS[key][0]].required and key not in NEEDED]
REPLACING = [key for key, (name, field) in FIELDS.items() if key not in FIXED and KINDS[name].fields[field].replaces]


def address(kind: str, outs: Props) -> str:
    """The path of an object from its outputs."""
    key = outs[KINDS[kind].url_key]
    return f"{KINDS[kind].path}{int(key) if isinstance(key, float) else key}/"


def write(authentik: Authentik, kind: str, outs: Props, **fields: Any) -> None:
    """Change fields of an object behind the program's back."""
    path = address(kind, outs)
    now = authentik.call("GET", path)
    if KINDS[kind].whole_body:
        authentik.call("PUT", path, {name: now[name] for name in KINDS[kind].fields} | fields)
    else:
        always = {name: now[name] for name in KINDS[kind].sent_with_every_patch}
        authentik.call("PATCH", path, always | fields)


def without_none(bag: Props) -> Props:
    return {name: value for name, value in bag.items() if value is not None}


def test_every_kind_has_a_sample() -> None:
    assert set(every_resource()) - NO_OBJECTS == set(SAMPLES)


@EVERY_KIND
def test_what_was_made_is_same_at_once_and_after_a_refresh(kind: str, authentik: Authentik, resource: Make) -> None:
    declared, made = sample(authentik, kind).declared, resource(kind)
    assert made.up(declared) == "created"
    assert made.up(declared) == "same"
    before = dict(made.outs)
    assert made.refresh()
    assert made.outs == before
    assert made.up(declared) == "same"


@EVERY_KIND
def test_the_order_of_lists_is_no_change(kind: str, authentik: Authentik, resource: Make) -> None:
    declared, made = sample(authentik, kind).declared, resource(kind)
    made.up(declared)
    turned = {name: value[::-1] if isinstance(value, list) else value for name, value in declared.items()}
    assert made.up(turned) == "same"


@EVERY_KIND
def test_only_what_is_required_is_same_after_a_refresh_whatever_the_servers_defaults(
    kind: str, authentik: Authentik, resource: Make
) -> None:
    declared = sample(authentik, kind).declared
    needed = KINDS[kind].required | {"PolicyBinding": {"group"}, "ProxyProvider": {"mode"}}.get(kind, set())
    least, made = {name: value for name, value in declared.items() if name in needed}, resource(kind)
    made.up(least)
    assert made.refresh()
    assert made.up(least) == "same"


@pytest.mark.parametrize("key", CHANGING)
def test_a_field_that_is_declared_anew_is_written(key: str, authentik: Authentik, resource: Make) -> None:
    kind, field = FIELDS[key]
    each, made = sample(authentik, kind), resource(kind)
    made.up(each.declared)
    id_ = made.id
    news = without_none(each.declared | {field: each.other[field]})
    assert made.up(news) == "updated"
    assert made.id == id_
    assert authentik.call("GET", address(kind, made.outs))[field] == each.other[field]
    assert made.up(news) == "same"
    made.refresh()
    assert made.up(news) == "same"


@pytest.mark.parametrize("key", REMOVABLE)
def test_a_line_that_is_taken_out_is_emptied_or_left(key: str, authentik: Authentik, resource: Make) -> None:
    kind, field = FIELDS[key]
    declared, made = sample(authentik, kind).declared, resource(kind)
    made.up(declared)
    news = {name: value for name, value in declared.items() if name != field}
    if key == "ProxyProvider-mode":
        news["internal_host"] = "http://immich:2283"
    made.up(news)
    made.refresh()
    assert made.up(news) == "same"


@pytest.mark.parametrize("key", REPLACING)
def test_a_field_that_cannot_change_makes_a_new_object_and_takes_the_old_one_away(
    key: str, authentik: Authentik, resource: Make
) -> None:
    kind, field = FIELDS[key]
    each, made = sample(authentik, kind), resource(kind)
    made.up(each.declared)
    id_, path = made.id, address(kind, made.outs)
    news = each.declared | {field: each.other[field]}
    assert made.up(news) == "replaced"
    assert made.id != id_
    assert made.refresh()
    assert made.up(news) == "same"
    if kind != "OutpostAttachment" and address(kind, made.outs) != path:
        assert authentik.status(path) == 404


@EVERY_KIND
def test_deleting_twice_is_fine(kind: str, authentik: Authentik, resource: Make) -> None:
    made = resource(kind)
    made.up(sample(authentik, kind).declared)
    made.delete()
    assert kind == "OutpostAttachment" or authentik.status(address(kind, made.outs)) == 404
    made.delete()
    assert not made.refresh()


@EVERY_KIND
def test_what_is_not_known_yet_is_passed_on_by_check_and_counts_as_changed(
    kind: str, authentik: Authentik, resource: Make
) -> None:
    declared, made = sample(authentik, kind).declared, resource(kind)
    nothing_known = dict.fromkeys(declared, UNKNOWN)
    inputs, failures = made.check(nothing_known)
    assert failures == {}
    assert {name: inputs[name] for name in declared} == nothing_known
    made.up(declared)
    for field in declared:
        changes, replaces, _ = made.diff(declared | {field: UNKNOWN})
        assert changes, field
        goes_with_it = kind == "PolicyBinding" and field == "group"  # what is bound is replaced, perhaps
        assert replaces == ([field] if KINDS[kind].fields[field].replaces or goes_with_it else []), field


@EVERY_KIND
def test_check_and_diff_ask_authentik_nothing(kind: str, authentik: Authentik, resource: Make) -> None:
    declared, made = sample(authentik, kind).declared, resource(kind)
    made.up(declared)
    since = authentik.mark()
    made.check(declared)
    made.diff(declared)
    assert authentik.asked(since) == []


@pytest.mark.parametrize("provider", ["proxy", "oauth2"])
def test_a_change_of_the_name_is_followed_by_the_objects_address(
    provider: str, authentik: Authentik, resource: Make
) -> None:
    served = {"provider": str(authentik.provider(provider)["pk"])}
    declared, made = sample(authentik, "Application").declared | served, resource("Application")
    made.up(declared)
    write(authentik, "Application", made.outs, slug="moved-away")
    assert made.refresh()
    assert made.outs["slug"] == "moved-away"
    assert made.up(declared) == "updated"
    assert authentik.call("GET", f"/core/applications/{declared['slug']}/")["pk"] == made.id
