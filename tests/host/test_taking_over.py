"""A create that meets an object in its place."""

from typing import Any

import pytest

from tests.faults import reset_after, reset_before
from tests.proxy import Fault, Proxy

from .conftest import Authentik, HostWith, Make, of_kind
from .engine import HostError, Props
from .samples import SAMPLES, sample
from .test_lifecycle import KINDS, address, write

UNMARKED = ["Application", "OAuth2Provider", "PolicyBinding", "ProxyProvider"]
"""The kinds whose objects cannot say whose they are: taken over without `adopt` they are made again."""
MADE_AGAIN = {"Application": 0, "OAuth2Provider": 1, "ProxyProvider": 0, "ServiceAccount": 1}
"""Kinds that are made again after what stands there is deleted, with the POSTs before that one."""
KEPT = ["Application", "Group", "OAuth2Provider", "ProxyProvider", "User"]
"""The kinds whose objects stay what they are when they are adopted; credentials and bindings are made again."""
ADOPTABLE = [*KEPT, "PolicyBinding"]
EVERY_ADOPTABLE = pytest.mark.parametrize("kind", ADOPTABLE)
ADOPTED: dict[str, Props] = {
    "Application": {"name": "By hand", "provider": None, "meta_publisher": "somebody", "open_in_new_tab": True},
    "Group": {"attributes": {"notes": "by hand"}, "users": [], "roles": []},
    "OAuth2Provider": {"sub_mode": "user_email", "signing_key": None, "redirect_uris": [], "grant_types": []},
    "PolicyBinding": {"order": 7, "timeout": 5, "negate": True},
    "ProxyProvider": {
        "mode": "forward_single",
        "internal_host": "",
        "skip_path_regex": "^/by-hand$",
        "certificate": None,
    },
    "User": {"name": "By hand", "email": "", "groups": [], "path": "by/hand", "attributes": {"notes": "by hand"}},
}
"""How an object that was made by hand differs from the sample."""


def object_now(authentik: Authentik, kind: str, outs: Props) -> Props:
    """The object as the API tells it, without what Authentik changes by itself."""
    seen: Props = authentik.call("GET", address(kind, outs))
    return {name: value for name, value in seen.items() if name in KINDS[kind].fields}


def by_hand(authentik: Authentik, resource: Make, kind: str) -> tuple[Props, Props]:
    """What is declared, and the state of an object of the same name that differs."""
    declared, other = sample(authentik, kind).declared, resource(kind)
    other.up(declared)
    write(authentik, kind, other.outs, **ADOPTED[kind])
    return declared, other.outs


@pytest.mark.parametrize("kind", ["Group", "User"])
def test_an_equal_object_with_the_mark_of_the_resource_is_taken_over_and_nothing_is_written(
    kind: str, authentik: Authentik, resource: Make
) -> None:
    declared, before, after = sample(authentik, kind).declared, resource(kind), resource(kind)
    before.up(declared)
    seen, since = object_now(authentik, kind, before.outs), authentik.mark()
    after.up(declared)
    assert after.id == before.id
    assert set(authentik.written(since)) <= {f"POST {KINDS[kind].path}"}
    assert object_now(authentik, kind, after.outs) == seen
    assert after.up(declared) == "same"


@pytest.mark.parametrize("kind", UNMARKED)
def test_an_equal_object_that_nothing_uses_is_made_again_and_there_is_one_of_it(
    kind: str, authentik: Authentik, resource: Make
) -> None:
    declared, before, after = sample(authentik, kind).declared, resource(kind), resource(kind)
    before.up(declared)
    seen, there = object_now(authentik, kind, before.outs), count(authentik, kind)
    after.up(declared)
    assert after.id != before.id
    assert count(authentik, kind) == there
    assert object_now(authentik, kind, after.outs) == seen
    assert after.up(declared) == "same"


@pytest.mark.parametrize("kind", ["Group", "User"])
def test_an_equal_object_without_a_mark_is_refused(kind: str, authentik: Authentik, resource: Make) -> None:
    declared = sample(authentik, kind).declared | {"attributes": {"a": 1}}
    before = resource(kind)
    before.up(declared)
    with pytest.raises(HostError, match=r"it exists as declared, and nothing says that this stack made it\. Nothing"):
        resource(kind).up(declared)
    assert before.refresh()
    resource(kind).up(declared | {"adopt": True})


