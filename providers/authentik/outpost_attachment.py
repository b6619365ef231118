"""OutpostAttachment: one provider in the list of an outpost that others share, /outposts/instances/."""

from collections.abc import Mapping
from typing import Annotated, Any, Required, TypedDict

from pulumi import Input, Output
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, UpdateResult

from providers.arguments import Bag
from providers.authentik import outpost_list
from providers.authentik.api.errors import AuthentikError, NotFound, Refused
from providers.authentik.api.queries import find_by_name
from providers.authentik.crud import AuthentikProvider, just_written
from providers.authentik.model.kind import Kind
from providers.authentik.model.lookups import OUTPOST
from providers.authentik.resource import AuthentikResource
from providers.errors import brief
from providers.fields import UNSET, Boolean, Integer, Json, Reference, Text, is_uuid

EMBEDDED = "authentik Embedded Outpost"
"""The outpost that every Authentik runs by itself."""


class OutpostAttachmentArgs(TypedDict, total=False):
    """The arguments of OutpostAttachment."""

    outpost: Annotated[Input[str], Reference(lookup=OUTPOST, default=EMBEDDED, empty=UNSET)]
    """The outpost, by primary key or name."""
    provider: Required[Annotated[Input[int] | Input[str], Integer(minimum=1, replaces=True)]]
    """The primary key of a proxy provider."""
    application: Annotated[Input[str], Text(blank=False, replaces=True, empty=UNSET)]
    """The id of the application that the provider serves; while that is replaced the provider is on no outpost."""
    group: Annotated[Input[str], Text(blank=False, replaces=True, empty=UNSET)]
    """The id of a group whose binding guards the application; while that is replaced the provider is on no outpost."""
    confirm: Annotated[Input[bool], Boolean(local=True)]
    """false returns right after the write, which others may undo within seconds: an OutpostConfirmation must follow."""


