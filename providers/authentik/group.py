"""Group: /core/groups/."""

from typing import Annotated, Any, Required, TypedDict

from pulumi import Input, Output

from providers.arguments import Bag
from providers.authentik.adoption import Assessment, stack_of
from providers.authentik.api.versions import former_name
from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.kind import Kind
from providers.authentik.model.lookups import GROUP, ROLE
from providers.authentik.resource import AuthentikResource
from providers.fields import Attributes, Boolean, Integer, ListOf, Reference, Text


class GroupArgs(TypedDict, total=False):
    """The arguments of Group."""

    name: Required[Annotated[Input[str], Text(blank=False)]]
    """The name."""
    is_superuser: Annotated[Input[bool], Boolean(default=False)]
    """Whether its members are administrators."""
    parents: Annotated[
        Input[list[Input[str]]], ListOf(item=Reference(lookup=GROUP), formerly=former_name("/core/groups/", "parents"))
    ]
    """Groups that it is in, by primary key or name; before 2025.12 one at most."""
    users: Annotated[Input[list[Input[int]]], ListOf(item=Integer(minimum=1))]
    """Primary keys of its users; leave it out where users declare their groups."""
    attributes: Annotated[Input[dict[str, Any]], Attributes()]
    """Anything of your own, as JSON."""
    roles: Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=ROLE))]
    """Roles that its members get, by primary key or name."""
    members: Annotated[Input[list[str]], ListOf(item=Text(), local=True)]
    """The usernames beside which nobody may be in a group that is taken over; anybody may if left out."""


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

    def assess(self, found: Bag, inputs: Bag) -> Assessment:
        """Taking over must neither lock administrators out nor let in who happens to be in the group."""
        if found["is_superuser"] and not inputs["is_superuser"]:
            return Assessment(
                "it exists as a group of superusers and ours is not one: adopting it would revoke its members' admin "
                "access. Give ours another name, or remove the superuser status from that group in Authentik first, "
                "once an administrator stays without it"
            )
        if (expected := inputs.get("members")) is None:
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
                "that group in Authentik first (who may enter belongs in another group that is bound), or give ours "
                "another name"
            )
        return Assessment()


class Group(AuthentikResource[GroupArgs], module="authentik", name="Group"):
    """A group of users. id: its primary key (UUID)."""

    provider_class = GroupProvider
    pk: Output[str]
    name: Output[str]
