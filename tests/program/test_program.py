"""The whole program: which resources it declares, with which inputs, in which order, and what it exports."""

import base64
import json

import pulumi
import pytest

from components.fingerprint import fingerprint
from providers.caddy.site import Site, render
from tests.reference import STACK

from .engine import KEY, Registered, Run, Secret, good, run

AUTHENTIK = "pulumi-python:dynamic/authentik:"


@pytest.fixture(scope="module")
def reference() -> Run:
    return good(STACK)


def phones(*phones: dict[str, object]) -> dict[str, str]:
    return STACK | {"immich:phones": json.dumps(phones)}


def of_type(done: Run, name: str) -> list[Registered]:
    """The resources of a type, by name."""
    found = [each for each in done.resources.values() if each.type == AUTHENTIK + name]
    return sorted(found, key=lambda each: each.name)


def changed(one: Run, other: Run) -> list[str]:
    """The resources of both that are declared in another way, by name."""
    both = one.resources.keys() & other.resources.keys()
    return sorted(name for name in both if one.named(name).inputs != other.named(name).inputs)


def test_the_reference_stack_is_these_resources_and_no_others(reference: Run) -> None:
    assert {name: each.type for name, each in reference.resources.items()} == {
        "immich": "immich:index:MobileAccess",
        "immich-phones": f"{AUTHENTIK}Group",
        "immich-phone.g1": f"{AUTHENTIK}ServiceAccount",
        "immich-provider": f"{AUTHENTIK}ProxyProvider",
        "immich-application": f"{AUTHENTIK}Application",
        "immich-phones-binding": f"{AUTHENTIK}PolicyBinding",
        "immich-people-binding-family": f"{AUTHENTIK}PolicyBinding",
        "immich-outpost": f"{AUTHENTIK}OutpostAttachment",
        "immich-caddy": "immich:index:CaddySite",
        "immich-site": "pulumi-python:dynamic/caddy:CaddyConfig",
        "immich-proof": "pulumi-python:dynamic/access:AccessProof",
        "immich-isolation": f"{AUTHENTIK}Isolation",
    }


def test_every_resource_belongs_to_the_component_and_it_to_the_stack(reference: Run) -> None:
    parents = {name: each.parent for name, each in reference.resources.items()}
    assert parents.pop("immich") == "immich-prod"
    assert parents.pop("immich-site") == "immich-caddy"
    assert set(parents.values()) == {"immich"}


SITE = Site("https://photos.example.org", "http://localhost:2283", "https://auth.example.org")
INPUTS = {
    "immich-phones": {
        "name": "immich-mobile-users",
        "is_superuser": False,
        "parents": [],
        "roles": [],
        "attributes": {"pulumi": "immich/prod/immich-phones"},
    },
    "immich-phone.g1": {
        "username": "immich-mobile-service",
        "name": "Immich phone: phone, generation 1",
        "is_active": True,
        "groups": ["id-of-immich-phones"],
        "roles": [],
        "email": "",
        "attributes": {"pulumi": "immich/prod/immich-phone", "phone": "phone", "generation": 1},
    },
    "immich-provider": {
        "name": "Immich Forward Auth",
        "mode": "forward_single",
        "external_host": "https://photos.example.org",
        "authorization_flow": "default-provider-authorization-implicit-consent",
        "invalidation_flow": "default-provider-invalidation-flow",
        "intercept_header_auth": True,
        "skip_path_regex": "",
        "cookie_domain": "",
        "jwt_federation_sources": [],
        "jwt_federation_providers": [],
        "stack": "immich/prod",
    },
    "immich-application": {
        "name": "Immich",
        "slug": "immich",
        "provider": "41",
        "backchannel_providers": [],
        "meta_launch_url": "https://photos.example.org",
        "policy_engine_mode": "any",
        "stack": "immich/prod",
    },
    "immich-phones-binding": {"target": "id-of-immich-application", "group": "id-of-immich-phones"},
    "immich-people-binding-family": {"target": "id-of-immich-application", "group": "family"},
    "immich-outpost": {
        "outpost": "authentik Embedded Outpost",
        "provider": "41",
        "application": "id-of-immich-application",
    },
    "immich-isolation": {
        "group": "id-of-immich-phones",
        "application": "id-of-immich-application",
        "accounts": {"immich-mobile-service": "41"},
        "action": "report",
    },
    "immich-site": {
        "admin": "http://localhost:2019",
        "route_id": "immich-prod",
        "host": "photos.example.org",
        "port": 443,
        "caddyfile": render(SITE),
    },
}


