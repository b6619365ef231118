"""One object of every kind, in one form or the other: what the lifecycle tests deploy."""

import pulumi

from providers.authentik.application import Application, ApplicationArgs
from providers.authentik.group import Group, GroupArgs
from providers.authentik.oauth2_provider import OAuth2Provider, OAuth2ProviderArgs
from providers.authentik.outpost_attachment import OutpostAttachment, OutpostAttachmentArgs
from providers.authentik.policy_binding import PolicyBinding, PolicyBindingArgs
from providers.authentik.proxy_provider import ProxyProvider, ProxyProviderArgs
from providers.authentik.service_account import ServiceAccount, ServiceAccountArgs
from providers.authentik.user import User, UserArgs

config = pulumi.Config()
second = config.require_bool("second")
suffix = config.require("suffix")
number = 2 if second else 1

group = Group(
    "group",
    GroupArgs(
        name=f"every-group-{number}-{suffix}",
        attributes={"number": number},
    ),
)
user = User(
    "user",
    UserArgs(
        username=f"every-user-{suffix}",
        name=f"User {number}",
        email=f"{number}@lab.test",
        groups=[group.id],
        path=f"every/{number}",
    ),
)
account = ServiceAccount(
    "account",
    ServiceAccountArgs(
        username=f"every-account-{suffix}",
        name=f"Account {number}",
        groups=[group.id],
        is_active=not second,
    ),
)
provider = ProxyProvider(
    "provider",
    ProxyProviderArgs(
        name=f"every provider {number} {suffix}",
        mode="forward_single",
        external_host=f"https://every-{number}-{suffix}.lab.test",
        authorization_flow="default-provider-authorization-implicit-consent",
        invalidation_flow="default-provider-invalidation-flow",
        property_mappings=["goauthentik.io/providers/oauth2/scope-openid"],
        skip_path_regex="^/open$\n^/health$" if second else "",
        access_token_validity="hours=2" if second else "hours=1",
    ),
)
described = ApplicationArgs(
    name=f"Every application {number}",
    slug=f"every-{number}-{suffix}",
    provider=provider.id,
    policy_engine_mode="all" if second else "any",
)
if not second:
    described["meta_description"] = "A line that the second form does not have"
application = Application(
    "application",
    described,
)
binding = PolicyBinding(
    "binding",
    PolicyBindingArgs(
        target=application.id,
        group=group.name,
        timeout=30 + number,
        negate=second,
    ),
)
attachment = OutpostAttachment(
    "attachment",
    OutpostAttachmentArgs(
        provider=provider.id,
    ),
)

login = OAuth2Provider(
    "login",
    OAuth2ProviderArgs(
        name=f"every login {number} {suffix}",
        authorization_flow="default-provider-authorization-implicit-consent",
        invalidation_flow="default-provider-invalidation-flow",
        property_mappings=["goauthentik.io/providers/oauth2/scope-openid", "profile"],
        grant_types=["authorization_code"],
        signing_key="authentik Self-signed Certificate",
        redirect_uris=[
            {"matching_mode": "strict", "url": f"https://every-{suffix}.lab.test/auth/login"},
            {"matching_mode": "strict", "url": f"app.every{number}:///oauth-callback"},
        ],
        sub_mode="user_email" if second else "hashed_user_id",
    ),
)
