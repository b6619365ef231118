"""What several write at once: the orders of bindings, an outpost's list, the host names of providers."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.faults import then
from tests.proxy import Proxy

from .conftest import Authentik, HostWith, Make, of_kind
from .engine import UNKNOWN, HostError, Props, Resource
from .samples import IMPLICIT, INVALIDATION, sample


def bindings_of(authentik: Authentik, target: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = authentik.call("GET", f"/policies/bindings/?target={target}&ordering=order")[
        "results"
    ]
    return found


def all_at_once(made: list[Resource], bags: list[Props]) -> None:
    """As the engine does it: four calls at a time on the host's threads."""
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(each.create, bag) for each, bag in zip(made, bags, strict=True)]:
            done.result()


def test_bindings_that_are_made_at_once_take_orders_of_their_own(authentik: Authentik, resource: Make) -> None:
    target, groups = authentik.application()["pk"], [authentik.group()["pk"] for _ in range(8)]
    bags: list[Props] = [{"target": target, "group": group} for group in groups]
    all_at_once([resource("PolicyBinding") for _ in groups], bags)
    found = bindings_of(authentik, target)
    assert [each["order"] for each in found] == list(range(8))
    assert {each["group"] for each in found} == set(groups)


def test_a_binding_takes_the_first_order_that_is_free_and_keeps_it(authentik: Authentik, resource: Make) -> None:
    target = authentik.application()["pk"]
    for order in (0, 1, 3):
        body = {"target": target, "group": authentik.group()["pk"], "order": order}
        authentik.call("POST", "/policies/bindings/", body)
    declared, made = {"target": target, "group": authentik.group()["pk"]}, resource("PolicyBinding")
    made.up(declared)
    assert authentik.call("GET", f"/policies/bindings/{made.id}/")["order"] == 2
    made.up(declared | {"timeout": 5})
    seen = authentik.call("GET", f"/policies/bindings/{made.id}/")
    assert (seen["order"], seen["timeout"]) == (2, 5)


def test_a_binding_of_the_same_group_is_replaced_without_a_gap_instead_of_doubled(
    authentik: Authentik, resource: Make
) -> None:
    target, group = authentik.application()["pk"], authentik.group()
    first, second = resource("PolicyBinding"), resource("PolicyBinding")
    first.up({"target": target, "group": group["pk"]})
    since = authentik.mark()
    second.up({"target": target, "group": group["name"]})
    assert authentik.written(since) == ["POST /policies/bindings/", f"DELETE /policies/bindings/{first.id}/"]
    (only,) = bindings_of(authentik, target)
    assert (only["pk"], only["order"]) == (second.id, 0)


@pytest.mark.parametrize("adopt", [False, True])
def test_a_group_that_was_renamed_keeps_its_way_in_when_the_former_binding_goes_in_a_later_run(
    adopt: bool, authentik: Authentik, resource: Make, host_with: HostWith
) -> None:
    target, group = authentik.application()["pk"], authentik.group()
    former, latter = resource("PolicyBinding"), resource("PolicyBinding")
    former.up({"target": target, "group": group["name"], "adopt": adopt})
    authentik.call("PATCH", f"/core/groups/{group['pk']}/", {"name": group["name"] + "-renamed"})
    latter.up({"target": target, "group": group["name"] + "-renamed", "adopt": adopt})
    later = of_kind(host_with({"authentik:url": authentik.url}, authentik.least_token), "PolicyBinding")
    later.id, later.outs = former.id, former.outs
    later.delete()
    assert [each["group"] for each in bindings_of(authentik, target)] == [group["pk"]]
    assert latter.refresh()


