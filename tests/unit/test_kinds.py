"""What holds for the declaration of every kind."""

import base64
import inspect
import pickletools
from typing import get_args

import pulumi
import pytest
from pulumi.dynamic import Resource, ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

from providers.access.proof import AccessProof, AccessProofProvider
from providers.authentik import ExclusiveBindings, ExclusiveMembers, Isolation
from providers.authentik.api.configured import Configured
from providers.authentik.crud import AuthentikProvider
from providers.authentik.exclusive_bindings import ExclusiveBindingsProvider
from providers.authentik.exclusive_members import ExclusiveMembersProvider
from providers.authentik.isolation import IsolationProvider
from providers.authentik.model.fields import UNSET, ListOf, Reference
from providers.authentik.model.kind import Kind
from providers.authentik.resource import AuthentikResource
from providers.caddy.config import CaddyConfig, CaddyConfigProvider

from .values import KINDS, RESOURCES

# These stand in users' state: an older state must find its provider, and its resource its type.
PROVIDERS: dict[str, type[ResourceProvider]] = {
    **{name: resource.provider_class for name, resource in RESOURCES.items()},
    "AccessProof": AccessProofProvider,
    "ExclusiveBindings": ExclusiveBindingsProvider,
    "ExclusiveMembers": ExclusiveMembersProvider,
    "Isolation": IsolationProvider,
    "CaddyConfig": CaddyConfigProvider,
}
STATE = {
    "AccessProof": ("providers.access.proof AccessProofProvider", "dynamic/access:AccessProof"),
    "Application": ("providers.authentik.application ApplicationProvider", "dynamic/authentik:Application"),
    "CaddyConfig": ("providers.caddy.config CaddyConfigProvider", "dynamic/caddy:CaddyConfig"),
    "ExclusiveBindings": (
        "providers.authentik.exclusive_bindings ExclusiveBindingsProvider",
        "dynamic/authentik:ExclusiveBindings",
    ),
    "ExclusiveMembers": (
        "providers.authentik.exclusive_members ExclusiveMembersProvider",
        "dynamic/authentik:ExclusiveMembers",
    ),
    "Group": ("providers.authentik.group GroupProvider", "dynamic/authentik:Group"),
    "Isolation": ("providers.authentik.isolation IsolationProvider", "dynamic/authentik:Isolation"),
    "OAuth2Provider": (
        "providers.authentik.oauth2_provider OAuth2ProviderProvider",
        "dynamic/authentik:OAuth2Provider",
    ),
    "OutpostAttachment": (
        "providers.authentik.outpost_attachment OutpostAttachmentProvider",
        "dynamic/authentik:OutpostAttachment",
    ),
    "PolicyBinding": ("providers.authentik.policy_binding PolicyBindingProvider", "dynamic/authentik:PolicyBinding"),
    "ProxyProvider": ("providers.authentik.proxy_provider ProxyProviderProvider", "dynamic/authentik:ProxyProvider"),
    "ServiceAccount": (
        "providers.authentik.service_account ServiceAccountProvider",
        "dynamic/authentik:ServiceAccount",
    ),
    "User": ("providers.authentik.user UserProvider", "dynamic/authentik:User"),
}

EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
EVERY_RESOURCE = pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES.keys())
EVERY_PROVIDER = pytest.mark.parametrize(("name", "provider"), PROVIDERS.items(), ids=PROVIDERS.keys())


def pickled(provider: ResourceProvider) -> list[object]:
    """The strings that a pickled provider holds: what it refers to, and anything that it carries."""
    data = base64.b64decode(serialize_provider(provider))
    return [argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str | bytes)]


def test_every_provider_is_pinned() -> None:
    assert PROVIDERS.keys() == STATE.keys()


@EVERY_PROVIDER
def test_a_provider_stands_in_the_state_as_a_reference_to_its_class_and_its_stack(
    name: str, provider: type[ResourceProvider]
) -> None:
    stack = [""] if issubclass(provider, Configured) else []
    assert pickled(provider()) == [*STATE[name][0].split(), *stack]
    assert len(serialize_provider(provider())) < 200


