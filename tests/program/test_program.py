"""The whole program: which resources it declares, with which inputs, in which order, and what it exports."""

import base64
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockResourceArgs

from components.fingerprint import fingerprint
from providers.access.collect import CLOSED, NO_RIGHTS
from providers.caddy.site import Site, render
from tests.reference import STACK

from .engine import AUTHENTIK, KEY, Authentik, Monitor, Run, Secret, good, of_type, run


def test_the_reference_stack_is_these_resources_and_no_others(reference: Run) -> None:
    assert {name: each.type for name, each in reference.resources.items()} == {
        "immich": "immich:index:MobileAccess",
        "immich-phones": f"{AUTHENTIK}Group",
        "immich-phone.g1": f"{AUTHENTIK}ServiceAccount",
        "immich-members": f"{AUTHENTIK}ExclusiveMembers",
        "immich-provider": f"{AUTHENTIK}ProxyProvider",
        "immich-application": f"{AUTHENTIK}Application",
        "immich-phones-binding": f"{AUTHENTIK}PolicyBinding",
        "immich-people-binding-family": f"{AUTHENTIK}PolicyBinding",
        "immich-bindings": f"{AUTHENTIK}ExclusiveBindings",
        "immich-outpost": f"{AUTHENTIK}OutpostAttachment",
        "immich-outpost-confirmation": f"{AUTHENTIK}OutpostConfirmation",
        "immich-caddy": "immich:index:CaddySite",
        "immich-site": "pulumi-python:dynamic/caddy:CaddyConfig",
        "immich-proof": "pulumi-python:dynamic/access:AccessProof",
        "immich-isolation": f"{AUTHENTIK}Isolation",
    }


@pytest.mark.parametrize(("name", "held_to"), [("immich-provider", CLOSED), ("immich-phones", NO_RIGHTS)])
def test_what_the_doctor_holds_an_object_to_is_what_the_program_declares(
    name: str, held_to: dict[str, object], reference: Run
) -> None:
    inputs = reference.resources[name].inputs
    assert {field: inputs.get(field) for field in held_to} == held_to  # parent: the older name of parents


def test_every_resource_belongs_to_the_component_and_it_to_the_stack(reference: Run) -> None:
    parents = {name: each.parent for name, each in reference.resources.items()}
    assert parents.pop("immich") == "immich-prod"
    assert parents.pop("immich-site") == "immich-caddy"
    assert set(parents.values()) == {"immich"}


SITE = Site("immich-mobile-service", "https://photos.example.org", "http://localhost:2283", "https://auth.example.org")
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
        "attributes": {"pulumi": "immich/prod/immich-phone.g1", "phone": "phone", "generation": 1},
    },
    "immich-members": {"group": "id-of-immich-phones", "users": ["41"]},
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
    "immich-bindings": {
        "target": "id-of-immich-application",
        "bindings": ["id-of-immich-phones-binding", "id-of-immich-people-binding-family"],
    },
    "immich-outpost": {
        "outpost": "authentik Embedded Outpost",
        "provider": "41",
        "application": "id-of-immich-application",
        "group": "id-of-immich-phones",
        "confirm": False,
    },
    "immich-outpost-confirmation": {"outpost": "id-of-the-outpost", "provider": "41", "settles": 1800000000},
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
        "upstream": "http://localhost:2283",
        "other_doors": [],
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
    assert reference.named("immich-bindings").dependencies >= bindings
    assert reference.named("immich-members").dependencies >= {"immich-phones", "immich-phone.g1"}
    assert "immich-members" in reference.named("immich-phones-binding").dependencies
    assert reference.named("immich-outpost").dependencies >= {*bindings, "immich-bindings", "immich-provider"}
    assert reference.named("immich-site").dependencies >= {"immich-outpost"}
    for name in bindings:
        assert "immich-application" in reference.named(name).dependencies
    assert "immich-provider" in reference.named("immich-application").dependencies
    assert "immich-phones" in reference.named("immich-phone.g1").dependencies


def test_nothing_but_the_end_of_the_run_waits_until_the_outposts_list_is_known_to_stand(reference: Run) -> None:
    assert reference.named("immich-outpost").inputs["confirm"] is False
    assert "immich-outpost" in reference.named("immich-outpost-confirmation").dependencies
    assert [
        each.name for each in reference.resources.values() if "immich-outpost-confirmation" in each.dependencies
    ] == []