@pytest.mark.parametrize("bound", ["group", "user"])
def test_a_binding_that_changes_sides_binds_the_new_one_alone(bound: str, authentik: Authentik, resource: Make) -> None:
    keys = {"group": authentik.group()["pk"], "user": authentik.user()["username"]}
    target, made = authentik.application()["pk"], resource("PolicyBinding")
    first = "user" if bound == "group" else "group"
    made.up({"target": target, first: keys[first]})
    news = {"target": target, bound: keys[bound]}
    assert made.up(news) == "updated"
    assert len(bindings_of(authentik, target)) == 1
    seen = authentik.call("GET", f"/policies/bindings/{made.id}/")
    assert [name for name in ("group", "user", "policy") if seen[name] is not None] == [bound]
    made.refresh()
    assert made.up(news) == "same"


def test_a_binding_is_replaced_with_what_it_binds(authentik: Authentik, resource: Make) -> None:
    declared = sample(authentik, "PolicyBinding").declared
    made = resource("PolicyBinding")
    made.up(declared)
    assert made.diff(declared | {"group": UNKNOWN}) == (True, ["group"], False)


def test_a_binding_is_gone_with_its_application(authentik: Authentik, resource: Make) -> None:
    application, made = authentik.application(), resource("PolicyBinding")
    made.up({"target": application["pk"], "group": authentik.group()["pk"]})
    authentik.call("DELETE", f"/core/applications/{application['slug']}/")
    assert not made.refresh()


@pytest.mark.parametrize("bound", [{}, {"group": "a", "user": "b"}, {"group": "a", "policy": "b", "user": "c"}])
def test_a_binding_of_none_or_several_is_told_before_anything_is_called(bound: Props, resource: Make) -> None:
    _, failures = resource("PolicyBinding").check({"target": "x", **bound})
    assert failures == {"group": "group: expected exactly one of group, policy and user"}


def test_attaching_and_detaching_leave_the_providers_of_others(authentik: Authentik, resource: Make) -> None:
    outpost = authentik.outpost()
    path, made = f"/outposts/instances/{outpost['pk']}/", resource("OutpostAttachment")
    ours = authentik.provider()["pk"]
    made.up({"outpost": outpost["name"], "provider": ours})
    assert sorted(authentik.call("GET", path)["providers"]) == sorted([*outpost["providers"], ours])
    made.delete()
    assert authentik.call("GET", path)["providers"] == outpost["providers"]
    assert not made.refresh()


def test_an_attachment_goes_on_another_outpost_before_it_leaves_the_former(
    authentik: Authentik, resource: Make
) -> None:
    former, latter, made = authentik.outpost(), authentik.outpost(), resource("OutpostAttachment")
    ours = authentik.provider()["pk"]
    made.up({"outpost": former["name"], "provider": ours})
    since = authentik.mark()
    assert made.up({"outpost": latter["name"], "provider": ours}) == "updated"
    paths = [f"/outposts/instances/{each['pk']}/" for each in (former, latter)]
    assert authentik.written(since) == [f"PATCH {path}" for path in reversed(paths)]
    assert [ours in authentik.call("GET", path)["providers"] for path in paths] == [False, True]
    assert made.refresh()
    made.delete()
    assert ours not in authentik.call("GET", paths[1])["providers"]


def test_an_attachment_stays_where_the_outpost_was_renamed_in_both_places(authentik: Authentik, resource: Make) -> None:
    outpost, made, ours = authentik.outpost(), resource("OutpostAttachment"), authentik.provider()["pk"]
    path, name = f"/outposts/instances/{outpost['pk']}/", outpost["name"] + "-renamed"
    made.up({"outpost": outpost["name"], "provider": ours})
    authentik.call("PATCH", path, {"name": name})
    since = authentik.mark()
    assert made.up({"outpost": name, "provider": ours}) == "updated"
    assert authentik.written(since) == []
    assert ours in authentik.call("GET", path)["providers"]


