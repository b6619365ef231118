"""Group: /core/groups/."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Required, TypedDict, Unpack

import pulumi
from pulumi import Input, Output

from providers.authentik.adoption import Assessment, stack_of
from providers.authentik.api.versions import former_name
from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.fields import Attributes, Boolean, Integer, ListOf, Reference, Text
from providers.authentik.model.kind import Bag, Kind
from providers.authentik.model.lookups import GROUP, ROLE
from providers.authentik.resource import AuthentikResource


class GroupArgs(TypedDict, total=False):
    """The arguments of Group. parents: one at most before 2025.12; users: leave it out where users declare groups."""

    name: Required[Annotated[Input[str], Text(blank=False)]]
    is_superuser: Annotated[Input[bool], Boolean(default=False)]
    parents: Annotated[
        Input[list[Input[str]]], ListOf(item=Reference(lookup=GROUP), formerly=former_name("/core/groups/", "parents"))
    ]
    users: Annotated[Input[list[Input[int]]], ListOf(item=Integer(minimum=1))]
    attributes: Annotated[Input[dict[str, Any]], Attributes()]
    roles: Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=ROLE))]


class GroupProvider(AuthentikProvider):
    """Groups of users."""

    kind = Kind(
        word="group",
        model="authentik_core.group",
        path="/core/groups/",
        args=GroupArgs,
        name_field="name",
        lookup_param="name",
    )
    flags: ClassVar[Mapping[str, type]] = {"adopt": bool, "members": list}

    def assess(self, found: Bag, inputs: Bag) -> Assessment:
        """Taking over must neither lock administrators out nor let in who happens to be in the group."""
        if found["is_superuser"] and not inputs["is_superuser"]:
            return Assessment(
                "it exists as a group of superusers and ours is not one: adopting it would revoke its members' admin "
                "access. Give ours another name, or remove the superuser status from that group in Authentik first, "
                "once an administrator stays without it"
            )
        if (expected := inputs["members"]) is None:
            return Assessment()
        stack = stack_of(inputs)
        strangers = [
            repr(each["username"])
            for each in found.get("users_obj") or []
            if each["username"] not in expected and (stack is None or stack_of(each) != stack)
        ]
        if strangers:
            return Assessment(
                f"it exists, and in it is {', '.join(sorted(strangers))}, who would be let in by it. Take them out of "
                "that group in Authentik first (in a group of immich:peopleGroups they may enter), or give ours "
                "another name"
            )
        return Assessment()


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
        members: Sequence[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **args: Unpack[GroupArgs],
    ) -> None:
        """members: the usernames beside which nobody may be in a group that is taken over; None: anybody may."""
        flags = {} if members is None else {"members": list(members)}
        super().__init__(resource_name, args, adopt, opts, **flags)
