"""AccessProof: asks the public address with each phone's header, with none and with a wrong one.

A proof is made anew and never changed: the former one is gone first, so that a run whose proof fails leaves none, and
the next run proves again. Reading and deleting it ask nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, TypedDict, Unpack

import pulumi
from pulumi import Input, Output
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource

from providers.access.header import take_apart
from providers.access.immich_answers import ANSWERS
from providers.arguments import Arguments
from providers.authentik.api.configured import Configured
from providers.check import check
from providers.errors import brief
from providers.fields import Attributes, Boolean, ListOf, Text

_SECRET = ("headers", "refused")


def _whole(headers: Mapping[str, Any]) -> str | None:
    faults = {phone: take_apart(str(header)).fault for phone, header in headers.items()}
    told = [f"phone {phone!r}: {fault.text}. {fault.remedy}" for phone, fault in faults.items() if fault]
    return " ".join(told) or None


class AccessProofArgs(TypedDict):
    """The arguments of AccessProof."""

    url: Annotated[Input[str], Text(blank=False)]
    """The public address."""
    address: Annotated[Input[str], Text()]
    """host:port to connect to in place of what DNS says; may be empty."""
    ca: Annotated[Input[str], Text()]
    """Path of the PEM file of a CA to trust in place of the system's; may be empty."""
    path: Annotated[Input[str], Text(choices=tuple(ANSWERS))]
    """What is asked for, which must not be open."""
    headers: Annotated[Input[dict[str, str]], Attributes(rule=_whole)]
    """By phone, each `Basic …` that must get through."""
    refused: Annotated[Input[dict[str, str]], Attributes(rule=_whole)]
    """By phone, each that must not."""
    usernames: Annotated[Input[dict[str, str]], Attributes()]
    """By phone, the account of its header."""
    accounts: Annotated[Input[dict[str, str]], Attributes()]
    """By phone, what changes with every write to its account."""
    account: Annotated[Input[str], Text(blank=False)]
    """What the phones' accounts begin with."""
    upstream: Annotated[Input[str], Text(blank=False)]
    """Where Caddy reaches Immich."""
    other_doors: Annotated[Input[list[str]], ListOf(item=Text(blank=False))]
    """Addresses at which Caddy may serve it past the site."""
    caddy_admin: Annotated[Input[str], Text()]
    """The admin API of the Caddy to look at when the proof fails; empty if there is none."""
    application: Annotated[Input[str], Text(blank=False)]
    """The application's slug."""
    provider: Annotated[Input[str], Text(blank=False)]
    """The proxy provider's name."""
    phones_group: Annotated[Input[str], Text(blank=False)]
    """The name of the phones' group."""
    people_groups: Annotated[Input[list[str]], ListOf(item=Text(blank=False))]
    """The names of the people's groups."""
    outpost: Annotated[Input[str], Text(blank=False)]
    """The outpost's name."""
    restricted: Annotated[Input[bool], Boolean()]
    """Whether Caddy accepts headers only from some networks."""
    subject: Annotated[Input[str], Text()]
    """Changes with every write to anything else that the proof is about."""


PROOF = Arguments(word="proof", args=AccessProofArgs)


class AccessProofProvider(Configured):
    """Proves; state: `url`, and `proven`, a digest for each header and one for all else that the proof was made of.

    A phone that is taken away asks for no new proof: revoking it must not wait until all else is well.
    """

    serialize_as_secret_always = False  # nothing secret is ever pickled

    @brief
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return check(PROOF, news)

    @brief
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        unproven = pulumi.contains_unknowns(news) or not _digests(news) <= set(olds.get("proven") or ())
        return DiffResult(changes=unproven, replaces=["subject"] if unproven else [], delete_before_replace=unproven)

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        self._prove(props)
        return CreateResult(props["url"], {"url": props["url"], "proven": sorted(_digests(props))})

    @brief
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, {name: value for name, value in props.items() if name != "__provider"})

    @brief
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Nothing: there is no object."""

    def _prove(self, props: Mapping[str, Any]) -> None:
        # Here, for they load the HTTP library, which a preview does without.
        from providers.access.collect import Collector, Names
        from providers.access.probe import PublicAddress
        from providers.access.verify import Verification

        public = PublicAddress(props["url"], props["address"], props["ca"], props["path"])
        names = Names(**{name: props[name] for name in Names.__dataclass_fields__})
        collector = Collector(names, lambda: self.client, self._policy)
        Verification(public, collector, props["usernames"]).prove(props["headers"], props["refused"])


class AccessProof(Resource, module="access", name="AccessProof"):
    """A proof of the access. id: the public address."""

    url: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        opts: pulumi.ResourceOptions | None = None,
        **args: Unpack[AccessProofArgs],
    ) -> None:
        secret = {name: Output.secret(args[name]) for name in _SECRET}  # type: ignore[literal-required]  # they are keys of it
        own = pulumi.ResourceOptions(additional_secret_outputs=["proven"], delete_before_replace=True)
        options = pulumi.ResourceOptions.merge(own, opts)
        super().__init__(AccessProofProvider(), resource_name, {"proven": None, **args, **secret}, options)


def _digests(inputs: Mapping[str, Any]) -> set[str]:
    """What a proof was made of. The headers in it are as random as their passwords, and cannot be had back."""
    others = [[name, inputs[name]] for name in sorted(PROOF.required - {*_SECRET, "usernames", "accounts"})]
    accounts = inputs["accounts"]
    headers = [[name, phone, header, accounts[phone]] for name in _SECRET for phone, header in inputs[name].items()]
    return {hashlib.sha256(json.dumps(part).encode()).hexdigest() for part in (others, *headers)}