@pytest.mark.parametrize("name", ["AAA", "zzz"], ids=["ours serves", "the other serves"])
def test_another_provider_of_our_host_on_the_outpost_is_drift_and_fails_the_run_by_both_names(
    name: str, authentik: Authentik, resource: Make
) -> None:
    outpost, ours, other = authentik.outpost(), authentik.provider(), authentik.provider()
    path, made = f"/outposts/instances/{outpost['pk']}/", resource("OutpostAttachment")
    declared = {"outpost": outpost["name"], "provider": ours["pk"]}
    made.up(declared)
    named = {"name": f"{name}-{other['name']}", "external_host": f"{ours['external_host']}/", "mode": "forward_single"}
    authentik.call("PATCH", f"/providers/proxy/{other['pk']}/", named)
    assert made.refresh()
    assert made.diff(declared)[0] is False  # it is on no outpost
    on_it = [*outpost["providers"], ours["pk"], other["pk"]]
    authentik.call("PATCH", path, {"providers": on_it})
    assert made.refresh()
    assert made.diff(declared)[0] is True
    latter = authentik.outpost()
    there = {"providers": [*latter["providers"], other["pk"]]}
    authentik.call("PATCH", f"/outposts/instances/{latter['pk']}/", there)
    since, last = authentik.mark(), max(named["name"], ours["name"])
    told = rf"'{ours['name']}' of this stack, and '{named['name']}'\. .* by name, probably '{last}'\."
    for name_of_outpost in (outpost["name"], latter["name"]):
        with pytest.raises(Exception, match=told):
            made.up(declared | {"outpost": name_of_outpost})
    assert authentik.written(since) == []
    authentik.call("PATCH", path, {"providers": on_it[:-1]})
    assert made.up(declared) == "updated"
    assert made.diff(declared)[0] is False


@pytest.mark.parametrize("guard", ["application", "group"])
def test_an_attachment_is_off_the_outpost_while_what_guards_it_is_replaced(
    guard: str, authentik: Authentik, resource: Make
) -> None:
    declared = sample(authentik, "OutpostAttachment").declared
    made = resource("OutpostAttachment")
    made.up(declared)
    other = {"application": authentik.application, "group": authentik.group}[guard]()
    assert made.diff(declared | {guard: other["pk"]}) == (True, [guard], True)
    assert made.diff(declared | {guard: UNKNOWN}) == (True, [guard], True)
    made.up(declared | {guard: other["pk"]})
    assert made.refresh()


def test_attaching_what_is_attached_writes_nothing(authentik: Authentik, resource: Make) -> None:
    outpost = authentik.outpost()
    since = authentik.mark()
    resource("OutpostAttachment").up({"outpost": outpost["name"], "provider": outpost["providers"][0]})
    assert authentik.written(since) == []


def test_providers_that_are_attached_at_once_are_all_attached(authentik: Authentik, resource: Make) -> None:
    outpost = authentik.outpost()
    ours = [authentik.provider()["pk"] for _ in range(8)]
    made = [resource("OutpostAttachment") for _ in ours]
    all_at_once(made, [{"outpost": outpost["name"], "provider": each} for each in ours])
    path = f"/outposts/instances/{outpost['pk']}/"
    assert set(authentik.call("GET", path)["providers"]) == {*outpost["providers"], *ours}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Resource.delete, made))
    assert authentik.call("GET", path)["providers"] == outpost["providers"]


@pytest.mark.parametrize(("times", "attached"), [(1, True), (4, True), (50, False)])
def test_somebody_who_writes_the_list_over_is_outlasted_within_a_bound(
    times: int, attached: bool, authentik: Authentik, proxy: Proxy, proxied: Make
) -> None:
    outpost, made = authentik.outpost(), proxied("OutpostAttachment")
    path, theirs = f"/outposts/instances/{outpost['pk']}/", {"providers": outpost["providers"]}
    declared = {"outpost": outpost["pk"], "provider": authentik.provider()["pk"]}
    proxy.on("PATCH /outposts/.*", then(lambda: authentik.call("PATCH", path, theirs)), times=times)
    if attached:
        made.up(declared)
        assert declared["provider"] in authentik.call("GET", path)["providers"]
    else:
        with pytest.raises(HostError, match="something else keeps writing the outpost's list of providers"):
            made.up(declared)
    assert set(theirs["providers"]) <= set(authentik.call("GET", path)["providers"])