@pytest.mark.parametrize("name", INPUTS)
def test_a_resource_is_declared_with_exactly_these_inputs(name: str, reference: Run) -> None:
    assert reference.named(name).inputs == INPUTS[name]


def test_no_path_is_open_and_no_password_is_sent_upstream(reference: Run) -> None:
    provider = reference.named("immich-provider").inputs
    assert provider["skip_path_regex"] == ""
    assert "basic_auth_enabled" not in provider


def test_the_phones_account_is_in_the_phones_group_alone_and_no_superuser(reference: Run) -> None:
    assert reference.named("immich-phone.g1").inputs["groups"] == ["id-of-immich-phones"]
    assert reference.named("immich-phones").inputs["is_superuser"] is False


def test_the_provider_is_reachable_only_after_every_binding_and_the_site_after_that(reference: Run) -> None:
    bindings = {"immich-phones-binding", "immich-people-binding-family"}
    assert reference.named("immich-outpost").dependencies >= {*bindings, "immich-provider"}
    assert reference.named("immich-site").dependencies >= {"immich-outpost"}
    for name in bindings:
        assert "immich-application" in reference.named(name).dependencies
    assert "immich-provider" in reference.named("immich-application").dependencies
    assert "immich-phones" in reference.named("immich-phone.g1").dependencies


def test_what_bears_no_mark_of_its_stack_comes_after_the_group_that_does(reference: Run) -> None:
    assert reference.named("immich-phones").dependencies == set()
    assert "immich-phones" in reference.named("immich-provider").dependencies
    assert "immich-provider" in reference.named("immich-application").dependencies
    login = good(STACK | {"immich:login": "true"})
    assert "immich-application" in login.named("immich-login-provider").dependencies


def test_the_key_and_what_holds_it_are_secret(reference: Run) -> None:
    assert "key" in reference.named("immich-phone.g1").secret_outputs
    encoded = base64.b64encode(f"immich-mobile-service:{KEY}immich-mobile-service".encode()).decode()
    assert reference.exports["headers"] == Secret({"phone": f"Basic {encoded}"})


def test_the_stack_exports_what_an_operator_needs_and_nothing_else(reference: Run) -> None:
    exports = {name: value for name, value in reference.exports.items() if name != "headers"}
    assert exports == {
        "immichUrl": "https://photos.example.org",
        "headerName": "Authorization",
        "fingerprints": {"phone": fingerprint(reference.exports["headers"].value["phone"])},
        "serviceAccounts": {"phone": "immich-mobile-service"},
        "formerServiceAccounts": {},
        "application": "immich",
        "reachable": {},
        "untold": [],
    }


def test_the_component_registers_its_outputs(reference: Run) -> None:
    outputs = reference.outputs["immich"]
    accounts = {"headers", "fingerprints", "serviceAccounts", "formerServiceAccounts"}
    assert outputs.keys() == {"url", "headerName", *accounts, "application"}
    assert isinstance(outputs["headers"], Secret)
    assert KEY not in str({name: value for name, value in outputs.items() if name != "headers"})


THREE = phones({"name": "phone"}, {"name": "anna", "generation": 2}, {"name": "ben-2", "generation": 13})


def test_every_phone_has_an_account_of_its_own_named_after_it_and_its_generation() -> None:
    done = good(THREE)
    names = {each.name: each.inputs["username"] for each in of_type(done, "ServiceAccount")}
    assert names == {
        "immich-phone.g1": "immich-mobile-service",
        "immich-anna.g2": "immich-mobile-service-anna-g2",
        "immich-ben-2.g13": "immich-mobile-service-ben-2-g13",
    }
    accounts = dict(zip(("anna", "ben-2", "phone"), (names[each] for each in sorted(names)), strict=True))
    assert done.exports["serviceAccounts"] == accounts
    assert done.exports["headers"].value.keys() == accounts.keys()
    assert len(set(done.exports["headers"].value.values())) == 3
    assert done.named("immich-anna.g2").inputs["attributes"]["generation"] == 2


