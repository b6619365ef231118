"""Immich's own login in the program: off by default, bound to people alone, and what it exports."""

import json
from typing import Any

import pytest

from tests.reference import STACK

from .engine import AUTHENTIK, KEY, Run, Secret, good

LOGIN = STACK | {"immich:login": "true"}
ISSUER = "https://auth.example.org/application/o/immich-login/"


@pytest.fixture(scope="module")
def login() -> Run:
    return good(LOGIN | {"immich:peopleGroups": '["family", "friends"]'})


def config_of(done: Run) -> dict[str, Any]:
    """The section of Immich's configuration that the stack exports."""
    assert isinstance(done.exports["immichSystemConfig"], Secret)
    config: dict[str, Any] = json.loads(done.exports["immichSystemConfig"].value)
    assert config.keys() == {"oauth"}
    found: dict[str, Any] = config["oauth"]
    return found


def redirect_uris(done: Run) -> list[str]:
    """Where a login may come back to, each compared letter by letter."""
    uris = done.named("immich-login-provider").inputs["redirect_uris"]
    assert {each["matching_mode"] for each in uris} == {"strict"}
    return [each["url"] for each in uris]


def test_without_it_nothing_of_it_is_made_or_exported() -> None:
    done = good(STACK)
    assert not [name for name in done.resources if "login" in name]
    assert not [name for name in done.exports if "login" in name.lower() or "SystemConfig" in name]


def test_it_is_these_resources_of_a_component_of_its_own_and_leaves_the_others_as_they_are(login: Run) -> None:
    without = good(STACK | {"immich:peopleGroups": '["family", "friends"]'}).resources
    added = {name: each for name, each in login.resources.items() if name not in without}
    assert {name: each.type for name, each in added.items()} == {
        "immich-login": "immich:index:Login",
        "immich-login-provider": f"{AUTHENTIK}OAuth2Provider",
        "immich-login-application": f"{AUTHENTIK}Application",
        "immich-login-bindings": f"{AUTHENTIK}ExclusiveBindings",
        "immich-login-people-binding-family": f"{AUTHENTIK}PolicyBinding",
        "immich-login-people-binding-friends": f"{AUTHENTIK}PolicyBinding",
    }
    assert {each.parent for name, each in added.items() if name != "immich-login"} == {"immich-login"}
    assert all(login.named(name).inputs == each.inputs for name, each in without.items())


def test_the_people_may_log_in_and_the_phones_group_is_not_bound(login: Run) -> None:
    target = "id-of-immich-login-application"
    bound = [
        each.inputs["group"]
        for each in login.resources.values()
        if each.type.endswith(":PolicyBinding") and each.inputs["target"] == target
    ]
    assert sorted(bound) == ["family", "friends"]


def test_the_provider_is_what_immich_needs(login: Run) -> None:
    inputs = login.named("immich-login-provider").inputs
    assert inputs["client_type"] == "confidential"
    assert inputs["grant_types"] == ["authorization_code"]
    assert inputs["signing_key"] == "authentik Self-signed Certificate"
    assert [each.rpartition("-")[2] for each in inputs["property_mappings"]] == ["openid", "email", "profile"]
    assert redirect_uris(login) == [
        "https://photos.example.org/auth/login",
        "https://photos.example.org/user-settings",
        "app.immich:///oauth-callback",
    ]


def test_no_other_issuer_and_no_other_protocol_opens_what_the_login_guards(login: Run) -> None:
    provider = login.named("immich-login-provider").inputs
    assert provider["jwt_federation_sources"] == provider["jwt_federation_providers"] == []
    assert login.named("immich-login-application").inputs["backchannel_providers"] == []


def test_the_certificate_that_signs_is_the_one_that_the_setting_names() -> None:
    done = good(LOGIN | {"immich:loginCertificate": "My key"})
    assert done.named("immich-login-provider").inputs["signing_key"] == "My key"


def test_the_exports_tell_immich_everything_and_keep_the_secret(login: Run) -> None:
    assert login.exports["loginIssuerUrl"] == ISSUER
    assert login.exports["loginClientId"] == "client"
    assert login.exports["loginClientSecret"] == Secret(f"{KEY}client")
    assert "client_secret" in login.named("immich-login-provider").secret_outputs
    shown = [value for value in login.exports.values() if not isinstance(value, Secret)]
    assert KEY not in str(shown)
    config = config_of(login)
    assert (config["issuerUrl"], config["clientId"], config["clientSecret"]) == (ISSUER, "client", f"{KEY}client")
    assert (config["enabled"], config["signingAlgorithm"]) == (True, "RS256")
    assert (config["mobileOverrideEnabled"], config["mobileRedirectUri"]) == (False, "")
    assert config["allowInsecureRequests"] is False


def test_with_the_override_the_app_comes_back_by_immich_itself() -> None:
    done = good(LOGIN | {"immich:loginMobileOverride": "true"})
    by_immich = "https://photos.example.org/api/oauth/mobile-redirect"
    assert redirect_uris(done)[2:] == [by_immich]
    config = config_of(done)
    assert (config["mobileOverrideEnabled"], config["mobileRedirectUri"]) == (True, by_immich)


def test_the_issuer_is_where_browsers_reach_authentik() -> None:
    done = good(LOGIN | {"immich:authentikUrl": "http://auth.lan:9000", "immich:loginApplication": "photos"})
    assert done.exports["loginIssuerUrl"] == "http://auth.lan:9000/application/o/photos/"
    assert done.named("immich-login-application").inputs["slug"] == "photos"
    assert config_of(done)["allowInsecureRequests"] is True


def test_adopting_is_asked_of_every_object_of_the_login() -> None:
    done = good(LOGIN | {"immich:adopt": "true"})
    adopting = {name for name, each in done.resources.items() if each.inputs.get("adopt") is True and "login" in name}
    assert adopting == {"immich-login-provider", "immich-login-application", "immich-login-people-binding-family"}