def test_an_outpost_that_is_gone_is_told_by_its_name_and_gone_with_it(authentik: Authentik, resource: Make) -> None:
    outpost, made = authentik.outpost(), resource("OutpostAttachment")
    declared = {"outpost": outpost["name"], "provider": authentik.provider()["pk"]}
    made.up(declared)
    authentik.call("DELETE", f"/outposts/instances/{outpost['pk']}/")
    assert not made.refresh()
    with pytest.raises(HostError, match=f"find outpost '{outpost['name']}', .*Authentik has no object of that name"):
        made.up(declared)


def test_the_embedded_outpost_is_the_default(authentik: Authentik, resource: Make) -> None:
    provider, made = authentik.provider()["pk"], resource("OutpostAttachment")
    outs = made.create({"provider": provider})
    assert outs["outpost"] == "authentik Embedded Outpost"
    assert provider in authentik.call("GET", f"/outposts/instances/{outs['outpost_pk']}/")["providers"]
    made.delete()


def of_host(authentik: Authentik, host: str) -> Props:
    flows = {"authorization_flow": IMPLICIT, "invalidation_flow": INVALIDATION}
    return {"name": authentik.name("proxy"), "mode": "forward_single", "external_host": host, **flows}


@pytest.mark.parametrize("theirs", ["https://{}", "https://{}/", "HTTPS://{}", "http://{}/x"])
def test_a_provider_is_refused_the_host_of_another_and_nothing_is_written(
    theirs: str, authentik: Authentik, resource: Make
) -> None:
    host = f"{authentik.name('photos')}.example.org"
    other = authentik.provider(external_host=theirs.format(host))
    since = authentik.mark()
    with pytest.raises(HostError, match=f"proxy provider '{other['name']}' .* already serves") as caught:
        resource("ProxyProvider").up(of_host(authentik, f"https://{host}"))
    assert "set the argument adopt to true" in str(caught.value)
    assert authentik.written(since) == []


def test_a_provider_cannot_move_to_the_host_of_another_either(authentik: Authentik, resource: Make) -> None:
    other, made = authentik.provider(), resource("ProxyProvider")
    declared = of_host(authentik, f"https://{authentik.name('photos')}.example.org")
    made.up(declared)
    since = authentik.mark()
    with pytest.raises(HostError, match="already serves"):
        made.up(declared | {"external_host": other["external_host"]})
    assert authentik.written(since) == []


def test_a_provider_may_change_its_name_and_the_case_of_its_host_at_once(authentik: Authentik, resource: Make) -> None:
    host, made = f"{authentik.name('photos')}.example.org", resource("ProxyProvider")
    made.up(of_host(authentik, f"https://{host}"))
    assert made.up(of_host(authentik, f"https://{host.upper()}")) == "updated"


def test_a_group_that_was_made_anew_under_its_name_is_found_by_the_next_update(
    authentik: Authentik, resource: Make
) -> None:
    declared, made = sample(authentik, "User").declared, resource("User")
    group = authentik.group()
    declared["groups"] = [group["name"]]
    made.up(declared)
    authentik.call("DELETE", f"/core/groups/{group['pk']}/")
    again = authentik.call("POST", "/core/groups/", {"name": group["name"]})
    assert made.refresh()
    assert made.up(declared) == "updated"
    assert authentik.call("GET", f"/core/users/{made.id}/")["groups"] == [again["pk"]]


def test_the_last_provider_of_an_outpost_that_may_not_be_empty_leaves_it_when_it_is_deleted(
    authentik: Authentik, resource: Make
) -> None:
    outpost, made = authentik.outpost(), resource("OutpostAttachment")
    (provider,), path = outpost["providers"], f"/outposts/instances/{outpost['pk']}/"
    made.up({"outpost": outpost["name"], "provider": provider})
    made.delete()
    assert authentik.call("GET", path)["providers"] == [provider]
    authentik.call("DELETE", f"/providers/proxy/{provider}/")
    assert authentik.call("GET", path)["providers"] == []