def test_losing_a_phone_changes_nothing_of_the_others_but_what_looks_at_them() -> None:
    all_three, two = good(THREE), good(phones({"name": "phone"}, {"name": "ben-2", "generation": 13}))
    assert all_three.resources.keys() - two.resources.keys() == {"immich-anna.g2"}
    assert changed(all_three, two) == ["immich-isolation", "immich-proof"]  # which look at each account


def test_a_new_password_for_a_phone_is_a_new_account_in_the_place_of_the_former_one(reference: Run) -> None:
    done = good(phones({"name": "phone", "generation": 2}))
    assert done.resources.keys() ^ reference.resources.keys() == {"immich-phone.g1", "immich-phone.g2"}
    assert changed(reference, done) == ["immich-isolation", "immich-proof"]
    assert done.named("immich-phone.g2").inputs["username"] == "immich-mobile-service-g2"


def test_an_overlap_keeps_the_former_account_beside_the_new_one_and_its_header_to_itself(reference: Run) -> None:
    done = good(phones({"name": "phone", "generation": 2, "overlap": True, "expires": "2031-01-01T00:00:00Z"}))
    assert done.resources.keys() - reference.resources.keys() == {"immich-phone.g2"}
    former = done.named("immich-phone.g1")
    born = {"name", "attributes", "expiring", "expires"}
    assert set(former.ignore_changes) == born
    was = {name: each for name, each in reference.named("immich-phone.g1").inputs.items() if name not in born}
    assert {name: each for name, each in former.inputs.items() if name not in born} == was | {"former": True}
    assert done.exports["serviceAccounts"] == {"phone": "immich-mobile-service-g2"}
    assert done.exports["formerServiceAccounts"] == {"phone": "immich-mobile-service"}
    assert done.exports["headers"].value.keys() == done.exports["fingerprints"].keys() == {"phone"}
    assert done.named("immich-proof").inputs["headers"].value.keys() == {"phone", "phone (former)"}


def test_an_overlap_of_the_first_generation_keeps_nothing(reference: Run) -> None:
    done = good(phones({"name": "phone", "overlap": True}))
    assert {name: each.inputs for name, each in done.resources.items()} == {
        name: each.inputs for name, each in reference.resources.items()
    }


@pytest.mark.parametrize("generation", [1, 2, 3])
@pytest.mark.parametrize("overlap", [False, True])
def test_the_name_that_earlier_versions_gave_a_phone_leads_to_the_one_account_it_may_be(
    generation: int, overlap: bool
) -> None:
    done = good(phones({"name": "anna", "generation": generation, "overlap": overlap}))
    aliased = [each.name for each in of_type(done, "ServiceAccount") if each.aliases == ["immich-anna"]]
    assert aliased == [f"immich-anna.g{generation - 1 if overlap and generation > 1 else generation}"]


def test_a_phone_says_in_authentik_which_it_is_and_of_which_generation() -> None:
    done = good(phones({"name": "anna", "generation": 3, "note": "blue Pixel"}))
    declared = done.named("immich-anna.g3").inputs
    assert declared["name"] == "Immich phone: anna, generation 3"
    attributes = {"pulumi": "immich/prod/immich-anna", "phone": "anna", "generation": 3, "note": "blue Pixel"}
    assert declared["attributes"] == attributes


def test_a_password_expires_only_where_it_is_asked_to() -> None:
    done = good(phones({"name": "phone"}, {"name": "anna", "expires": "2031-01-01T00:00:00Z"}))
    assert done.named("immich-phone.g1").inputs.keys() & {"expiring", "expires"} == set()
    anna = done.named("immich-anna.g1").inputs
    assert (anna["expiring"], anna["expires"]) == (True, "2031-01-01T00:00:00Z")


def test_no_phones_leave_the_way_for_people_open_and_no_header() -> None:
    done = good(phones())
    assert of_type(done, "ServiceAccount") == []
    assert done.exports["headers"] == Secret({})
    assert done.exports["serviceAccounts"] == {}


def test_switching_off_deactivates_every_account_and_changes_nothing_else() -> None:
    on, off = good(THREE), good(THREE | {"immich:enabled": "false"})
    accounts = of_type(off, "ServiceAccount")
    assert [each.inputs["is_active"] for each in accounts] == [False] * 3
    assert changed(on, off) == sorted([*(each.name for each in accounts), "immich-proof"])


