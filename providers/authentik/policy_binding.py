"""PolicyBinding: /policies/bindings/."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any, Final, Required, TypedDict

import pulumi
from pulumi import Input, Output
from pulumi.dynamic import CreateResult, DiffResult

from providers.arguments import Across, Bag
from providers.authentik.api.client import Client
from providers.authentik.api.errors import AnswerLost, Call
from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.kind import Kind, Resolved
from providers.authentik.model.lookups import GROUP, POLICY, USER
from providers.authentik.resource import AuthentikResource
from providers.authentik.this_run import THIS_RUN
from providers.errors import brief
from providers.fields import UNSET, Boolean, Integer, Json, Reference, Text

APPLICATIONS: Final = "/core/applications/"
_BOUND = ("policy", "group", "user")


class PolicyBindingArgs(TypedDict, total=False):
    """The arguments of PolicyBinding: exactly one of policy, group and user."""

    target: Required[Annotated[Input[str], Text(blank=False, replaces=True)]]
    """The id of an application."""
    policy: Annotated[Input[str], Reference(lookup=POLICY)]
    """A policy, by primary key or name."""
    group: Annotated[Input[str], Reference(lookup=GROUP)]
    """A group, by primary key or name."""
    user: Annotated[Input[int] | Input[str], Reference(lookup=USER, numeric=True)]
    """A user, by primary key or username."""
    order: Annotated[Input[int], Integer(minimum=0, empty=UNSET)]
    """The order among the bindings of the target; the next free one if left out."""
    negate: Annotated[Input[bool], Boolean(default=False)]
    """Whether the result is turned round."""
    enabled: Annotated[Input[bool], Boolean(default=True)]
    """Whether it counts."""
    timeout: Annotated[Input[int], Integer(minimum=0, default=30)]
    """Seconds that the policy may take."""
    failure_result: Annotated[Input[bool], Boolean(default=False)]
    """The result if the policy fails."""


def _one(*bound: Json) -> str | None:
    given = sum(each is not None for each in bound)
    return None if given == 1 else "expected exactly one of group, policy and user"


class PolicyBindingProvider(AuthentikProvider):
    """Who may enter an application. The server takes duplicates, so what stands is looked at first.

    What stands there already is replaced by a binding with another primary key, made before the other goes: nobody is
    locked out meanwhile, and a former resource, as of a group that was renamed, has nothing to delete in a later run.
    """

    kind = Kind(
        word="policy binding",
        model="authentik_policies.policybinding",
        path="/policies/bindings/",
        args=PolicyBindingArgs,
        name_field="target",
        lookup_param="target",
        whole_body=True,
        allows_duplicates=True,
        rules=(Across("group", _BOUND, _one),),
    )

    @brief
    def create(self, props: dict[str, Json]) -> CreateResult:
        try:
            return super().create(props)
        finally:
            with _locks[target := str(props["target"])]:
                _chosen[target].pop(threading.get_ident(), None)

    def label(self, bag: Mapping[str, Json]) -> str:
        return f"policy binding of {bound_to(bag)} to application {bag.get('target')}"

    @brief
    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A binding goes with the group, user or policy that is bound: where that is replaced, so is the binding."""
        result = super().diff(id_, olds, news)
        result.replaces = [
            *(result.replaces or []),
            *(name for name in _BOUND if pulumi.contains_unknowns(news.get(name))),
        ]
        return result

    def must_delete_first(self, olds: Mapping[str, Json], news: Mapping[str, Json], changed: list[str]) -> bool:
        return False

    def find_before_create(self, inputs: Bag, resolved: Resolved, body: Bag) -> Bag | None:
        target = inputs["target"]
        new = THIS_RUN.made(APPLICATIONS, target)
        with _locks[target]:  # two bindings of one target must not choose the same order
            listed = [] if new else self._listed(inputs, self.call("find", inputs, "view"))
            taken = THIS_RUN.orders(target) if new else {each["order"] for each in listed}
            taken = taken | set(_chosen[target].values())
            body.setdefault("order", next(order for order in range(len(taken) + 1) if order not in taken))
            _chosen[target][threading.get_ident()] = body["order"]
        return same_bound(listed, body)

    def make(self, inputs: Bag, body: Bag) -> Bag:
        try:
            answer = super().make(inputs, body)
        except AnswerLost:
            THIS_RUN.forget(APPLICATIONS, inputs["target"])
            raise
        THIS_RUN.orders(inputs["target"]).add(answer["order"])
        return answer

    def recreate(self, found: Bag, inputs: Bag, body: Bag) -> Bag:
        order = {} if "order" in inputs else {"order": found["order"]}
        answer = self.make(inputs, body | order)
        self.remove(found)
        return answer

    def find(self, inputs: Bag, resolved: Resolved) -> Bag | None:
        wanted = {name: resolved.get(name, {}).get(inputs[name], inputs[name]) for name in _BOUND if name in inputs}
        return same_bound(self._listed(inputs, self.call("find", inputs, "view")), wanted)

    def full_body(self, inputs: Bag, olds: Mapping[str, Json]) -> Bag:
        inputs = {**dict.fromkeys(_BOUND), **inputs}  # what is left out of a PUT stays as it is
        if "order" in inputs:
            return inputs
        return {**inputs, "order": self.client.get(self.path(olds), self.call("read", inputs, "view"))["order"]}

    def restore(self, found: Bag, props: Mapping[str, Json]) -> None:
        now = self.client.find(self.kind.path, {"target": str(props["target"])}, self.call("read", props, "view"))
        for each in now:
            if each["pk"] == props["pk"]:
                body = {name: each[name] for name in self.kind.fields} | found
                self.client.put(self.path(props), body, self.call("give back", props, "change"))

    def _listed(self, inputs: Bag, call: Call) -> list[Bag]:
        return bindings_of(self.client, inputs["target"], call)


class PolicyBinding(AuthentikResource[PolicyBindingArgs], module="authentik", name="PolicyBinding"):
    """A binding of a group, a user or a policy to an application. id: its primary key (UUID)."""

    provider_class = PolicyBindingProvider
    pk: Output[str]


_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_chosen: defaultdict[str, dict[int, int]] = defaultdict(dict)
"""The orders of the bindings that are being made on a target, which no list shows yet, by thread."""


def bindings_of(client: Client, target: str, call: Call) -> list[Bag]:
    """What is bound to an application."""
    listed = client.find(PolicyBindingProvider.kind.path, {"target": target}, call)
    return [each for each in listed if each["target"] == target]


def same_bound(listed: list[Bag], wanted: Mapping[str, Json]) -> Bag | None:
    """The first that binds the same group, user or policy."""
    return next((each for each in listed if all(each[name] == wanted.get(name) for name in _BOUND)), None)


def bound_to(binding: Mapping[str, Json]) -> str:
    """What a binding binds, by the name that the API tells: group 'family'."""
    for name in _BOUND:
        if binding.get(name) is not None:
            told = binding.get(f"{name}_obj") or {}
            return f"{name} {(told.get('username') or told.get('name') or binding[name])!r}"
    return "nothing"


def in_words(binding: Mapping[str, Json]) -> str:
    """group 'family', negated."""
    said = {"negated": binding["negate"], "disabled": not binding["enabled"]}
    return ", ".join([bound_to(binding), *(word for word, holds in said.items() if holds)])