@EVERY_ADOPTABLE
def test_an_object_that_differs_stops_it_by_the_names_of_the_fields_and_nothing_is_written(
    kind: str, authentik: Authentik, resource: Make
) -> None:
    declared, outs = by_hand(authentik, resource, kind)
    seen, since = object_now(authentik, kind, outs), authentik.mark()
    with pytest.raises(HostError, match="it exists, and ") as caught:
        resource(kind).up(declared)
    for field in ADOPTED[kind]:
        if seen[field] != declared.get(field):
            assert f"{field} {'differs in' if field == 'attributes' else 'is'} " in str(caught.value)
    assert "Nothing was written" in str(caught.value)
    assert "set the argument adopt to true" in str(caught.value)
    assert set(authentik.written(since)) <= {f"POST {KINDS[kind].path}"}
    assert object_now(authentik, kind, outs) == seen


@EVERY_ADOPTABLE
def test_what_is_adopted_is_brought_to_what_is_declared_and_given_back_as_it_was_found(
    kind: str, authentik: Authentik, resource: Make
) -> None:
    declared, outs = by_hand(authentik, resource, kind)
    found, adopted, there = object_now(authentik, kind, outs), resource(kind), count(authentik, kind)
    adopted.up(declared | {"adopt": True})
    kept = adopted.id == str(int(outs["pk"]) if isinstance(outs["pk"], float) else outs["pk"])
    assert kept == (kind in KEPT)
    assert count(authentik, kind) == there
    assert object_now(authentik, kind, adopted.outs) != found
    assert adopted.up(declared | {"adopt": True}) == "same"
    assert adopted.up(declared) == "same"
    adopted.refresh()
    assert adopted.up(declared) == "same"
    adopted.delete()
    assert object_now(authentik, kind, adopted.outs) == found


@EVERY_ADOPTABLE
def test_what_was_changed_after_adopting_is_given_back_too(kind: str, authentik: Authentik, resource: Make) -> None:
    each, adopted = sample(authentik, kind), resource(kind)
    resource(kind).up(each.declared)
    adopted.up(each.declared | {"adopt": True})
    found = object_now(authentik, kind, adopted.outs)
    field = {"PolicyBinding": "timeout", "ProxyProvider": "skip_path_regex", "Group": "attributes"}.get(kind, "name")
    assert adopted.up(each.declared | {field: each.other[field]}) == "updated"
    adopted.refresh()
    adopted.delete()
    assert object_now(authentik, kind, adopted.outs) == found


@EVERY_ADOPTABLE
def test_what_was_adopted_as_it_was_stays_as_it_is(kind: str, authentik: Authentik, resource: Make) -> None:
    declared, before, adopted = sample(authentik, kind).declared, resource(kind), resource(kind)
    before.up(declared)
    adopted.up(declared | {"adopt": True})
    since = authentik.mark()
    adopted.delete()
    assert authentik.asked(since) == []


@EVERY_ADOPTABLE
def test_giving_back_what_is_gone_is_fine(kind: str, authentik: Authentik, resource: Make) -> None:
    declared, _ = by_hand(authentik, resource, kind)
    adopted = resource(kind)
    adopted.up(declared | {"adopt": True})
    authentik.call("DELETE", address(kind, adopted.outs))
    adopted.delete()


@pytest.mark.parametrize("kind", [*UNMARKED, "ServiceAccount"])
def test_the_delete_of_a_former_resource_in_another_process_leaves_what_another_one_took_over(
    kind: str, authentik: Authentik, resource: Make, host_with: HostWith
) -> None:
    declared, former, latter = sample(authentik, kind).declared, resource(kind), resource(kind)
    former.up(declared)
    latter.up(declared)
    later = of_kind(host_with({"authentik:url": authentik.url}, authentik.least_token), kind)
    later.id, later.outs = former.id, former.outs
    later.delete()
    assert latter.refresh()
    assert latter.up(declared) == "same"
    latter.delete()
    assert not latter.refresh()


def test_an_attachment_for_a_new_application_keeps_the_provider_on_the_outpost(
    authentik: Authentik, resource: Make
) -> None:
    each, made = sample(authentik, "OutpostAttachment"), resource("OutpostAttachment")
    made.up(each.declared)
    assert made.up(each.declared | {"application": each.other["application"]}) == "replaced"
    assert made.refresh()


