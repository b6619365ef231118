"""What holds for the declaration of every kind."""

import base64
import pickle
import pickletools
import re
from typing import Any, get_args

import pulumi
import pytest
from pulumi.dynamic import Resource, ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

from docs.resources import described
from lab.files import ROOT
from providers.access.proof import AccessProof, AccessProofProvider
from providers.authentik.api.configured import Configured
from providers.authentik.crud import AuthentikProvider
from providers.authentik.group import GroupProvider
from providers.authentik.model.kind import Kind
from providers.authentik.resource import AuthentikResource, every_resource
from providers.caddy.config import CaddyConfig, CaddyConfigProvider
from providers.fields import UNSET, ListOf, Reference

from .values import KINDS, RESOURCES

PROVIDERS: dict[str, type[ResourceProvider]] = {
    **{name: resource.provider_class for name, resource in every_resource().items()},
    "AccessProof": AccessProofProvider,
    "CaddyConfig": CaddyConfigProvider,
}
# These stand in users' state: an older state must find its provider, and its resource its type.
ELSEWHERE = {
    "AccessProof": ("providers.access.proof", "dynamic/access:AccessProof"),
    "CaddyConfig": ("providers.caddy.config", "dynamic/caddy:CaddyConfig"),
}


def in_state(name: str) -> tuple[str, str]:
    """The module of a provider and the type of its resource: a kind's file is called as the kind."""
    file = "oauth2_provider" if name == "OAuth2Provider" else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return ELSEWHERE.get(name, (f"providers.authentik.{file}", f"dynamic/authentik:{name}"))


EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
EVERY_RESOURCE = pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES.keys())
EVERY_PROVIDER = pytest.mark.parametrize(("name", "provider"), PROVIDERS.items(), ids=PROVIDERS.keys())


def pickled(provider: ResourceProvider) -> list[object]:
    """The strings that a pickled provider holds: what it refers to, and anything that it carries."""
    data = base64.b64decode(serialize_provider(provider))
    return [argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str | bytes)]


@EVERY_PROVIDER
def test_a_provider_stands_in_the_state_as_a_reference_to_its_class_and_its_stack(
    name: str, provider: type[ResourceProvider]
) -> None:
    stack = [""] if issubclass(provider, Configured) else []
    assert pickled(provider()) == [in_state(name)[0], f"{name}Provider", *stack]
    assert len(serialize_provider(provider())) < 200


def test_a_provider_calls_arguments_by_the_settings_of_the_program_that_declared_it() -> None:
    provider = pickle.loads(pickle.dumps(GroupProvider("prod", ("adopt", "immich:adopt"))))  # noqa: S301  # ours
    assert (provider.named("adopt"), provider.named("name")) == ("immich:adopt", "the argument name")


def test_no_message_of_a_kind_names_a_setting_of_the_program_by_itself() -> None:
    sources = (ROOT / "providers" / "authentik").rglob("*.py")
    assert [path.name for path in sources if "immich:" in path.read_text()] == []


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


def test_a_resource_keeps_its_type() -> None:
    resources: dict[str, type[Resource]] = {**every_resource(), "AccessProof": AccessProof, "CaddyConfig": CaddyConfig}
    assert {name: each._resource_type_name for name, each in resources.items()} == {
        name: in_state(name)[1] for name in PROVIDERS
    }


@EVERY_RESOURCE
def test_the_arguments_of_a_resource_are_those_of_its_kind_and_each_is_described(
    resource: type[AuthentikResource[Any]],
) -> None:
    kind = resource.provider_class.kind
    (base,) = resource.__orig_bases__  # type: ignore[attr-defined]  # a generic class has it
    assert get_args(base) == (kind.args,)
    lines = described(kind.args)
    assert list(lines) == list(kind.args.__annotations__)
    assert all(lines.values())
    assert not {"adopt", "opts", "resource_name"} & kind.args.__annotations__.keys()


@EVERY_RESOURCE
def test_outputs_are_fields_or_computed(resource: type[AuthentikResource[Any]]) -> None:
    kind = resource.provider_class.kind
    assert set(vars(resource).get("__annotations__", {})) <= {*kind.fields, *kind.computed}


@EVERY_RESOURCE
def test_secrets_are_declared_when_a_resource_is_registered(
    resource: type[AuthentikResource[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[dict[str, object], pulumi.ResourceOptions]] = []
    monkeypatch.setattr(
        Resource, "__init__", lambda _self, _provider, _name, props, opts: seen.append((dict(props), opts))
    )
    kind = resource.provider_class.kind
    resource("x", {}, adopt=True, opts=pulumi.ResourceOptions(protect=True))
    ((props, opts),) = seen
    assert opts.additional_secret_outputs == [*kind.secret, "adopted"]
    assert opts.protect is True
    attributes = {"attributes"} & kind.fields.keys()  # with the mark of the resource
    stack = {"stack"} & kind.options.keys()
    assert props.keys() == {*kind.computed, *attributes, *stack, "written", "adopted", "adopt"}
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
