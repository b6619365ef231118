"""The stand-in's table and answers agree with the official client's models of the 2026.8 API."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

import authentik_client as official
import pytest
from pydantic import BaseModel

from lab.authentik import StandIn
from lab.authentik.fields import Field, Model
from lab.authentik.models import MODELS
from tests.contract.api import Api, Site, fresh

REQUESTS: dict[str, type[BaseModel]] = {
    "core/users": official.UserRequest,
    "core/groups": official.GroupRequest,
    "core/applications": official.ApplicationRequest,
    "core/tokens": official.TokenRequest,
    "policies/bindings": official.PolicyBindingRequest,
    "providers/proxy": official.ProxyProviderRequest,
    "providers/oauth2": official.OAuth2ProviderRequest,
    "outposts/instances": official.OutpostRequest,
    "crypto/certificatekeypairs": official.CertificateKeyPairRequest,
    "rbac/roles": official.RoleRequest,
}
LISTS: dict[str, tuple[type[BaseModel], Any]] = {
    "core/users": (official.PaginatedUserList, official.CoreApi.core_users_list),
    "core/groups": (official.PaginatedGroupList, official.CoreApi.core_groups_list),
    "core/applications": (official.PaginatedApplicationList, official.CoreApi.core_applications_list),
    "core/tokens": (official.PaginatedTokenList, official.CoreApi.core_tokens_list),
    "policies/bindings": (official.PaginatedPolicyBindingList, official.PoliciesApi.policies_bindings_list),
    "providers/proxy": (official.PaginatedProxyProviderList, official.ProvidersApi.providers_proxy_list),
    "providers/oauth2": (official.PaginatedOAuth2ProviderList, official.ProvidersApi.providers_oauth2_list),
    "outposts/instances": (official.PaginatedOutpostList, official.OutpostsApi.outposts_instances_list),
    "flows/instances": (official.PaginatedFlowList, official.FlowsApi.flows_instances_list),
    "propertymappings/provider/scope": (
        official.PaginatedScopeMappingList, official.PropertymappingsApi.propertymappings_provider_scope_list,
    ),
    "crypto/certificatekeypairs": (
        official.PaginatedCertificateKeyPairList, official.CryptoApi.crypto_certificatekeypairs_list,
    ),
    "rbac/roles": (official.PaginatedRoleList, official.RbacApi.rbac_roles_list),
    "events/events": (official.PaginatedEventList, official.EventsApi.events_events_list),
}  # fmt: skip
# what every list takes, what only changes the form of an answer, and what single views handle themselves
NOT_FILTERS = frozenset({
    "self", "ordering", "page", "page_size", "search", "include_users", "include_groups", "include_roles",
    "include_children", "include_parents", "include_inherited_roles", "for_user", "only_with_launch_url",
    "superuser_full_list", "inherited",
})  # fmt: skip
# fields that the client's release has and the recorded release candidate had not
NEWER_FIELDS: dict[str, dict[str, Any]] = {
    "core/applications": {"pbm_uuid": "00000000-0000-0000-0000-000000000000"},
    "policies/bindings": {"expires": None, "expiring": False},
    "OAuth2ProviderSetupURLs": {"dcr_registration": None},
}


@pytest.fixture(scope="module")
def furnished(server: StandIn) -> Api:
    """At least one row of everything."""
    api = Api(server)
    site = Site(api)
    assert site.enters(site.basic)
    body = api.proxy_body("https://unused.example.test")
    provider = api.make(
        "/providers/oauth2/", name=fresh("login"), authorization_flow=body["authorization_flow"],
        invalidation_flow=body["invalidation_flow"], redirect_uris=[],
    )  # fmt: skip
    api.application(provider=provider["pk"])
    api.make("/rbac/roles/", name=fresh("role"))
    parent = api.make("/core/groups/", name=fresh("parent"))
    api.make("/core/groups/", name=fresh("child"), parents=[parent["pk"]])
    return api


def with_newer(name: str, answer: dict[str, Any]) -> dict[str, Any]:
    newer = NEWER_FIELDS.get(name, {})
    assert not newer.keys() & answer.keys(), "the recorded version had no such field"
    return answer | newer


def required(model: type[BaseModel]) -> set[str]:
    return {name for name, info in model.model_fields.items() if info.is_required()}


@pytest.mark.parametrize("path", REQUESTS)
def test_the_table_has_every_writable_field_with_the_same_requiredness(path: str) -> None:
    model = REQUESTS[path]
    table = MODELS[path].fields
    assert set(table) == set(model.model_fields)
    assert {name for name, field in table.items() if field.required} == required(model)


@pytest.mark.parametrize("path", REQUESTS)
def test_the_table_has_the_same_choices_and_limits(path: str) -> None:
    for name, info in REQUESTS[path].model_fields.items():
        field = MODELS[path].fields[name]
        choices = _choices(info.annotation)
        assert set(field.choices) == choices, name
        limits = {k: v for m in _metadata(info) for k in ("max_length", "min_length") if (v := getattr(m, k, None))}
        if not choices and _is_text(field):
            assert field.max_length == limits.get("max_length"), name
            assert field.blank == ("min_length" not in limits), name


def _is_text(field: Field) -> bool:
    return field.kind in ("str", "slug", "url", "email", "duration")


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in typing.get_args(annotation):
        yield from _parts(part)


def _choices(annotation: Any) -> set[str]:
    enums = [part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, Enum)]
    return {str(member.value) for enum in enums for member in enum}


def _metadata(info: Any) -> Iterator[Any]:
    for part in [info, *_parts(info.annotation)]:
        for item in getattr(part, "metadata", ()):
            yield item
            yield from getattr(item, "metadata", ())


@pytest.mark.parametrize("path", LISTS)
def test_every_filter_of_a_list_is_known(path: str) -> None:
    """One that the real server applies, and the stand-in ignored, would return everything."""
    taken = {name for name in inspect.signature(LISTS[path][1]).parameters if not name.startswith("_")}
    assert taken - NOT_FILTERS == set(MODELS[path].filters)


@pytest.mark.parametrize("path", LISTS)
def test_lists_parse_with_the_official_models(furnished: Api, path: str) -> None:
    options = "include_parents=true&include_children=true&include_inherited_roles=true&superuser_full_list=true"
    answer = furnished.get(f"/{path}/?{options}")
    assert answer["results"]
    answer["results"] = [with_newer(path, row) for row in answer["results"]]
    parsed = LISTS[path][0].from_dict(answer)  # type: ignore[attr-defined]
    assert len(parsed.results) == len(answer["results"])
    assert not _unknown(parsed, answer, path)


@pytest.mark.parametrize("path", LISTS)
def test_single_rows_parse_with_the_official_models(furnished: Api, path: str) -> None:
    model = MODELS[path]
    row = furnished.rows(f"/{path}/?superuser_full_list=true")[0]
    answer = with_newer(path, furnished.get(f"/{path}/{row[model.lookup]}/"))
    item = typing.get_args(LISTS[path][0].model_fields["results"].annotation)[0]
    assert not _unknown(item.from_dict(answer), answer, path)


def test_other_answers_parse_with_the_official_models(furnished: Api) -> None:
    api = furnished
    account = api.account(create_group=True)
    login = api.rows("/providers/oauth2/")[0]
    app = api.rows("/core/applications/?superuser_full_list=true")[0]
    role = api.rows("/rbac/roles/")[0]
    outpost = api.embedded()
    rights = {"permissions": ["authentik_core.view_user"]}
    assigned = api.make(f"/rbac/permissions/assigned_by_roles/{role['pk']}/assign/", **rights)
    token = f"service-account-{account['username']}-password"
    answers: list[tuple[Any, Any]] = [
        (official.UserServiceAccountResponse, account),
        (official.TokenView, api.get(f"/core/tokens/{token}/view_key/")),
        (official.PolicyTestResult, api.get(f"/core/applications/{app['slug']}/check_access/")),
        (official.OAuth2ProviderSetupURLs, api.get(f"/providers/oauth2/{login['pk']}/setup_urls/")),
        (official.OutpostHealth, api.get(f"/outposts/instances/{outpost['pk']}/health/")[0]),
        (official.OutpostDefaultConfig, api.get("/outposts/instances/default_settings/")),
        (official.Version, api.get("/admin/version/")),
        (official.Config, api.get("/root/config/")),
        (official.PermissionAssignResult, assigned[0]),
        (official.GenericError, api.refused("GET", "/core/users/999999/", status=404)),
    ]
    for model, answer in answers:
        whole = with_newer(model.__name__, answer)
        assert not _unknown(model.from_dict(whole), whole, model.__name__)


def test_the_caller_parses_with_the_official_model_and_its_newer_fields(furnished: Api) -> None:
    me = furnished.get("/core/users/me/")
    assert "is_current" not in me["user"]
    newer = {"user": me["user"] | {"is_current": True}, "users": []}
    parsed = official.SessionUser.from_dict(newer)
    assert parsed is not None
    assert parsed.user.username == "akadmin"


def _unknown(parsed: Any, answer: Any, at: str) -> list[str]:
    """Keys of an answer that the official model does not have, at any depth."""
    if isinstance(parsed, list):
        pairs = zip(parsed, answer, strict=True)
        return [found for one, other in pairs for found in _unknown(one, other, at)]
    if not isinstance(parsed, BaseModel) or not isinstance(answer, dict):
        return []
    model = type(parsed)
    names = {info.alias or name: name for name, info in model.model_fields.items()}
    if model is official.Policy:
        return []  # a policy shows the fields of its own kind, too
    beyond = [f"{at}.{key}" for key in answer if key not in names]
    for key, name in names.items():
        beyond += _unknown(getattr(parsed, name), answer.get(key), f"{at}.{key}")
    return beyond


def test_models_of_the_table_are_reachable() -> None:
    assert all(isinstance(model, Model) for model in MODELS.values())
    assert isinstance(MODELS, types.MappingProxyType)