def test_an_application_over_a_standing_provider_takes_it_off_the_outpost_until_it_is_bound(
    authentik: Authentik, resource: Make
) -> None:
    outpost = authentik.outpost()
    provider, others = authentik.provider()["pk"], outpost["providers"]
    path = f"/outposts/instances/{outpost['pk']}/"
    authentik.call("PATCH", path, {"providers": [*others, provider]})
    slug = authentik.name("application")
    resource("Application").up({"name": "Immich", "slug": slug, "provider": provider})
    assert authentik.call("GET", path)["providers"] == others


@pytest.mark.parametrize("danger", ["negated binding", "mode all"])
def test_an_application_whose_taking_over_would_let_people_in_is_refused(
    danger: str, authentik: Authentik, resource: Make
) -> None:
    application = authentik.application(policy_engine_mode="all" if danger == "mode all" else "any")
    if danger == "negated binding":
        body = {"target": application["pk"], "group": authentik.group()["pk"], "order": 0, "negate": True}
        authentik.call("POST", "/policies/bindings/", body)
    declared = {"name": application["name"], "slug": application["slug"], "adopt": True}
    with pytest.raises(HostError, match="negated binding" if danger == "negated binding" else "policy_engine_mode all"):
        resource("Application").up(declared)
    assert authentik.call("GET", f"/core/applications/{application['slug']}/") == application


@pytest.mark.parametrize("adopt", [False, True])
def test_a_proxy_provider_is_never_taken_over_as_an_oauth2_provider(
    adopt: bool, authentik: Authentik, resource: Make
) -> None:
    """Authentik lists it among them, too."""
    declared = sample(authentik, "OAuth2Provider").declared | {"name": authentik.provider()["name"], "adopt": adopt}
    since = authentik.mark()
    with pytest.raises(HostError, match="a proxy provider has that name"):
        resource("OAuth2Provider").up(declared)
    assert authentik.written(since) == ["POST /providers/oauth2/"]


MARKED = [kind for kind in ("Group", "User", "ServiceAccount") if "attributes" in KINDS[kind].fields]


@pytest.mark.parametrize("adopt", [False, True])
@pytest.mark.parametrize("kind", MARKED)
def test_an_object_of_another_stack_is_never_taken_over(
    kind: str, adopt: bool, authentik: Authentik, resource: Make
) -> None:
    declared, theirs = sample(authentik, kind).declared, resource(kind)
    theirs.up(declared | {"attributes": {"pulumi": "immich/theirs/x"}})
    seen = object_now(authentik, kind, theirs.outs)
    with pytest.raises(HostError, match="belongs to 'immich/theirs/x' of another Pulumi program"):
        resource(kind).up(declared | {"attributes": {"pulumi": "immich/ours/x"}, "adopt": adopt})
    assert object_now(authentik, kind, theirs.outs) == seen


BOUND = pytest.mark.parametrize("kind", ["ProxyProvider", "Application"])
"""What bears no mark, and whose it is the group tells that is bound."""


def bound_to_group_of(owner: str, kind: str, authentik: Authentik, resource: Make) -> tuple[Props, Props]:
    """The outputs and the declaration of one that is bound to a group with that mark."""
    each, made = sample(authentik, kind).declared, resource(kind)
    made.up(each)
    target = authentik.application(provider=int(made.id))["pk"] if kind == "ProxyProvider" else made.id
    attributes = {"pulumi": f"{owner}/immich-phones"}
    group = authentik.call("POST", "/core/groups/", {"name": authentik.name("phones"), "attributes": attributes})
    authentik.call("POST", "/policies/bindings/", {"target": target, "group": group["pk"], "order": 0})
    return made.outs, each


@pytest.mark.parametrize("adopt", [False, True])
@BOUND
def test_what_another_stacks_phones_enter_is_never_taken_over(
    kind: str, adopt: bool, authentik: Authentik, resource: Make
) -> None:
    outs, declared = bound_to_group_of("immich/theirs", kind, authentik, resource)
    seen = object_now(authentik, kind, outs)
    with pytest.raises(HostError, match=r"is of the stack 'immich/theirs', whose group 'phones-\d+' is bound"):
        resource(kind).up(declared | {"stack": "immich/ours", "adopt": adopt})
    assert object_now(authentik, kind, outs) == seen


@BOUND
def test_what_a_group_of_ours_enters_is_made_again(kind: str, authentik: Authentik, resource: Make) -> None:
    outs, declared = bound_to_group_of("immich/ours", kind, authentik, resource)
    again = resource(kind)
    again.up(declared | {"stack": "immich/ours"})
    assert again.outs["pk"] != outs["pk"]
    assert again.up(declared | {"stack": "immich/ours"}) == "same"