@EVERY_PROVIDER
def test_a_configured_provider_does_not_carry_its_token_into_the_state(
    name: str, provider: type[ResourceProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHENTIK_TOKEN", "the-token-of-a-superuser")
    fresh = serialize_provider(provider())
    assert "the-token" not in str(pickled(provider()))
    assert serialize_provider(provider()) == fresh


@EVERY_PROVIDER
def test_a_provider_is_no_secret_in_the_state(name: str, provider: type[ResourceProvider]) -> None:
    assert provider.serialize_as_secret_always is False


@EVERY_PROVIDER
def test_every_step_of_the_engine_is_written_out(name: str, provider: type[ResourceProvider]) -> None:
    inherited = {"update"} if name == "AccessProof" else set()  # every change of it replaces
    for step in {"check", "diff", "create", "read", "update", "delete"} - inherited:
        assert getattr(provider, step) is not getattr(ResourceProvider, step)
        assert hasattr(getattr(provider, step), "__wrapped__"), f"{step} tells its errors with a stack trace"


@pytest.mark.parametrize("name", STATE)
def test_a_resource_keeps_its_type(name: str) -> None:
    others = {
        "AccessProof": AccessProof,
        "CaddyConfig": CaddyConfig,
        "ExclusiveBindings": ExclusiveBindings,
        "ExclusiveMembers": ExclusiveMembers,
        "Isolation": Isolation,
    }
    resources: dict[str, type[Resource]] = {**RESOURCES, **others}
    assert resources[name]._resource_type_name == STATE[name][1]


@EVERY_RESOURCE
def test_the_keywords_of_a_constructor_are_the_fields_of_its_kind(resource: type[AuthentikResource]) -> None:
    signature = inspect.signature(resource.__init__)
    names = ["self", "resource_name", *resource.provider_class.flags, "opts", "args"]
    assert list(signature.parameters) == names
    assert signature.parameters["args"].kind is inspect.Parameter.VAR_KEYWORD
    kind = resource.provider_class.kind
    assert get_args(signature.parameters["args"].annotation) == (kind.args,)
    assert list(kind.fields) == list(kind.args.__annotations__)
    assert not {"adopt", "opts", "resource_name"} & kind.fields.keys()


@EVERY_RESOURCE
def test_outputs_are_fields_or_computed(resource: type[AuthentikResource]) -> None:
    kind = resource.provider_class.kind
    assert set(vars(resource).get("__annotations__", {})) <= {*kind.fields, *kind.computed}


@EVERY_RESOURCE
def test_secrets_are_declared_when_a_resource_is_registered(
    resource: type[AuthentikResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[dict[str, object], pulumi.ResourceOptions]] = []
    monkeypatch.setattr(
        Resource, "__init__", lambda _self, _provider, _name, props, opts: seen.append((dict(props), opts))
    )
    kind = resource.provider_class.kind
    resource("x", adopt=True, opts=pulumi.ResourceOptions(protect=True))  # type: ignore[call-arg]
    ((props, opts),) = seen
    assert opts.additional_secret_outputs == [*kind.secret, "adopted"]
    assert opts.protect is True
    attributes = {"attributes"} & kind.fields.keys()  # with the mark of the resource
    assert props.keys() == {*kind.computed, *attributes, "written", "adopt"}
    assert props["adopt"] is True


@EVERY_KIND
def test_a_key_is_a_secret(kind: Kind) -> None:
    assert set(kind.secret) == set(kind.computed) & {"key", "client_secret", "token_key", "private_key"}


@EVERY_KIND
def test_what_a_kind_names_of_itself_is_there(kind: Kind) -> None:
    assert kind.name_field in kind.fields
    assert kind.url_key in {*kind.fields, *kind.computed}
    assert set(kind.sent_with_every_patch) <= set(kind.fields)
    for name in set(kind.computed) & set(kind.fields):  # the server makes what is left out, and it stays as it is
        assert kind.fields[name].default is kind.fields[name].empty is UNSET, name
        assert name not in kind.required | set(kind.secret), name
    assert kind.path.startswith("/")
    assert kind.path.endswith("/")
    assert kind.model.count(".") == 1


@EVERY_KIND
def test_a_default_is_a_value_of_its_field(kind: Kind) -> None:
    for name, field in kind.fields.items():
        if field.default is not UNSET:
            assert field.normalise(field.default) == field.default, name


@EVERY_KIND
def test_a_required_field_has_no_default(kind: Kind) -> None:
    assert all(kind.fields[name].default is UNSET for name in kind.required)


@EVERY_KIND
def test_a_name_that_is_looked_up_says_which_right_that_takes(kind: Kind) -> None:
    for field in kind.fields.values():
        item = field.item if isinstance(field, ListOf) else field
        if isinstance(item, Reference):
            assert item.lookup.model.count(".") == 1
            assert item.lookup.path.startswith("/")


def test_every_provider_interprets_a_kind_of_its_own() -> None:
    assert len({id(kind) for kind in KINDS.values()}) == len(KINDS)
    assert all(issubclass(resource.provider_class, AuthentikProvider) for resource in RESOURCES.values())
