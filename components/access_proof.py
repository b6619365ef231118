"""The proof, the last resource of a stack: it stands on all the others, and is made again when one of them changes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from components.arguments import ImmichMobileAccessArgs, Verify
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
    args: ImmichMobileAccessArgs,
    headers: Output[dict[str, str]],
    usernames: Output[dict[str, str]],
    accounts: Output[dict[str, str]],
    stands_on: Mapping[pulumi.Resource, Output[Any]],
    parent: pulumi.Resource,
) -> AccessProof | None:
    """Prove that each header gets through, or that none does where the phones are switched off.

    headers: phone to `Basic …`. usernames: to its account. accounts: to the output `written` of that. stands_on: what
    else the access is made of, each with an output that is another one after every write, and that the engine does not
    know before, so that a preview announces the new proof.
    """
    if not args.verify.on:
        return None
    names = names_of(args)
    return AccessProof(
        name,
        url=names.url,
        address=args.verify.address,
        ca=args.verify.ca,
        path=args.verify.path,
        headers=headers if args.enabled else {},
        refused={} if args.enabled else headers,
        usernames=usernames,
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


def names_of(args: ImmichMobileAccessArgs) -> Names:
    """Where to look for what keeps a phone out."""
    # Another host's Caddy has another admin API, and inside a site of the operator's ours has no route of its own.
    shows = args.delivery.kind != "ssh" and not (args.site.inside or args.site.in_handle)
    return Names(
        url=args.site.url,
        account=args.service_account,
        upstream=args.site.immich,
        other_doors=args.delivery.other_doors,
        caddy_admin=args.delivery.admin if shows else "",
        application=args.application,
        provider=args.provider_name,
        phones_group=args.phones_group,
        people_groups=args.people_groups,
        outpost=args.outpost,
        restricted=bool(args.site.basic_networks),
    )


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
