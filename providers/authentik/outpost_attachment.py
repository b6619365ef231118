"""OutpostAttachment: one provider in the list of an outpost that others share, /outposts/instances/."""

import threading
from collections import defaultdict
from typing import Annotated, Any, Required, TypedDict, Unpack

import pulumi
from pulumi import Input, Output
from pulumi.dynamic import CreateResult, ReadResult

from providers import writes
from providers.authentik import outpost_list
from providers.authentik.errors import NotFound, Refused
from providers.authentik.fields import UNSET, Integer, Reference, Text, is_uuid
from providers.authentik.kind import Bag, Kind
from providers.authentik.lookup import OUTPOST, find_by_name
from providers.authentik.provider import AuthentikProvider
from providers.authentik.resource import AuthentikResource
from providers.errors import brief
from providers.handover import HANDOVER, take, was_taken

EMBEDDED = "authentik Embedded Outpost"
"""The outpost that every Authentik runs by itself."""


class OutpostAttachmentArgs(TypedDict, total=False):
    """The arguments of OutpostAttachment. outpost: primary key or name; provider: primary key.

    application: the id of the application that the provider serves. A new application takes its provider off the
    outposts until it is bound, and this puts it on again.
    """

    outpost: Annotated[Input[str], Reference(lookup=OUTPOST, default=EMBEDDED, replaces=True)]
    provider: Required[Annotated[Input[int] | Input[str], Integer(minimum=1, replaces=True)]]
    application: Annotated[Input[str], Text(blank=False, replaces=True, empty=UNSET)]


class OutpostAttachmentProvider(AuthentikProvider):
    """Adds one provider to an outpost's list, or takes it out, and leaves the others there."""

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
        doing = f"attach proxy provider {provider} to"
        with _locks[name]:
            if is_uuid(name):
                outpost = outpost_list.read(self.client, name, f"{doing} outpost {name}")
            else:
                outpost = find_by_name(self.client, OUTPOST, name, f"outpost that proxy provider {provider} goes on")
            found = provider in outpost["providers"]
            outpost = outpost_list.write(self.client, outpost, provider, attached=True, doing=doing)
        id_ = f"{outpost['pk']}/{provider}"
        adopted = {"adopted": "{}"} if found and props.get("adopt") is True else {}
        return CreateResult(id_, {**inputs, "outpost_pk": outpost["pk"], **take(self.kind.path, id_), **adopted})

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        inputs = self._inputs(props)
        try:
            doing = f"read whether proxy provider {inputs['provider']} is on outpost {inputs['outpost']!r}"
            outpost = outpost_list.read(self.client, props["outpost_pk"], doing)
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
                doing = f"detach proxy provider {inputs['provider']} from"
                outpost = outpost_list.read(self.client, props["outpost_pk"], f"{doing} outpost {inputs['outpost']!r}")
                outpost_list.write(self.client, outpost, inputs["provider"], attached=False, doing=doing)
            except NotFound:
                return
            except Refused:
                # Only the embedded outpost may be empty; another's last provider leaves it when it is deleted itself.
                if outpost["providers"] != [inputs["provider"]]:
                    raise


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
