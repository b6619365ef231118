"""AccessProof: asks the public address with each phone's header, with none and with a wrong one.

A proof is made anew and never changed: the former one is gone first, so that a run whose proof fails leaves none, and
the next run proves again. Reading and deleting it ask nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

import pulumi
from pulumi import Input, Output
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, Resource

from providers.access.header import take_apart
from providers.authentik.api.configured import Configured
from providers.errors import brief

_SECRET = ("headers", "refused")


class AccessProofArgs(TypedDict):
    """The arguments of AccessProof.

    url: the public address. address: host:port to connect to in place of what DNS says; ca: path of the PEM file of a
    CA to trust in place of the system's; both may be "". path: one of Immich's ANSWERS, which must not be open.
    headers: phone to `Basic …` that must get through; refused: those that must not.
    accounts: phone to what changes with every write to its account.
    account: what the phones' accounts begin with. upstream: where Caddy reaches Immich. other_doors: addresses at which
    Caddy may serve it past the site.
    caddy_admin, application, provider, phones_group, people_groups, outpost: where to look for the cause of a failure,
    by name.
    restricted: whether Basic is taken from some networks alone.
    subject: changes with every write to anything else that the proof is about.
    """

    url: Input[str]
    address: Input[str]
    ca: Input[str]
    path: Input[str]
    headers: Input[dict[str, str]]
    refused: Input[dict[str, str]]
    accounts: Input[dict[str, str]]
    account: Input[str]
    upstream: Input[str]
    other_doors: Input[list[str]]
    caddy_admin: Input[str]
    application: Input[str]
    provider: Input[str]
    phones_group: Input[str]
    people_groups: Input[list[str]]
    outpost: Input[str]
    restricted: Input[bool]
    subject: Input[str]


class AccessProofProvider(Configured):
    """Proves; state: `url`, and `proven`, a digest for each header and one for all else that the proof was made of.

    A phone that is taken away asks for no new proof: revoking it must not wait until all else is well.
    """

    serialize_as_secret_always = False  # nothing secret is ever pickled

    @brief
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        inputs = {name: value for name, value in news.items() if name != "__provider"}
        failures = [
            CheckFailure(name, f"{name}: is missing")
            for name in AccessProofArgs.__required_keys__
            if inputs.get(name) is None
        ]
        for name in _SECRET:
            if not pulumi.contains_unknowns(inputs.get(name)):
                for phone, header in (inputs.get(name) or {}).items():
                    if fault := take_apart(header).fault:
                        failures.append(CheckFailure(name, f"{name}: phone {phone!r}: {fault.text}. {fault.remedy}"))
        return CheckResult(inputs, failures)

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
        Verification(public, collector).prove(props["headers"], props["refused"])


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
    others = [[name, inputs[name]] for name in sorted(AccessProofArgs.__required_keys__ - {*_SECRET, "accounts"})]
    accounts = inputs["accounts"]
    headers = [[name, phone, header, accounts[phone]] for name in _SECRET for phone, header in inputs[name].items()]
    return {hashlib.sha256(json.dumps(part).encode()).hexdigest() for part in (others, *headers)}