def test_the_proof_comes_after_everything_and_asks_with_each_phones_header() -> None:
    done = good(THREE)
    proof = done.named("immich-proof")
    others = {"immich", "immich-caddy", "immich-proof", "immich-isolation"}
    assert proof.dependencies >= done.resources.keys() - others
    assert proof.inputs["headers"] == done.exports["headers"]
    assert proof.inputs["refused"] == Secret({})
    assert proof.inputs["url"] == "https://photos.example.org"


def test_phones_that_are_switched_off_are_proved_to_stay_out() -> None:
    off = good(THREE | {"immich:enabled": "false"})
    proof = off.named("immich-proof").inputs
    assert (proof["headers"], proof["refused"]) == (Secret({}), off.exports["headers"])


def test_without_verify_nothing_is_proved_and_all_else_is_the_same(reference: Run) -> None:
    done = good(STACK | {"immich:verify": "false"})
    assert reference.resources.keys() - done.resources.keys() == {"immich-proof"}
    assert changed(reference, done) == []


def test_the_proof_goes_where_the_probe_settings_say() -> None:
    settings = {"immich:probeAddress": "192.0.2.7:8443", "immich:probeCa": "/etc/ca.pem"}
    proof = good(STACK | settings).named("immich-proof").inputs
    assert (proof["address"], proof["ca"]) == ("192.0.2.7:8443", "/etc/ca.pem")


@pytest.mark.parametrize(
    ("groups", "bound"), [("[]", []), ('["b", "a b"]', ["a b", "b"]), ('["5F2C8A4E"]', ["5F2C8A4E"])]
)
def test_only_the_groups_that_were_said_are_bound_besides_the_phones(groups: str, bound: list[str]) -> None:
    done = good(STACK | {"immich:peopleGroups": groups})
    found = {each.inputs["group"] for each in of_type(done, "PolicyBinding")}
    assert found == {"id-of-immich-phones", *bound}
    names = {each.name for each in of_type(done, "PolicyBinding")}
    assert done.named("immich-outpost").dependencies >= names


def test_adopting_is_asked_of_everything_that_can_stand_already_and_only_when_it_is_said(reference: Run) -> None:
    assert not any("adopt" in each.inputs for each in reference.resources.values())
    done = good(STACK | {"immich:adopt": "true"})
    adopting = {name for name, each in done.resources.items() if each.inputs.get("adopt") is True}
    assert adopting == INPUTS.keys() - {"immich-site"}


def test_another_stack_marks_its_objects_as_its_own(reference: Run) -> None:
    done = good(STACK, stack="lab")
    for name in ("immich-phones", "immich-phone.g1"):
        assert done.named(name).inputs["attributes"]["pulumi"] == f"immich/lab/{name.removesuffix('.g1')}"
    assert done.named("immich-site").inputs["route_id"] == "immich-lab"


def test_the_outpost_is_reached_where_it_is_said() -> None:
    done = good(STACK | {"immich:outpostUrl": "http://outpost:9000", "caddy:admin": "http://caddy:2019"})
    site = done.named("immich-site").inputs
    assert "reverse_proxy http://outpost:9000" in site["caddyfile"]
    assert site["admin"] == "http://caddy:2019"


def test_a_public_port_goes_into_everything_that_names_the_address() -> None:
    done = good(STACK | {"immich:url": "https://photos.example.org:8443"})
    assert done.named("immich-provider").inputs["external_host"] == "https://photos.example.org:8443"
    assert done.named("immich-application").inputs["meta_launch_url"] == "https://photos.example.org:8443"
    assert done.named("immich-site").inputs["port"] == 8443


@pytest.mark.parametrize("key", ["authentik:url", "immich:url", "immich:peopleGroups"])
def test_a_missing_setting_ends_the_program_as_one_message_before_anything_is_registered(key: str) -> None:
    done = run({name: value for name, value in STACK.items() if name != key})
    assert isinstance(done.error, pulumi.RunError)
    assert str(done.error).startswith(f"the stack's settings are not right:\n{key}: ")
    assert done.resources == {}
    assert done.error.__suppress_context__


def test_everything_that_is_wrong_is_told_by_that_message() -> None:
    done = run({"immich:url": "photos", "immich:phones": "{}"})
    assert isinstance(done.error, pulumi.RunError)
    assert str(done.error).count("\n") > 5
    assert done.resources == {}
