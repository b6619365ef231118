"""The rights that AUTHENTIK_TOKEN needs, and what for. Pure."""

from typing import Final


def _of(model: str, *verbs: str) -> tuple[str, ...]:
    app, name = model.split(".")
    return tuple(f"{app}.{verb}_{name}" for verb in verbs)


_ALL = ("add", "change", "delete", "view")

PROGRAM: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (("authentik_core.add_user", "authentik_core.add_token"), "create a phone's account with its app password"),
    (("authentik_core.change_user",), "put the account into its group, name it, switch it off"),
    (("authentik_core.delete_user", "authentik_core.view_user"), "revoke a phone; see drift"),
    (
        ("authentik_core.view_token",),
        "see that an app password was revoked, or another one created (on 2025.8 only a superuser's token can)",
    ),
    (("authentik_core.delete_token",), "delete that other one"),
    (_of("authentik_core.group", "add", "change", "delete"), "the phones' group"),
    (("authentik_core.view_group",), "see drift; find the people's groups by name"),
    (("authentik_core.disable_group_superuser",), "take a superuser flag off that group"),
    (_of("authentik_core.application", *_ALL), "the application"),
    (_of("authentik_providers_proxy.proxyprovider", *_ALL), "the proxy provider"),
    (_of("authentik_policies.policybinding", *_ALL), "who may enter"),
    (_of("authentik_outposts.outpost", "view", "change"), "the provider's place on the outpost"),
    (("authentik_core.view_user_applications",), "see what the phones may enter besides Immich"),
    (("authentik_flows.view_flow",), "find the flows by slug"),
    (("authentik_events.view_event",), "each phone's last login in `python -m phone`; `pulumi` does without it"),
)
"""Groups of rights, each with what it is for."""
LOGIN: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (
        _of("authentik_providers_oauth2.oauth2provider", *_ALL),
        "the OAuth2 provider; to view it is to read its client secret",
    ),
    (("authentik_providers_oauth2.view_scopemapping",), "find the scopes"),
    (("authentik_crypto.view_certificatekeypair",), "find the key that signs the login's tokens"),
)
"""The same for immich:login."""


RIGHTS: Final = tuple(right for group, _ in PROGRAM for right in group)
"""Every right, as app.codename."""
LOGIN_RIGHTS: Final = tuple(right for group, _ in LOGIN for right in group)
"""Those that immich:login needs besides."""
