"""OutpostAttachment: one provider in the list of an outpost that others share, /outposts/instances/."""

import threading
from collections import defaultdict
from typing import Annotated, Any, Required, TypedDict, Unpack

import pulumi
from pulumi import Input
from pulumi.dynamic import CreateResult, ReadResult

from providers.authentik.errors import AuthentikError, Call, NotFound
from providers.authentik.fields import Integer, Reference, is_uuid
from providers.authentik.kind import Bag, Kind
from providers.authentik.lookup import OUTPOST, find_by_name
from providers.authentik.provider import AuthentikProvider, AuthentikResource
from providers.errors import brief

EMBEDDED = "authentik Embedded Outpost"
"""The outpost that every Authentik runs by itself."""

_ATTEMPTS = 5


class OutpostAttachmentArgs(TypedDict, total=False):
    """The arguments of OutpostAttachment. outpost: primary key or name; provider: primary key."""

    outpost: Annotated[Input[str], Reference(lookup=OUTPOST, default=EMBEDDED, replaces=True)]
    provider: Required[Annotated[Input[int] | Input[str], Integer(minimum=1, replaces=True)]]


class OutpostAttachmentProvider(AuthentikProvider):
    """Adds one provider to an outpost's list, or takes it out, and leaves the others there.

    The API writes the whole list at once and knows no conditional write: read, write, read again, within a bound.
    """

    kind = Kind(
        word="outpost attachment",
        model="authentik_outposts.outpost",
        path="/outposts/instances/",
        args=OutpostAttachmentArgs,
        title="outpost",
        address="outpost_pk",
        computed=("outpost_pk",),
    )

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = self._inputs(props)
        name, provider = inputs["outpost"], inputs["provider"]
        with _locks[name]:
            if is_uuid(name):
                outpost = self._outpost(name)
            else:
                outpost = find_by_name(self.client, OUTPOST, name, f"outpost that proxy provider {provider} goes on")
            outpost = self._until(outpost, provider, attached=True)
        pk = outpost["pk"]
        return CreateResult(f"{pk}/{provider}", {**inputs, "outpost_pk": pk})

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        inputs = self._inputs(props)
        try:
            outpost = self._outpost(props["outpost_pk"])
        except NotFound:
            return ReadResult("", {})
        if inputs["provider"] not in outpost["providers"]:
            return ReadResult("", {})
        return ReadResult(id_, {**inputs, "outpost_pk": outpost["pk"]}, inputs)

    @brief
    def delete(self, _id: str, props: dict[str, Any]) -> None:
        inputs = self._inputs(props)
        with _locks[inputs["outpost"]]:
            try:
                self._until(self._outpost(props["outpost_pk"]), inputs["provider"], attached=False)
            except NotFound:
                return

    def _outpost(self, pk: str) -> Bag:
        return self.client.get(f"{self.kind.path}{pk}/", Call(f"read outpost {pk}", self.kind.right("view")))

    def _until(self, outpost: Bag, provider: int, *, attached: bool) -> Bag:
        doing = f"{'attach' if attached else 'detach'} proxy provider {provider} {'to' if attached else 'from'}"
        call = Call(f"{doing} outpost {outpost['name']!r}", self.kind.right("change"))
        for _ in range(_ATTEMPTS):
            if (provider in outpost["providers"]) == attached:
                return outpost
            others = [each for each in outpost["providers"] if each != provider]
            providers = [*others, provider] if attached else others
            self.client.patch(f"{self.kind.path}{outpost['pk']}/", {"providers": providers}, call)
            outpost = self._outpost(outpost["pk"])
        raise AuthentikError(
            f"cannot {call.doing}: something else keeps writing the outpost's list of providers. "
            "Let it finish and run the command again."
        )


class OutpostAttachment(AuthentikResource, module="authentik", name="OutpostAttachment"):
    """A provider's place on an outpost. id: the outpost's primary key, a slash, the provider's."""

    provider_class = OutpostAttachmentProvider

    def __init__(
        self,
        resource_name: str,
        *,
        adopt: bool = False,
        opts: pulumi.ResourceOptions | None = None,
        **args: Unpack[OutpostAttachmentArgs],
    ) -> None:
        super().__init__(resource_name, args, adopt, opts)


_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