@BOUND
def test_what_a_group_of_another_program_enters_is_taken_over_with_adopt_alone(
    kind: str, authentik: Authentik, resource: Make
) -> None:
    outs, declared = bound_to_group_of("home/groups", kind, authentik, resource)
    seen, again = object_now(authentik, kind, outs), resource(kind)
    with pytest.raises(HostError, match=r"it exists as declared, and .* uses it\. Nothing was written"):
        again.up(declared | {"stack": "immich/ours"})
    assert object_now(authentik, kind, outs) == seen
    again.up(declared | {"stack": "immich/ours", "adopt": True})
    assert again.outs["pk"] == outs["pk"]


@pytest.mark.parametrize("kind", ["Group", "User"])
def test_an_object_of_ours_is_brought_to_what_is_declared_without_asking(
    kind: str, authentik: Authentik, resource: Make
) -> None:
    each = sample(authentik, kind)
    declared = each.declared | {"attributes": {"pulumi": "immich/ours/x"}}
    before, after = resource(kind), resource(kind)
    before.up(declared)
    after.up(declared | {"roles": each.other["roles"]})
    assert after.id == before.id
    assert object_now(authentik, kind, after.outs)["roles"] == each.other["roles"]
    after.delete()
    assert authentik.status(address(kind, after.outs)) == 404


@pytest.mark.parametrize("kind", [kind for kind in SAMPLES if kind != "OutpostAttachment"])
def test_an_object_whose_answer_got_lost_is_found_again_and_there_is_one_of_it(
    kind: str, authentik: Authentik, proxy: Proxy, proxied: Make
) -> None:
    declared, made = sample(authentik, kind).declared, proxied(kind)
    before = count(authentik, kind)
    making = "/core/users/service_account/" if kind == "ServiceAccount" else KINDS[kind].path
    proxy.on(f"POST {making}", reset_after)
    made.up(declared)
    assert made.refresh()
    assert made.up(declared) == "same"
    assert count(authentik, kind) == before + 1


@pytest.mark.parametrize("fault", [reset_after, reset_before], ids=["done", "not done"])
@pytest.mark.parametrize(("kind", "before"), MADE_AGAIN.items(), ids=MADE_AGAIN)
def test_an_object_made_again_whose_answer_got_lost_is_there_and_there_is_one_of_it(
    kind: str, before: int, fault: Fault, authentik: Authentik, resource: Make, proxy: Proxy, proxied: Make
) -> None:
    """Seen on 2026.5.0-rc1, whose worker ended just then: the run failed with the former account deleted."""
    declared, former, made = sample(authentik, kind).declared, resource(kind), proxied(kind)
    former.up(declared)
    there = count(authentik, kind)
    making = "/core/users/service_account/" if kind == "ServiceAccount" else KINDS[kind].path
    proxy.on(f"POST {making}", fault, skip=before)
    made.up(declared)
    assert proxy.met
    assert made.id != former.id
    assert count(authentik, kind) == there
    assert made.refresh()
    assert made.up(declared) == "same"


@pytest.mark.parametrize("kind", ["Group", "User", "Application", "PolicyBinding"])
def test_an_update_whose_answer_got_lost_is_sent_again(
    kind: str, authentik: Authentik, proxy: Proxy, proxied: Make
) -> None:
    each, made = sample(authentik, kind), proxied(kind)
    made.up(each.declared)
    proxy.on(f"(PATCH|PUT) {KINDS[kind].path}.*", reset_after, times=2)
    field = {"PolicyBinding": "timeout", "Group": "attributes"}.get(kind, "name")
    news = each.declared | {field: each.other[field]}
    assert made.up(news) == "updated"
    assert object_now(authentik, kind, made.outs)[field] == each.other[field]


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_delete_whose_answer_got_lost_is_fine(kind: str, authentik: Authentik, proxy: Proxy, proxied: Make) -> None:
    made = proxied(kind)
    made.up(sample(authentik, kind).declared)
    proxy.on("(DELETE|PATCH) .*", reset_after)
    made.delete()
    assert not made.refresh()


def count(authentik: Authentik, kind: str) -> int:
    """How many objects of the kind there are."""
    pages: Any = authentik.call("GET", f"{KINDS[kind].path}?page_size=1")
    return int(pages["pagination"]["count"])
