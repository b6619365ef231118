"""ExclusiveBindings: nothing but these stands on an application, /policies/bindings/."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated, Any, Required, TypedDict

from pulumi import Input, Output
from pulumi.dynamic import CreateResult, ReadResult, UpdateResult

from providers.arguments import Bag
from providers.authentik.api.errors import AuthentikError, Conflict, NotFound, Refused
from providers.authentik.crud import just_written
from providers.authentik.exclusive import ExclusiveProvider
from providers.authentik.model.kind import Kind
from providers.authentik.policy_binding import bindings_of, in_words, same_bound
from providers.authentik.resource import AuthentikResource
from providers.errors import brief
from providers.fields import ListOf, Text


def _some(bindings: list[str]) -> str | None:
    return None if bindings else "expected at least one: what nothing is bound to is open to everybody"


class ExclusiveBindingsArgs(TypedDict, total=False):
    """The arguments of ExclusiveBindings."""

    target: Required[Annotated[Input[str], Text(blank=False, replaces=True)]]
    """The id of an application."""
    bindings: Required[Annotated[Input[list[Input[str]]], ListOf(item=Text(blank=False), rule=_some)]]
    """The ids of its policy bindings."""


class ExclusiveBindingsProvider(ExclusiveProvider):
    """Looks at what else is bound to an application, which in mode any lets more in.

    Found when it is made, it is refused: who has been let in so far is locked out by nobody but the operator. Found
    later, it is drift, and up takes it off.
    """

    kind = Kind(
        word="exclusive bindings",
        model="authentik_policies.policybinding",
        path="/policies/bindings/",
        args=ExclusiveBindingsArgs,
        name_field="target",
        computed=("others",),
    )

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = self._declared(props)
        listed = self._listed(inputs)
        ours, others = _parted(listed, inputs)
        again = [each for each in others if _is_again(each, ours)]  # of a killed run that was still at work
        if left := _told([each for each in others if each not in again]):
            raise Conflict(
                f"cannot guard application {inputs['target']}: besides what this stack binds to it, it is bound to "
                f"{', '.join(sorted(left.values()))}. Nothing was removed. Add a group that may enter to "
                f"{self.named('bindings')}, remove the others from the application in Authentik (under Policy / "
                "Group / User Bindings), and run the command again."
            )
        self._take_off(again, inputs)
        return CreateResult(inputs["target"], {**inputs, "others": {}, **just_written()})

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        inputs = self._declared(props)
        try:
            _, others = _parted(self._listed(inputs), inputs)
        except Refused as refused:
            if "target" not in refused.fields:
                raise
            return ReadResult("", {})  # a list filtered by what is gone is refused
        written = {name: props[name] for name in ("written",) if name in props}
        return ReadResult(id_, {**inputs, "others": _told(others), **written}, inputs)

    @brief
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        inputs = self._declared(news)
        seen = olds["others"].keys() - set(inputs["bindings"])
        if not seen:
            return UpdateResult({**inputs, "others": {}, **just_written()})
        ours, others = _parted(self._listed(inputs), inputs)
        if not any(each["enabled"] and not each["negate"] for each in ours):
            raise AuthentikError(
                f"cannot take anything off application {inputs['target']}: none of the bindings of this stack stands, "
                "and what nothing is bound to is open to everybody. Run: pulumi up --refresh"
            )
        self._take_off([each for each in others if each["pk"] in seen], inputs)  # no more than the preview showed
        left = _told(each for each in others if each["pk"] not in seen)
        return UpdateResult({**inputs, "others": left, **just_written()})

    def _listed(self, inputs: Bag) -> list[Bag]:
        return bindings_of(self.client, inputs["target"], self.call("list", inputs, "view"))

    def _take_off(self, bindings: Iterable[Bag], inputs: Bag) -> None:
        for each in bindings:
            call = self.call(f"take off {in_words(each)} by the", inputs, "delete")
            with suppress(NotFound):
                self.client.delete(f"{self.kind.path}{each['pk']}/", call)


def _parted(listed: Iterable[Bag], inputs: Bag) -> tuple[list[Bag], list[Bag]]:
    """Those that are declared, and the others."""
    ours: list[Bag] = []
    others: list[Bag] = []
    for each in listed:
        (ours if each["pk"] in inputs["bindings"] else others).append(each)
    return ours, others


def _is_again(binding: Bag, ours: list[Bag]) -> bool:
    """Whether it binds what one of ours does, in the same way: without it everybody may enter who did."""
    found = same_bound(ours, binding)
    return found is not None and all(found[name] == binding[name] for name in ("negate", "enabled"))


def _told(bindings: Iterable[Bag]) -> dict[str, str]:
    return {each["pk"]: in_words(each) for each in bindings}


class ExclusiveBindings(AuthentikResource[ExclusiveBindingsArgs], module="authentik", name="ExclusiveBindings"):
    """Policy bindings beside which no others stand on their application. id: the application's primary key."""

    provider_class = ExclusiveBindingsProvider
    others: Output[dict[str, str]]
    """What else was seen to be bound, in words, by the primary key of the binding."""
