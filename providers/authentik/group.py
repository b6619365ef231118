"""Group: /core/groups/."""

from typing import Annotated, Any, Required, TypedDict, Unpack

import pulumi
from pulumi import Input, Output

from providers.authentik.fields import Attributes, Boolean, Integer, ListOf, Reference, Text
from providers.authentik.kind import Kind
from providers.authentik.lookup import GROUP, ROLE
from providers.authentik.provider import AuthentikProvider
from providers.authentik.resource import AuthentikResource


class GroupArgs(TypedDict, total=False):
    """The arguments of Group. parents: one at most before 2025.12; users: leave it out where users declare groups."""

    name: Required[Annotated[Input[str], Text(blank=False)]]
    is_superuser: Annotated[Input[bool], Boolean(default=False)]
    parents: Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=GROUP), formerly="parent")]
    users: Annotated[Input[list[Input[int]]], ListOf(item=Integer(minimum=1))]
    attributes: Annotated[Input[dict[str, Any]], Attributes()]
    roles: Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=ROLE))]


class GroupProvider(AuthentikProvider):
    """Groups of users."""

    kind = Kind(
        word="group", model="authentik_core.group", path="/core/groups/", args=GroupArgs, title="name", find="name"
    )


class Group(AuthentikResource, module="authentik", name="Group"):
    """A group of users. id: its primary key (UUID)."""

    provider_class = GroupProvider
    pk: Output[str]
    name: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        adopt: bool = False,
        opts: pulumi.ResourceOptions | None = None,
        **args: Unpack[GroupArgs],
    ) -> None:
        super().__init__(resource_name, args, adopt, opts)