def test_bindings_go_with_their_application_and_the_place_on_the_outpost_with_its_provider(reference: Run) -> None:
    assert {each.name: each.deleted_with for each in reference.resources.values() if each.deleted_with} == {
        "immich-phones-binding": "immich-application",
        "immich-people-binding-family": "immich-application",
        "immich-outpost": "immich-provider",
    }


@pytest.mark.parametrize(
    ("adopted", "goes_alone"),
    [
        ("Application", {"immich-phones-binding", "immich-people-binding-family", "immich-outpost"}),
        ("ProxyProvider", {"immich-outpost"}),
    ],
)
def test_what_this_stack_added_to_an_object_that_is_given_back_is_deleted_itself(
    adopted: str, goes_alone: set[str], reference: Run
) -> None:
    class Adopting(Authentik):
        def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            id_, outs = super().new_resource(args)
            return id_, outs | ({"adopted": "{}"} if args.typ.endswith(f":{adopted}") else {})

    def monitor(done: Run) -> Monitor:
        made = Monitor(done)
        made.mocks = Adopting()
        return made

    done = run(STACK, monitor=monitor)
    assert done.error is None
    together = {each.name for each in reference.resources.values() if each.deleted_with}
    assert {each.name for each in done.resources.values() if each.deleted_with} == together - goes_alone


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
        "authentikUrl": "https://auth.example.org",
        "immichUrl": "https://photos.example.org",
        "headerName": "Authorization",
        "fingerprints": {"phone": fingerprint(reference.exports["headers"].value["phone"])},
        "generations": {"phone": 1},
        "serviceAccounts": {"phone": "immich-mobile-service"},
        "formerServiceAccounts": {},
        "application": "immich",
        "reachable": {},
        "unchecked": [],
    }


def test_the_component_registers_its_outputs(reference: Run) -> None:
    outputs = reference.outputs["immich"]
    accounts = {"headers", "fingerprints", "generations", "serviceAccounts", "formerServiceAccounts"}
    assert outputs.keys() == {"url", "headerName", *accounts, "application"}
    assert isinstance(outputs["headers"], Secret)
    assert KEY not in str({name: value for name, value in outputs.items() if name != "headers"})


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
    own = {"immich-site", "immich-bindings", "immich-members", "immich-outpost-confirmation"}
    assert adopting == INPUTS.keys() - own


def test_another_stack_marks_its_objects_as_its_own(reference: Run) -> None:
    done = good(STACK, stack="lab")
    for name in ("immich-phones", "immich-phone.g1"):
        assert done.named(name).inputs["attributes"]["pulumi"] == f"immich/lab/{name}"
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


def test_all_that_is_wrong_ends_the_program_as_one_message_before_anything_is_registered() -> None:
    done = run({"immich:url": "photos", "immich:phones": "{}", "immich:isolaton": "close"})
    assert isinstance(done.error, pulumi.RunError)
    told = [line.split(": ")[0] for line in str(done.error).split("\n")]
    wrong = ["immich:isolaton", "authentik:url", "immich:peopleGroups", "immich:url", "immich:phones"]
    assert told == ["the stack's settings are not right:", *wrong]
    assert done.resources == {}
    assert done.error.__suppress_context__


def test_settings_of_other_namespaces_are_other_programs() -> None:
    assert good(STACK | {"pulumi:tags": "{}", "aws:region": "eu-central-1"}).resources


def test_the_address_that_the_token_goes_to_is_an_output_and_no_input(reference: Run) -> None:
    assert reference.exports["authentikUrl"] == "https://auth.example.org"
    elsewhere = run(STACK | {"authentik:url": "https://elsewhere.example.org", "immich:outpostUrl": "http://outpost"})
    assert elsewhere.exports["authentikUrl"] == "https://elsewhere.example.org"
    assert not [each for each in elsewhere.resources.values() if "elsewhere" in str(each.inputs)]


@pytest.mark.parametrize(("url", "warned"), [("http://auth.example.org", True), ("http://server:9000", False)])
def test_plain_http_to_another_machine_is_warned_of(url: str, warned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: said.append(text))
    assert good(STACK | {"authentik:url": url}).error is None
    assert any(url in text for text in said) is warned
