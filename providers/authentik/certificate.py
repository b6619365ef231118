"""Certificate: a key pair that Authentik signs with, /crypto/certificatekeypairs/.

The private key is made here, sent once, and kept nowhere: it is no input, no output and in no state. A pair that
somebody else made is referred to by its name, as in signing_key of OAuth2Provider, and never taken over.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Required, TypedDict, Unpack

import pulumi
from pulumi import Input, Output
from pulumi.dynamic import DiffResult, UpdateResult

from providers.authentik.adoption import Standing
from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.fields import Integer, Json, Text
from providers.authentik.model.kind import Bag, Kind, Resolved
from providers.authentik.resource import AuthentikResource
from providers.errors import brief

_ALGORITHMS = {"rsa": "rsa", "ec": "ecdsa"}
"""Of a key, as the server tells it, to how its own generator names it."""


class CertificateArgs(TypedDict, total=False):
    """The arguments of Certificate.

    alg: rsa (tokens are signed with RS256) or ecdsa (ES256). organization: who made it, in the certificate's subject;
    by it a pair that an interrupted run left is known again. renew_before_days: an `up` that late before the
    certificate expires makes a new pair in its place; whoever refers to it keeps doing so.
    """

    name: Required[Annotated[Input[str], Text(blank=False)]]
    organization: Annotated[Input[str], Text(max_length=64)]
    alg: Annotated[Input[str], Text(default="rsa", choices=("rsa", "ecdsa"))]
    validity_days: Annotated[Input[int], Integer(default=365, minimum=2, maximum=36500)]
    renew_before_days: Annotated[Input[int], Integer(default=30, minimum=1, maximum=36500)]


def _is_renewed_in_time(inputs: Bag) -> tuple[str, str] | None:
    if inputs["renew_before_days"] >= inputs["validity_days"]:
        return "renew_before_days", "expected fewer days than validity_days, or every `up` would make a new pair"
    return None


class CertificateProvider(AuthentikProvider):
    """Key pairs. A new one takes the place of the former under the same primary key."""

    kind = Kind(
        word="certificate",
        model="authentik_crypto.certificatekeypair",
        path="/crypto/certificatekeypairs/",
        args=CertificateArgs,
        title="name",
        find="name",
        computed=("pk", "fingerprint_sha256", "cert_expiry"),
        born=True,
        rule=_is_renewed_in_time,
    )

    @brief
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=bool(self._changes(olds, news)) or _is_due(olds, news))

    @brief
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        inputs = self._inputs(news)
        body: Bag = {"name": inputs["name"]}
        if {"organization", "alg", "validity_days"} & set(self._changes(olds, news)) or _is_due(olds, news):
            body |= _pair(inputs)
        return UpdateResult(self._outs(self._write(self.path(olds), body, olds), inputs, {}))

    def make(self, inputs: Bag, body: Bag) -> Bag:
        return super().make(inputs, {"name": inputs["name"], **_pair(inputs)})

    def find(self, inputs: Bag, resolved: Resolved) -> Bag | None:
        found = super().find(inputs, resolved)
        return _told(found) if found else None

    def live(self, id_: str, props: Mapping[str, Json]) -> Bag | None:
        found = super().live(id_, props)
        return _told(found) if found else None

    def unfinished(self, found: Bag, inputs: Bag) -> bool:
        """What judge lets through is ours, whatever was declared when it was made."""
        return True

    def judge(self, found: Bag, inputs: Bag) -> Standing:
        """Taking over makes it anew, which would leave whoever uses it with another key."""
        if found["organization"] and found["organization"] == inputs.get("organization"):
            return Standing()
        return Standing(
            "it exists, and nothing says that it is ours. Name it where a certificate is asked for instead of making "
            "one (immich:loginCertificate), or give ours another name"
        )


def key_type_of(answer: Mapping[str, Json]) -> str:
    """The type of a certificate's private key as the API says it: rsa, ec, …; "" without one.

    The field is private_key_type in the recording of 2025.8.1, key_type in those of 2026.5.0-rc1 and 2026.8.0-rc1.
    """
    return str(answer.get("key_type") or answer.get("private_key_type") or "")


def _told(answer: Bag) -> Bag:
    """An answer with what it tells of the pair in the words of the arguments."""
    from providers.authentik.key_pair import organization_of

    alg = _ALGORITHMS.get(key_type_of(answer), "") if answer["private_key_available"] else ""
    return {**answer, "alg": alg, "organization": organization_of(answer.get("cert_subject") or "")}


def _pair(inputs: Bag) -> Bag:
    # The import takes a tenth of a second, which most runs can do without.
    from providers.authentik.key_pair import new_key_pair

    return dict(
        new_key_pair(inputs["name"], inputs.get("organization", ""), inputs["alg"], int(inputs["validity_days"]))
    )


def _is_due(olds: Mapping[str, Json], news: Mapping[str, Json]) -> bool:
    """Whether the certificate is about to expire."""
    days = news.get("renew_before_days")
    if "cert_expiry" not in olds or not isinstance(days, int | float):
        return False
    return datetime.now(UTC) + timedelta(days=days) >= datetime.fromisoformat(olds["cert_expiry"])


class Certificate(AuthentikResource, module="authentik", name="Certificate"):
    """A key pair with its certificate. id: its primary key (UUID)."""

    provider_class = CertificateProvider
    pk: Output[str]
    name: Output[str]
    fingerprint_sha256: Output[str]
    cert_expiry: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        adopt: bool = False,
        opts: pulumi.ResourceOptions | None = None,
        **args: Unpack[CertificateArgs],
    ) -> None:
        super().__init__(resource_name, args, adopt, opts)
