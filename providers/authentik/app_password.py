"""AppPassword: a token with intent app_password for an existing user, /core/tokens/.

Only a superuser's token can make one for somebody else; without that right the server gives it to the caller, in
silence. Service accounts get theirs by ServiceAccount, which needs no superuser.
"""

from collections.abc import Mapping
from typing import Annotated, Required, TypedDict, Unpack

import pulumi
from pulumi import Input, Output

from providers.authentik.api.errors import AuthentikError, Call
from providers.authentik.api.queries import TO_READ_TOKENS, reads_tokens
from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.fields import Boolean, Json, Reference, Text, Timestamp
from providers.authentik.model.kind import Bag, Kind
from providers.authentik.model.lookups import USER
from providers.authentik.model.rules import slug
from providers.authentik.resource import AuthentikResource

UNFINISHED = "pulumi has not finished making this app password"
"""What says so until its key was read, for a token has no other place for a mark."""


class AppPasswordArgs(TypedDict, total=False):
    """The arguments of AppPassword. user: primary key or username; expires: the server sets a limit."""

    identifier: Required[Annotated[Input[str], Text(blank=False, max_length=255, rule=slug, replaces=True)]]
    user: Required[Annotated[Input[int] | Input[str], Reference(lookup=USER, numeric=True, replaces=True)]]
    intent: Annotated[Input[str], Text(default="app_password", choices=("app_password",), replaces=True)]
    description: Annotated[Input[str], Text()]
    expiring: Annotated[Input[bool], Boolean(default=False)]
    expires: Annotated[Input[str], Timestamp()]


def _expires_with_expiring(inputs: Bag) -> tuple[str, str] | None:
    if inputs["expiring"] != ("expires" in inputs):
        return "expires", "expected together with expiring: true; without a date the server takes 30 minutes"
    return None


class AppPasswordProvider(AuthentikProvider):
    """App passwords. A partial update without user and intent would hand the token to the caller."""

    kind = Kind(
        word="app password",
        model="authentik_core.token",
        path="/core/tokens/",
        args=AppPasswordArgs,
        title="identifier",
        address="identifier",
        always=("user", "intent"),
        computed=("pk", "key"),
        secret=("key",),
        born=True,
        rule=_expires_with_expiring,
    )

    def make(self, inputs: Bag, body: Bag) -> Bag:
        answer = super().make(inputs, {**body, "description": UNFINISHED})
        try:
            self._refuse_misplaced(answer["user"], body["user"], inputs)
            viewing = Call(f"read the key of {self.label(inputs)}", "authentik_core.view_token_key")
            key = self.client.get(f"{self.kind.path}{inputs['identifier']}/view_key/", viewing)["key"]
            finished = {name: body[name] for name in self.kind.always} | {"description": body.get("description", "")}
            answer = self.client.patch(self.path(inputs), finished, self.call("set up", inputs, "change"))
        except AuthentikError as error:
            raise self.undo(inputs, error) from None
        return {**answer, "key": key}

    def unfinished(self, found: Bag, inputs: Bag) -> bool:
        """Left before anybody can have had its key."""
        return bool(found["description"] == UNFINISHED)

    def _refuse_misplaced(self, got: int, wanted: int, inputs: Bag) -> None:
        if got != wanted:
            raise AuthentikError(
                f"cannot create {self.label(inputs)}: the server gave it to the caller instead of user "
                f"{inputs['user']!r}, so it was removed. Only a superuser's token can make one for somebody else; "
                "use ServiceAccount, whose app password is made with it."
            )

    def check_sight(self, bag: Mapping[str, Json]) -> None:
        """The list is answered to everybody, with their own tokens."""
        doing = f"read {self.label(bag)}"
        if not reads_tokens(self.client, doing):
            raise AuthentikError(f"cannot {doing}: our token may not read those of others; it takes {TO_READ_TOKENS}.")

    def moved(self, id_: str, props: Mapping[str, Json]) -> Bag | None:
        """A token whose identifier was changed is found by its primary key."""
        listed = self.client.find(self.kind.path, {"intent": "app_password"}, self.call("find", props, "view"))
        return next((each for each in listed if each["pk"] == id_), None)


class AppPassword(AuthentikResource, module="authentik", name="AppPassword"):
    """An app password. id: its primary key (UUID)."""

    provider_class = AppPasswordProvider
    pk: Output[str]
    identifier: Output[str]
    key: Output[str]
    """The password: secret."""

    def __init__(
        self,
        resource_name: str,
        *,
        adopt: bool = False,
        opts: pulumi.ResourceOptions | None = None,
        **args: Unpack[AppPasswordArgs],
    ) -> None:
        super().__init__(resource_name, args, adopt, opts)
