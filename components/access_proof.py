"""The proof, the last resource of a stack: it stands on all the others, and is made again when one of them changes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from components.settings import Settings
from components.settings.verify import Verify
from providers.access.collect import Names
from providers.access.proof import AccessProof
from providers.errors import ProviderError


def look_for_ca(verify: Verify) -> None:
    """Raise pulumi.RunError for a CA that cannot be read, before anything is made: the proof, which needs it, is last.

    A preview only warns: it may run on another machine, such as that of a pull request's workflow.
    """
    try:
        if verify.on and verify.ca:
            from providers.access.probe import trusting  # here, for it loads the HTTP library

            trusting(verify.ca)
    except ProviderError as error:
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(str(error)) from None
        pulumi.log.warn(f"{error} A preview works without it, `pulumi up` does not.")


def prove(
    name: str,
    settings: Settings,
    headers: Output[dict[str, str]],
    accounts: Output[dict[str, str]],
    stands_on: Mapping[pulumi.Resource, Output[Any]],
    parent: pulumi.Resource,
) -> AccessProof | None:
    """Prove that each header gets through, or that none does where the phones are switched off.

    headers: phone to `Basic …`. accounts: phone to the output `written` of its account. stands_on: what else the access
    is made of, each with an output that is another one after every write, and that the engine does not know before, so
    that a preview announces the new proof.
    """
    if not settings.verify.on:
        return None
    names = names_of(settings)
    return AccessProof(
        name,
        url=names.url,
        address=settings.verify.address,
        ca=settings.verify.ca,
        path=settings.verify.path,
        headers=headers if settings.enabled else {},
        refused={} if settings.enabled else headers,
        accounts=accounts,
        account=names.account,
        upstream=names.upstream,
        other_doors=[*names.other_doors],
        caddy_admin=names.caddy_admin,
        application=names.application,
        provider=names.provider,
        phones_group=names.phones_group,
        people_groups=[*names.people_groups],
        outpost=names.outpost,
        restricted=names.restricted,
        subject=Output.all(*stands_on.values()).apply(_digest),
        opts=ResourceOptions(parent=parent, depends_on=list(stands_on)),
    )


def names_of(settings: Settings) -> Names:
    """Where to look for what keeps a phone out."""
    # Another host's Caddy has another admin API, and inside a site of the operator's ours has no route of its own.
    shows = settings.delivery.kind != "ssh" and not (settings.site.inside or settings.site.in_handle)
    return Names(
        url=settings.site.url,
        account=settings.service_account,
        upstream=settings.site.immich,
        other_doors=settings.delivery.other_doors,
        caddy_admin=settings.delivery.admin if shows else "",
        application=settings.application,
        provider=settings.provider_name,
        phones_group=settings.phones_group,
        people_groups=settings.people_groups,
        outpost=settings.outpost,
        restricted=bool(settings.site.basic_networks),
    )


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
