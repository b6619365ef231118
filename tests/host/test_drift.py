"""What was changed behind our back: every declared field, every object; and what is no drift."""

from typing import Any

import pytest

from providers.authentik.resource import every_resource
from providers.fields import UNSET, ListOf

from .conftest import Authentik, Make
from .engine import Props
from .samples import sample
from .test_lifecycle import CHANGING, EVERY_KIND, FIELDS, KINDS, address, write

LEAST = {"PolicyBinding": {"group"}, "ProxyProvider": {"mode"}}
"""What a kind needs besides its required fields."""
# Of the fields that the server itself decides where nothing is declared.
QUIET = [
    key
    for key, (name, field) in FIELDS.items()
    if key in CHANGING
    and KINDS[name].fields[field].default is UNSET
    and field not in KINDS[name].required | LEAST.get(name, set())
]
LISTS = [key for key, (name, field) in FIELDS.items() if isinstance(KINDS[name].fields[field], ListOf)]


def seen(authentik: Authentik, kind: str, outs: Props) -> Props:
    """The object as it is, without what Authentik changes by itself."""
    now: Props = authentik.call("GET", address(kind, outs))
    return {name: value for name, value in now.items() if name not in ("last_updated", "client_secret")}


def least(kind: str, declared: Props) -> Props:
    """A declaration of what is required alone."""
    needed = KINDS[kind].required | LEAST.get(kind, set())
    return {name: value for name, value in declared.items() if name in needed}


@pytest.mark.parametrize("key", CHANGING)
def test_a_field_that_was_changed_behind_our_back_is_seen_and_mended_and_nothing_else_is_touched(
    key: str, authentik: Authentik, resource: Make
) -> None:
    kind, field = FIELDS[key]
    each, made = sample(authentik, kind), resource(kind)
    made.up(each.declared)
    before = seen(authentik, kind, made.outs)
    write(authentik, kind, made.outs, **{field: each.other[field]})
    assert seen(authentik, kind, made.outs | {field: each.other[field]}) != before
    since = authentik.mark()
    assert made.refresh()
    assert authentik.written(since) == []
    now = address(kind, made.outs)
    assert made.up(each.declared) == "updated"
    # Its outposts are told of another slug by a write to the provider, which changes nothing.
    told = [f"/providers/proxy/{each.declared['provider']}/"] if key == "Application-slug" else []
    assert [call.split()[1] for call in authentik.written(since)] == [now, *told]
    assert seen(authentik, kind, made.outs) == before
    made.refresh()
    assert made.up(each.declared) == "same"


@EVERY_KIND
def test_what_was_deleted_behind_our_back_is_gone_and_made_again(
    kind: str, authentik: Authentik, resource: Make
) -> None:
    declared, made = sample(authentik, kind).declared, resource(kind)
    made.up(declared)
    if kind == "OutpostAttachment":
        authentik.call("PATCH", address(kind, made.outs), {"providers": [authentik.provider()["pk"]]})
    else:
        authentik.call("DELETE", address(kind, made.outs))
    assert not made.refresh()
    assert made.up(declared) == "created"
    assert made.refresh()
    assert made.up(declared) == "same"


@pytest.mark.parametrize("key", QUIET)
def test_a_field_that_is_not_declared_may_be_anything(key: str, authentik: Authentik, resource: Make) -> None:
    kind, field = FIELDS[key]
    each, made = sample(authentik, kind), resource(kind)
    declared = least(kind, each.declared)
    made.up(declared)
    write(authentik, kind, made.outs, **{field: each.other[field]})
    made.refresh()
    since = authentik.mark()
    assert made.up(declared) == "same"
    assert authentik.asked(since) == []
    assert authentik.call("GET", address(kind, made.outs))[field] == each.other[field]


@pytest.mark.parametrize("key", LISTS)
def test_a_list_in_another_order_on_the_server_is_no_drift(key: str, authentik: Authentik, resource: Make) -> None:
    kind, field = FIELDS[key]
    declared, made = sample(authentik, kind).declared, resource(kind)
    made.up(declared)
    now = authentik.call("GET", address(kind, made.outs))[field]
    write(authentik, kind, made.outs, **{field: now[::-1]})
    made.refresh()
    assert made.up(declared) == "same"


@pytest.mark.parametrize("other", ["group", "user", "policy"])
def test_a_binding_that_was_made_over_to_somebody_else_is_given_back(
    other: str, authentik: Authentik, resource: Make
) -> None:
    declared, made = sample(authentik, "PolicyBinding").declared, resource("PolicyBinding")
    made.up(declared)
    before = seen(authentik, "PolicyBinding", made.outs)
    bound = authentik.call("GET", "/policies/bindings/?page_size=100")["results"]
    keys = {
        "group": authentik.group()["pk"],
        "user": authentik.user()["pk"],
        "policy": next(each["policy"] for each in bound if each["policy"]),
    }
    write(authentik, "PolicyBinding", made.outs, **(dict.fromkeys(keys) | {other: keys[other]}))
    made.refresh()
    assert made.up(declared) == "updated"
    assert seen(authentik, "PolicyBinding", made.outs) == before


PASSWORDS: dict[str, Props] = {
    "deleted": {},
    "an API token now": {"intent": "api"},
    "renamed": {"identifier": "renamed-behind-our-back"},
    "expiring": {"expiring": True, "expires": "2031-03-01T00:00:00Z"},
}