class OutpostAttachmentProvider(AuthentikProvider):
    """Adds one provider to an outpost's list, or takes it out, and leaves the others there.

    State besides the arguments: `settles`, when the last write is known to stand, in seconds since the epoch; 0 where
    it is known. `rivals`, the names of other providers for the same host that were seen on the outpost. They are drift
    that no run may remove, so the next run fails while there are any.

    A place on a list has no key of its own that could tell whose it is: a resource that is renamed needs an alias, or
    the delete of the former one takes the provider off.
    """

    kind = Kind(
        word="outpost attachment",
        model="authentik_outposts.outpost",
        path="/outposts/instances/",
        args=OutpostAttachmentArgs,
        name_field="provider",
        url_key="outpost_pk",
        computed=("outpost_pk", "settles"),
    )

    @brief
    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        seen = super().diff(id_, olds, news)
        seen.changes = seen.changes or bool(olds.get("rivals"))
        return seen

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = self._inputs(props)
        with outpost_list.LOCK:
            written, found = self._attach(props)
        adopted = {"adopted": "{}"} if found and props.get("adopt") is True else {}
        return CreateResult(str(inputs["provider"]), {**self._attached(props, written), **adopted})

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        inputs = self._declared(props)
        try:
            doing = f"read whether proxy provider {inputs['provider']} is on outpost {inputs['outpost']!r}"
            outpost = outpost_list.read(self.client, props["outpost_pk"], doing)
        except NotFound:
            return ReadResult("", {})
        if inputs["provider"] not in outpost["providers"]:
            return ReadResult("", {})
        kept: Bag = {name: props[name] for name in ("outpost_pk", "settles", "adopted", "written") if name in props}
        _, rivals = self._rivals(outpost, inputs["provider"])
        return ReadResult(id_, {**inputs, **kept, **({"rivals": rivals} if rivals else {})}, inputs)

    @brief
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Another outpost, or the same under another name: on the new one before it leaves the former."""
        inputs = self._inputs(news)
        with outpost_list.LOCK:
            if olds.get("rivals"):
                self._refuse_rivals(self._find(inputs), inputs["provider"])  # before anything is written
            written, _ = self._attach(news)
            if written.outpost["pk"] == olds["outpost_pk"]:
                adopted = {name: olds[name] for name in ("adopted",) if name in olds}
                return UpdateResult({**self._attached(news, written), **adopted})
            self._detach(olds)
        return UpdateResult(self._attached(news, written))

    @brief
    def delete(self, _id: str, props: dict[str, Any]) -> None:
        with outpost_list.LOCK:
            self._detach(props)

    def _rivals(self, outpost: Bag, provider: int) -> tuple[str, list[str]]:
        """The provider's name, and the names of the outpost's other providers for the same host.

        Both are empty if the provider is the outpost's only one, or was deleted.
        """
        if outpost["providers"] == [provider]:
            return "", []
        found = outpost_list.hosts(self.client, f"list the proxy providers on outpost {outpost['name']!r}")
        name, host = found.pop(provider, ("", None))
        return name, sorted(
            other for pk, (other, its_host) in found.items() if its_host == host and pk in outpost["providers"]
        )

    def _refuse_rivals(self, outpost: Bag, provider: int) -> None:
        name, rivals = self._rivals(outpost, provider)
        if rivals:
            raise AuthentikError(
                f"outpost {outpost['name']!r} has more than one proxy provider for the same host: {name!r} of this "
                f"stack, and {', '.join(map(repr, rivals))}. Authentik uses the last one by name, probably "
                f"{max(name, *rivals)!r}. Give the others a different external host, remove them from the outpost, or "
                "delete them, and run the command again."
            )

    def _find(self, inputs: Bag) -> Bag:
        """The outpost that the arguments name."""
        name, provider = inputs["outpost"], inputs["provider"]
        if is_uuid(name):
            return outpost_list.read(self.client, name, f"attach proxy provider {provider} to outpost {name}")
        return find_by_name(self.client, OUTPOST, name, f"outpost that proxy provider {provider} goes on")

    def _attach(self, props: Mapping[str, Json]) -> tuple[outpost_list.Written, bool]:
        """The outpost with the provider on its list, and whether it was there already."""
        inputs, confirm = self._inputs(props), props.get("confirm") is not False
        outpost, provider = self._find(inputs), inputs["provider"]
        found, doing = provider in outpost["providers"], f"attach proxy provider {provider} to"
        written = outpost_list.write(self.client, outpost, provider, attached=True, doing=doing, confirm=confirm)
        return written, found

    def _attached(self, props: Mapping[str, Json], written: outpost_list.Written) -> Bag:
        """The state after that."""
        own = {"outpost_pk": written.outpost["pk"], "settles": written.settles}
        return {**self._declared(props), **own, **just_written()}

    def _detach(self, props: Mapping[str, Json]) -> None:
        """Take the provider off the outpost of a state; what was found there when it was adopted stays."""
        if "adopted" in props:
            return
        inputs = self._inputs(props)
        doing = f"detach proxy provider {inputs['provider']} from"
        try:
            outpost = outpost_list.read(self.client, props["outpost_pk"], f"{doing} outpost {inputs['outpost']!r}")
            outpost_list.write(self.client, outpost, inputs["provider"], attached=False, doing=doing)
        except NotFound:
            return
        except Refused:
            # Only the embedded outpost may be empty; another's last provider leaves it when it is deleted itself.
            if outpost["providers"] != [inputs["provider"]]:
                raise


class OutpostAttachment(AuthentikResource[OutpostAttachmentArgs], module="authentik", name="OutpostAttachment"):
    """A provider's place on an outpost. id: the provider's primary key."""

    provider_class = OutpostAttachmentProvider
    outpost_pk: Output[str]
    settles: Output[int]
    """When the last write is known to stand, in seconds since the epoch; 0 where it is known already."""
