"""Isolation: what accounts may enter besides the one application that is theirs, and shutting them out of the rest."""

from collections.abc import Mapping
from typing import Annotated, Any, Required, TypedDict

from pulumi import Input, Output
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, UpdateResult

from providers.arguments import Bag
from providers.authentik.api.errors import AuthentikError
from providers.authentik.api.queries import HIDDEN, VIEW_APPLICATIONS, Survey, is_superuser, survey
from providers.authentik.crud import AuthentikProvider
from providers.authentik.isolation_closer import Closer
from providers.authentik.model.kind import Kind
from providers.authentik.model.rules import numbers_by_name
from providers.authentik.resource import AuthentikResource
from providers.errors import brief
from providers.fields import Attributes, Json, Text


class IsolationArgs(TypedDict, total=False):
    """The arguments of Isolation."""

    group: Required[Annotated[Input[str], Text(blank=False, replaces=True)]]
    """The id of the group that the accounts are in."""
    application: Required[Annotated[Input[str], Text(blank=False)]]
    """The id of the application that they are meant to enter."""
    accounts: Required[Annotated[Input[dict[str, Input[str]]], Attributes(rule=numbers_by_name)]]
    """The ids of the accounts, by name."""
    action: Annotated[Input[str], Text(default="report", choices=("report", "close"), replaces=True)]
    """report says what else they may enter and writes nothing; close shuts the group out of applications that
    nothing is bound to, by a negated binding in policy engine mode all."""


