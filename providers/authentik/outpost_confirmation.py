"""OutpostConfirmation: makes sure that an attachment which did not wait for it stands, /outposts/instances/."""

from typing import Annotated, Any, Required, TypedDict

from pulumi import Input
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, UpdateResult

from providers.arguments import Bag
from providers.authentik import outpost_list
from providers.authentik.crud import AuthentikProvider, just_written
from providers.authentik.model.kind import Kind
from providers.authentik.resource import AuthentikResource
from providers.errors import brief
from providers.fields import Integer, Text


class OutpostConfirmationArgs(TypedDict, total=False):
    """The arguments of OutpostConfirmation."""

    outpost: Required[Annotated[Input[str], Text(blank=False)]]
    """The primary key of the outpost, as the attachment has it."""
    provider: Required[Annotated[Input[int] | Input[str], Integer(minimum=1, replaces=True)]]
    """The primary key of the proxy provider that must be on its list."""
    settles: Required[Annotated[Input[int], Integer(minimum=0)]]
    """The attachment's output: when to look, in seconds since the epoch; 0 where it is known to stand."""


class OutpostConfirmationProvider(AuthentikProvider):
    """Looks, once an attachment's write has settled, whether somebody else's undid it, and then writes it again.

    It is beside all that stands on the attachment, so that nothing waits for it but the end of the run; a run that ends
    before is made up for by the next, which has no confirmation in its state. Whether the provider is still there later
    the attachment itself sees.
    """

    kind = Kind(
        word="confirmation of proxy provider",
        model="authentik_outposts.outpost",
        path="/outposts/instances/",
        args=OutpostConfirmationArgs,
        name_field="provider",
        computed=("written",),
    )

    @brief
    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        result = super().diff(id_, olds, news)
        result.delete_before_replace = False
        return result

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = self._declared(props)
        return CreateResult(str(inputs["provider"]), self._confirmed(inputs))

    @brief
    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._confirmed(self._declared(news)))

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """As it was: the attachment is read itself."""
        inputs = self._declared(props)
        return ReadResult(id_, {**inputs, **{name: props[name] for name in ("written",) if name in props}}, inputs)

    @brief
    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Nothing: there is no object."""

    def _confirmed(self, inputs: Bag) -> Bag:
        if inputs["settles"]:
            doing = f"confirm that proxy provider {inputs['provider']} is on"
            outpost_list.confirm(self.client, inputs["outpost"], inputs["provider"], inputs["settles"], doing)
        return {**inputs, **just_written()}


class OutpostConfirmation(AuthentikResource[OutpostConfirmationArgs], module="authentik", name="OutpostConfirmation"):
    """That a provider stands on an outpost's list. id: the provider's primary key."""

    provider_class = OutpostConfirmationProvider
