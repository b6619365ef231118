"""ExclusiveMembers: nobody but these is in a group, and no group is below it, /core/groups/."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Annotated, Any, Required, TypedDict

from pulumi import Input, Output
from pulumi.dynamic import CreateResult, ReadResult, UpdateResult

from providers.arguments import Bag
from providers.authentik.adoption import stack_of
from providers.authentik.api.errors import Conflict, NotFound
from providers.authentik.exclusive import ExclusiveProvider
from providers.authentik.group import GroupProvider
from providers.authentik.model.kind import Kind, for_older, of_older
from providers.authentik.resource import AuthentikResource
from providers.authentik.this_run import THIS_RUN
from providers.errors import brief
from providers.fields import Integer, ListOf, Text


class ExclusiveMembersArgs(TypedDict, total=False):
    """The arguments of ExclusiveMembers."""

    group: Required[Annotated[Input[str], Text(blank=False, replaces=True)]]
    """The id of a group."""
    users: Required[Annotated[Input[Sequence[Input[int] | Input[str]]], ListOf(item=Integer(minimum=1))]]
    """The ids of the accounts that may be in it."""


class ExclusiveMembersProvider(ExclusiveProvider):
    """Looks at who else may enter what a group may: its other users, and whoever is in a group below it.

    Found when it is made, it is refused, but for accounts of the same stack, which may be about to go. Found later, it
    is drift, and up takes it off. Authentik 2024.12 does not tell what is below a group. No phone's own way
    stands on this, so that it asks for no proof.
    """

    kind = Kind(
        word="exclusive members of the group",
        model="authentik_core.group",
        path="/core/groups/",
        args=ExclusiveMembersArgs,
        name_field="group",
        url_key="group",
        computed=("others",),
    )

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = self._declared(props)
        if not THIS_RUN.made(self.kind.path, inputs["group"]):
            group = self._group(inputs)
            if others := others_in(group, {*inputs["users"], *of_its_stack(group)}):
                raise Conflict(
                    f"cannot guard group {group['name']!r}: besides the phones of this stack, in it or below it is "
                    f"{', '.join(sorted(others.values()))}, who would be let in by it. Nothing was removed. Remove "
                    "them from that group in Authentik (who may enter belongs in another group that is bound), and run "
                    "the command again."
                )
        return CreateResult(inputs["group"], {**inputs, "others": {}})

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        inputs = self._declared(props)
        try:
            group = self._group(inputs)
        except NotFound:
            self.check_visibility(inputs)
            return ReadResult("", {})
        return ReadResult(id_, {**inputs, "others": others_in(group, inputs["users"])}, inputs)

    @brief
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        inputs = self._declared(news)
        declared = {*inputs["users"], *self._inputs(olds)["users"]}  # an account that goes is in it until it has gone
        seen = olds["others"].keys() - {str(user) for user in declared}
        if not seen:
            return UpdateResult({**inputs, "others": {}})
        try:
            group = self._group(inputs)
            self._take_out(group, seen, inputs)
        except NotFound:
            raise self._gone(self.call("update", inputs, "change")) from None
        self._take_off(group, seen, inputs)
        others = others_in(group, declared)
        return UpdateResult({**inputs, "others": {pk: others[pk] for pk in others.keys() - seen}})

    def _group(self, inputs: Bag) -> Bag:
        return self.client.get(
            f"{self.kind.path}{inputs['group']}/?include_children=true", self.call("read", inputs, "view")
        )

    def _take_out(self, group: Bag, seen: Iterable[str], inputs: Bag) -> None:
        """Users: no more than the preview showed, and whoever comes in between the two calls."""
        kept = [pk for pk in group["users"] if str(pk) not in seen]
        if kept != group["users"]:
            self.client.patch(self.path(inputs), {"users": kept}, self.call("take others out of", inputs, "change"))

    def _take_off(self, group: Bag, seen: Iterable[str], inputs: Bag) -> None:
        """Groups below it: their users and what else is above them stay."""
        for below in [pk for pk in group.get("children") or [] if pk in seen]:
            path, call = f"{self.kind.path}{below}/", self.call(f"take group {below} off the", inputs, "change")
            with suppress(NotFound), self.writing(inputs):
                parents = of_older(GroupProvider.kind, self.client.get(path, call))["parents"]
                kept = [pk for pk in parents if pk != group["pk"]]
                self.client.patch(path, for_older(GroupProvider.kind, {"parents": kept}), call)


def of_its_stack(group: Bag) -> set[int]:
    """The primary keys of its users that say they are of the same stack as it. group: as the API shows one."""
    stack = stack_of(group)
    return {each["pk"] for each in group["users_obj"] if stack and stack_of(each) == stack}


def others_in(group: Bag, users: Iterable[int]) -> dict[str, str]:
    """Words for each user besides these, and for each group below it, by primary keys."""
    expected = set(users)
    named = {each["pk"]: each["username"] for each in group["users_obj"]}
    below = {each["pk"]: each["name"] for each in group.get("children_obj") or []}
    return {str(pk): f"user {named.get(pk, pk)!r}" for pk in group["users"] if pk not in expected} | {
        pk: f"group {below.get(pk, pk)!r} below it" for pk in group.get("children") or []
    }


class ExclusiveMembers(AuthentikResource[ExclusiveMembersArgs], module="authentik", name="ExclusiveMembers"):
    """The accounts of a group that holds no others. id: the group's primary key."""

    provider_class = ExclusiveMembersProvider
    others: Output[dict[str, str]]
    """Who else was seen in it or below it, in words, by primary key."""