@pytest.mark.parametrize("how", PASSWORDS)
def test_an_accounts_password_that_was_changed_is_seen_and_the_account_is_born_anew(
    how: str, authentik: Authentik, resource: Make
) -> None:
    declared, made = sample(authentik, "ServiceAccount").declared, resource("ServiceAccount")
    del declared["expiring"], declared["expires"]
    declared["attributes"] = {"pulumi": "immich/prod/phone"}  # which says that it is this very one
    made.up(declared)
    id_, key, path = made.id, made.outs["key"], f"/core/tokens/{made.outs['token']}/"
    if how == "deleted":
        authentik.call("DELETE", path)
    else:
        whose = {name: authentik.call("GET", path)[name] for name in ("user", "intent")}
        authentik.call("PATCH", path, whose | PASSWORDS[how])
    there = made.refresh()
    assert made.up(declared) == ("replaced" if there else "created")
    assert (made.id, made.outs["key"]) != (id_, key)
    assert authentik.call("GET", path)["intent"] == "app_password"
    assert made.refresh()
    assert made.up(declared) == "same"


def test_a_group_too_many_on_an_account_is_taken_away_again(authentik: Authentik, resource: Make) -> None:
    group, admins = authentik.group()["pk"], authentik.group()["pk"]
    declared, made = {"username": authentik.name("phone"), "groups": [group]}, resource("ServiceAccount")
    made.up(declared)
    authentik.call("POST", f"/core/groups/{admins}/add_user/", {"pk": int(made.id)})
    made.refresh()
    assert sorted(made.outs["groups"]) == sorted([group, admins])
    assert made.up(declared) == "updated"
    assert authentik.call("GET", f"/core/users/{made.id}/")["groups"] == [group]


def test_a_declared_mapping_that_was_taken_off_a_provider_is_put_back(authentik: Authentik, resource: Make) -> None:
    declared, made = sample(authentik, "ProxyProvider").declared, resource("ProxyProvider")
    made.up(declared)
    (mapping,) = made.outs["resolved"]["property_mappings"].values()
    # The server puts back what its outpost needs; so one that it does not know of.
    others = [each for each in seen(authentik, "ProxyProvider", made.outs)["property_mappings"] if each != mapping]
    write(authentik, "ProxyProvider", made.outs, property_mappings=others)
    made.refresh()
    made.up(declared)
    assert mapping in seen(authentik, "ProxyProvider", made.outs)["property_mappings"]
    made.refresh()
    assert made.up(declared) == "same"


REPLACED: dict[str, tuple[str, Any]] = {
    "ServiceAccount-username": ("ServiceAccount", {"username": "renamed-behind-our-back"}),
}


@pytest.mark.parametrize("key", REPLACED)
def test_a_field_that_a_change_replaces_is_seen_and_an_object_as_declared_stands_in_the_end(
    key: str, authentik: Authentik, resource: Make
) -> None:
    kind, damage = REPLACED[key]
    declared, made = sample(authentik, kind).declared, resource(kind)
    made.up(declared)
    id_ = made.id
    write(authentik, kind, made.outs, **damage)
    there = made.refresh()
    assert made.up(declared) == ("replaced" if there else "created")
    assert made.id != id_
    assert made.refresh()
    assert made.up(declared) == "same"
    (name,) = damage
    assert seen(authentik, kind, made.outs)[name] == declared[name]


def test_a_binding_that_was_moved_to_another_application_binds_ours_again_and_leaves_that_one(
    authentik: Authentik, resource: Make
) -> None:
    declared, made = sample(authentik, "PolicyBinding").declared, resource("PolicyBinding")
    made.up(declared)
    other = authentik.application()["pk"]
    write(authentik, "PolicyBinding", made.outs, target=other)
    there = made.refresh()
    assert made.up(declared) == ("replaced" if there else "created")
    assert seen(authentik, "PolicyBinding", made.outs)["target"] == declared["target"]
    bound = authentik.call("GET", f"/policies/bindings/?target={other}")["results"]
    assert [each for each in bound if each["target"] == other] == []
    assert made.refresh()
    assert made.up(declared) == "same"


@pytest.mark.parametrize(
    ("kind", "option"),
    [("ProxyProvider", {"stack": "immich/test"}), *((kind, {"adopt": True}) for kind in every_resource())],
)
def test_a_refresh_does_not_show_an_option_as_gone(
    kind: str, option: dict[str, Any], authentik: Authentik, resource: Make
) -> None:
    declared, made = (joined(authentik).get(kind) or sample(authentik, kind).declared) | option, resource(kind)
    made.up(declared)
    made.refresh()
    assert made.inputs.items() >= option.items()
    assert made.up(declared) == "same"


def joined(authentik: Authentik) -> dict[str, Props]:
    """What the kinds are given that are not one object each."""
    group, application = authentik.group()["pk"], authentik.application()["pk"]
    binding = authentik.call("POST", "/policies/bindings/", {"target": application, "group": group, "order": 0})["pk"]
    user = str(authentik.user(groups=[group])["pk"])
    return {
        "ExclusiveBindings": {"target": application, "bindings": [binding]},
        "ExclusiveMembers": {"group": group, "users": [user]},
        "OutpostConfirmation": {"outpost": "any", "provider": 1, "settles": 0},
        "Isolation": {"group": group, "application": application, "accounts": {"phone": user}, "action": "report"},
    }
