"""User: /core/users/."""

from typing import Annotated, Any, Required, TypedDict

from pulumi import Input, Output

from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.kind import Kind
from providers.authentik.model.lookups import GROUP, ROLE
from providers.authentik.resource import AuthentikResource
from providers.fields import Attributes, Boolean, ListOf, Reference, Text

Groups = Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=GROUP))]
Roles = Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=ROLE))]


class UserArgs(TypedDict, total=False):
    """The arguments of User."""

    username: Required[Annotated[Input[str], Text(blank=False, max_length=150)]]
    """The name to log in with."""
    name: Annotated[Input[str], Text(default="")]
    """The name that people read."""
    is_active: Annotated[Input[bool], Boolean(default=True)]
    """Whether the user may log in."""
    groups: Groups
    """Groups that the user is in, by primary key or name."""
    roles: Roles
    """Roles of the user alone, by primary key or name."""
    email: Annotated[Input[str], Text(max_length=254)]
    """The mail address."""
    attributes: Annotated[Input[dict[str, Any]], Attributes()]
    """Anything of your own, as JSON."""
    path: Annotated[Input[str], Text(default="users", blank=False)]
    """The folder in which Authentik shows the user."""
    type: Annotated[
        Input[str],
        Text(default="internal", choices=("internal", "external", "service_account", "internal_service_account")),
    ]
    """What the user is."""


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


class User(AuthentikResource[UserArgs], module="authentik", name="User"):
    """A user. id: the primary key (a number)."""

    provider_class = UserProvider
    pk: Output[int]
    uid: Output[str]
    username: Output[str]
