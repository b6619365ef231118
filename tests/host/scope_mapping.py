"""ScopeMapping: /propertymappings/provider/scope/. All that a new kind takes; the program does not need it."""

from typing import Annotated, Required, TypedDict

from pulumi import Input, Output

from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.kind import Kind
from providers.authentik.resource import AuthentikResource
from providers.fields import Code, Text


class ScopeMappingArgs(TypedDict, total=False):
    """The arguments of ScopeMapping."""

    name: Required[Annotated[Input[str], Text(blank=False)]]
    """The name."""
    scope_name: Required[Annotated[Input[str], Text(blank=False)]]
    """The scope that a client asks for."""
    expression: Required[Annotated[Input[str], Code()]]
    """The body of a Python function that returns the claims."""
    description: Annotated[Input[str], Text()]
    """What a user reads when asked for consent."""


class ScopeMappingProvider(AuthentikProvider):
    kind = Kind(
        word="scope mapping",
        model="authentik_providers_oauth2.scopemapping",
        path="/propertymappings/provider/scope/",
        args=ScopeMappingArgs,
        name_field="name",
        lookup_param="name",
    )


class ScopeMapping(AuthentikResource[ScopeMappingArgs], module="authentik", name="ScopeMapping"):
    """A scope mapping. id: its primary key (UUID)."""

    provider_class = ScopeMappingProvider
    pk: Output[str]