class IsolationProvider(AuthentikProvider):
    """Asks the server what accounts may enter, and in action close binds their group negated where that is safe.

    State besides the arguments: `superuser` (whether our token was one's), `reachable` (slugs by account), `unchecked`,
    `said` (both as of the last up), `bindings` (ours by application), `kept` (those of them that were adopted) and
    `pending` (what the next up has to do).
    """

    kind = Kind(
        word="isolation",
        model="authentik_policies.policybinding",
        path="/policies/bindings/",
        args=IsolationArgs,
        name_field="group",
        computed=("superuser", "reachable", "unchecked", "said", "bindings", "kept", "pending"),
    )

    @brief
    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        changed = self._changes(olds, news)
        replaces = [name for name in changed if self.kind.fields[name].replaces]
        # Bindings of a former group would be somebody else's to the new one, and report must find none of ours.
        drifted = bool(olds["pending"]) or _drifted(olds)
        return DiffResult(changes=bool(changed) or drifted, replaces=replaces, delete_before_replace=True)

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = self._declared(props)
        superuser = bool(inputs["accounts"]) and is_superuser(self.client)
        if inputs["action"] == "close":
            return CreateResult(inputs["group"], self._closed(inputs, superuser, {}, adopt=props.get("adopt") is True))
        seen = self._ask(inputs, inputs["accounts"], superuser)
        return CreateResult(inputs["group"], self._told(inputs, seen, superuser))

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        inputs = self._declared(props)
        superuser = props["superuser"] and is_superuser(self.client)  # the token may be a lesser one by now
        seen = self._ask(inputs, inputs["accounts"], superuser)
        pending: list[str] = []
        if inputs["action"] == "close":
            closer = self._closer(inputs, seen, props)
            pending, seen.unchecked = closer.pending(), seen.unchecked + closer.unchecked()
        outs = self._told(inputs, seen, superuser) | {name: props[name] for name in ("said", "bindings", "kept")}
        outs["pending"] = pending
        return ReadResult(id_, outs, inputs)

    @brief
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        inputs = self._declared(news)
        same = inputs["application"] == olds["application"] and not _drifted(olds)  # this very run may have mended it
        known = {name for name in olds["reachable"] if same and olds["accounts"][name] == inputs["accounts"].get(name)}
        new = {name: pk for name, pk in inputs["accounts"].items() if name not in known}
        # A run that only takes a phone away asks nothing: what fails here would keep a lost phone's account alive.
        fewer = same and not new and not olds["pending"]
        superuser = olds["superuser"]
        if not fewer and (superuser or not olds["accounts"]):  # a lesser token now, or nobody has asked yet
            superuser = is_superuser(self.client)
        if inputs["action"] == "close" and not fewer:
            return UpdateResult(self._closed(inputs, superuser, olds))
        seen = self._ask(inputs, new, superuser)
        told = self._told(inputs, seen, superuser, {name: olds["reachable"][name] for name in known})
        return UpdateResult(told | {name: olds[name] for name in ("bindings", "kept")})

    @brief
    def delete(self, _id: str, props: dict[str, Any]) -> None:
        if names := _names(props):
            what = f"remove {self.label(props)}"
            Closer(self.client, props["group"], "", Survey(), names, what).restore(names, props["kept"])

    def label(self, bag: Mapping[str, Json]) -> str:
        return f"the isolation of {', '.join(bag.get('accounts') or {}) or 'no account'}"

    def _ask(self, inputs: Bag, accounts: Mapping[str, Json], superuser: bool) -> Survey:
        seen = survey(self.client, accounts, superuser=superuser)
        for name, found in seen.entered.items():
            seen.entered[name] = [each for each in found if each["pk"] != inputs["application"]]
        return seen

    def _told(self, inputs: Bag, seen: Survey, superuser: bool, known: Mapping[str, Json] | None = None) -> Bag:
        """The state after an up that found this. known: what accounts that were not asked for may enter."""
        unchecked = seen.unchecked if superuser or not inputs["accounts"] else [HIDDEN, *seen.unchecked]
        found: Bag = {"reachable": {**(known or {}), **seen.reachable()}, "unchecked": unchecked}
        return {**inputs, **found, "said": found, "superuser": superuser, "bindings": {}, "kept": [], "pending": []}

    def _closed(self, inputs: Bag, superuser: bool, olds: Mapping[str, Json], *, adopt: bool = False) -> Bag:
        """Shut the accounts out of whatever is safe, and say what they may enter then."""
        seen = self._ask(inputs, inputs["accounts"], superuser)
        if missing := inputs["accounts"].keys() - seen.entered.keys():
            raise AuthentikError(
                f"cannot shut out {', '.join(sorted(missing))}: our token is not told what they may enter. Its user "
                f"needs the right {VIEW_APPLICATIONS}. Or set {self.named('action')} to report."
            )
        closer = self._closer(inputs, seen, olds)
        kept = list(closer.ours().values()) if adopt else olds.get("kept", [])
        if closer.close():
            seen = self._ask(inputs, inputs["accounts"], superuser)
        seen.unchecked += closer.unchecked()
        return {**self._told(inputs, seen, superuser), "bindings": closer.ours(), "kept": kept}

    def _closer(self, inputs: Bag, seen: Survey, olds: Mapping[str, Json]) -> Closer:
        return Closer(self.client, inputs["group"], inputs["application"], seen, _names(olds))


def _names(state: Mapping[str, Json]) -> dict[str, str]:
    """What applications are called, by the primary key of our binding."""
    return {pk: slug for slug, pk in state.get("bindings", {}).items()}


def _findings(state: Mapping[str, Json]) -> Bag:
    return {name: state[name] for name in ("reachable", "unchecked")}


def _drifted(state: Mapping[str, Json]) -> bool:
    """Whether a refresh found something else than the last up."""
    return bool(state["said"] != _findings(state))


class Isolation(AuthentikResource[IsolationArgs], module="authentik", name="Isolation"):
    """What accounts may enter besides theirs. id: the group's primary key."""

    provider_class = IsolationProvider
    reachable: Output[dict[str, list[str]]]
    """The slugs of what else each account may enter."""
    unchecked: Output[list[str]]
    """What our token is not told of that."""
    pending: Output[list[str]]
    """What was seen to be open, or dangerous, since the last up."""
