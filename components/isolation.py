"""What the phones may enter besides Immich: asked on every change, said on every run, shut where it is asked for."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi import Output, Resource, ResourceOptions

from components.immich_mobile_access import ImmichMobileAccess
from components.named import NAMED
from providers.authentik.api.queries import HIDDEN
from providers.authentik.isolation import Isolation, IsolationArgs

REMEDY = {
    "report": "What nothing is bound to in Authentik is open to everybody: bind it to the groups that may use it, or "
    "set immich:isolation to close. To bind one, open Authentik's admin interface and go to:",
    "close": "They have bindings of others, beside which one of ours could let everybody else in: change those in "
    "Authentik.",
}
STEPS = "Applications > Applications > {} > Policy / Group / User Bindings > Bind existing policy/group/user > Group"
"""Where an application is bound."""


def isolate(access: ImmichMobileAccess, action: str, *, adopt: bool, after: Sequence[Resource] = ()) -> Isolation:
    """Declare the isolation of the phones' accounts. action: report or close.

    after: what makes applications that are open until it is done.
    """
    isolation = Isolation(
        "immich-isolation",
        IsolationArgs(
            group=access.phones_group.id,
            application=access.immich.id,
            accounts={name: account.id for name, account in access.accounts.items()},
            action=action,
        ),
        adopt=adopt,
        named=NAMED,
        opts=ResourceOptions(parent=access, depends_on=list(after)),
    )

    def warn(told: Sequence[object]) -> None:
        if text := warning(action, *told):  # type: ignore[arg-type]  # what Output.all gives
            # No error: it would keep the engine from deleting, and a lost phone's account with it.
            pulumi.log.warn(text, isolation)

    Output.all(isolation.reachable, isolation.unchecked).apply(warn)
    return isolation


def warning(action: str, reachable: Mapping[str, Sequence[str]], unchecked: Sequence[str]) -> str:
    """What the operator has to know, or nothing. reachable: slugs by account. Pure."""
    entered = [f"{account}: {', '.join(slugs)}" for account, slugs in sorted(reachable.items()) if slugs]
    lines = [f"The phones may enter more than Immich. {'; '.join(entered)}. {REMEDY[action]}"] if entered else []
    if action == "report":
        lines += [
            f"  {STEPS.format(slug)}" for slug in sorted({slug for slugs in reachable.values() for slug in slugs})
        ]
    if entered or set(unchecked) - {HIDDEN}:
        lines += [f"Not told: {each}." for each in unchecked]
    return "\n".join(lines)
