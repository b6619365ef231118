"""User: /core/users/."""

from typing import Annotated, Any, Required, TypedDict, Unpack

import pulumi
from pulumi import Input, Output

from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.fields import Attributes, Boolean, ListOf, Reference, Text
from providers.authentik.model.kind import Kind
from providers.authentik.model.lookups import GROUP, ROLE
from providers.authentik.resource import AuthentikResource

Groups = Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=GROUP))]
Roles = Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=ROLE))]
Username = Annotated[Input[str], Text(blank=False, max_length=150)]


class UserArgs(TypedDict, total=False):
    """The arguments of User. groups and roles by primary key or name."""

    username: Required[Username]
    name: Annotated[Input[str], Text(default="")]
    is_active: Annotated[Input[bool], Boolean(default=True)]
    groups: Groups
    roles: Roles
    email: Annotated[Input[str], Text(max_length=254)]
    attributes: Annotated[Input[dict[str, Any]], Attributes()]
    path: Annotated[Input[str], Text(default="users", blank=False)]
    type: Annotated[
        Input[str],
        Text(default="internal", choices=("internal", "external", "service_account", "internal_service_account")),
    ]


class UserProvider(AuthentikProvider):
    """Users of every type; for a service account with its app password see ServiceAccount."""

    kind = Kind(
        word="user",
        model="authentik_core.user",
        path="/core/users/",
        args=UserArgs,
        name_field="username",
        lookup_param="username",
        computed=("pk", "uid"),
    )


class User(AuthentikResource, module="authentik", name="User"):
    """A user. id: the primary key (a number)."""

    provider_class = UserProvider
    pk: Output[int]
    uid: Output[str]
    username: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        adopt: bool = False,
        opts: pulumi.ResourceOptions | None = None,
        **args: Unpack[UserArgs],
    ) -> None:
        super().__init__(resource_name, args, adopt, opts)
