"""OutpostAttachment: one provider in the list of an outpost that others share, /outposts/instances/."""

import threading
from collections import defaultdict
from typing import Annotated, Any, Required, TypedDict, Unpack

import pulumi
from pulumi import Input, Output
from pulumi.dynamic import CreateResult, ReadResult

from providers import writes
from providers.authentik.errors import AuthentikError, Call, NotFound
from providers.authentik.fields import UNSET, Integer, Reference, Text, is_uuid
from providers.authentik.kind import Bag, Kind
from providers.authentik.lookup import OUTPOST, find_by_name
from providers.authentik.provider import AuthentikProvider
from providers.authentik.resource import AuthentikResource
from providers.errors import brief
from providers.handover import HANDOVER, take, was_taken

EMBEDDED = "authentik Embedded Outpost"
"""The outpost that every Authentik runs by itself."""

_ATTEMPTS = 5


class OutpostAttachmentArgs(TypedDict, total=False):
    """The arguments of OutpostAttachment. outpost: primary key or name; provider: primary key.

    application: the id of the application that the provider serves. A new application takes its provider off the
    outposts until it is bound, and this puts it on again.
    """

    outpost: Annotated[Input[str], Reference(lookup=OUTPOST, default=EMBEDDED, replaces=True)]
    provider: Required[Annotated[Input[int] | Input[str], Integer(minimum=1, replaces=True)]]
    application: Annotated[Input[str], Text(blank=False, replaces=True, empty=UNSET)]


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
        writes.note()
        inputs = self._inputs(props)
        name, provider = inputs["outpost"], inputs["provider"]
        with _locks[name]:
            if is_uuid(name):
                outpost = self._outpost(name)
            else:
                outpost = find_by_name(self.client, OUTPOST, name, f"outpost that proxy provider {provider} goes on")
            found = provider in outpost["providers"]
            outpost = self._until(outpost, provider, attached=True)
        id_ = f"{outpost['pk']}/{provider}"
        adopted = {"adopted": "{}"} if found and props.get("adopt") is True else {}
        return CreateResult(id_, {**inputs, "outpost_pk": outpost["pk"], **take(self.kind.path, id_), **adopted})

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        inputs = self._inputs(props)
        try:
            outpost = self._outpost(props["outpost_pk"])
        except NotFound:
            return ReadResult("", {})
        if inputs["provider"] not in outpost["providers"]:
            return ReadResult("", {})
        kept: Bag = {name: props[name] for name in ("outpost_pk", "adopted", HANDOVER) if name in props}
        return ReadResult(id_, {**inputs, **kept}, inputs)

    @brief
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        if was_taken(self.kind.path, id_, props) or "adopted" in props:
            return
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
        for left in reversed(range(_ATTEMPTS + 1)):
            if (provider in outpost["providers"]) == attached:
                return outpost
            if not left:
                break
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
    outpost_pk: Output[str]

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
