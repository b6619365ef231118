"""ImmichLogin: the second layer, Immich's own login by Authentik."""

import json

import pulumi
from pulumi import Input, Output, Resource, ResourceOptions

from components.arguments import ImmichLoginArgs
from components.immich_oauth_section import MOBILE_CALLBACK, oauth_config
from components.named import NAMED
from providers.authentik.application import Application, ApplicationArgs
from providers.authentik.exclusive_bindings import ExclusiveBindings, ExclusiveBindingsArgs
from providers.authentik.oauth2_provider import OAuth2Provider, OAuth2ProviderArgs, RedirectUriArgs
from providers.authentik.policy_binding import PolicyBinding, PolicyBindingArgs
from providers.authentik.resource import unless_adopted

SCOPES: list[Input[str]] = [
    f"goauthentik.io/providers/oauth2/scope-{scope}" for scope in ("openid", "email", "profile")
]


class ImmichLogin(pulumi.ComponentResource):
    """An OAuth2 provider and its application, bound to the people's groups alone, and what Immich must know of them.

    A phone's account is in none of these groups: its header opens the door, and never logs anybody in.
    """

    issuer_url: Output[str]
    client_id: Output[str]
    client_secret: Output[str]
    """Secret."""
    system_config: Output[str]
    """The section `oauth` of Immich's system configuration, as JSON: secret."""

    def __init__(self, name: str, args: ImmichLoginArgs, after: Resource, opts: ResourceOptions | None = None) -> None:
        """after: what the run stops at where the settings name another stack's, so that its login is left alone."""
        super().__init__("immich:index:Login", name, None, opts)
        self._prefix, self._args = name, args

        provider = self._oauth2_provider(after)
        application = self._application(provider)
        bindings = [self._binding(application, group) for group in args.people_groups]
        ExclusiveBindings(
            f"{name}-bindings",
            ExclusiveBindingsArgs(
                target=application.id,
                bindings=[binding.id for binding in bindings],
            ),
            named=NAMED,
            opts=self._child(),
        )

        issuer = f"{args.authentik_url}/application/o/{args.application}/"
        mobile = self._mobile_redirect_uri if args.mobile_override else ""
        config = Output.all(provider.client_id, provider.client_secret).apply(
            lambda client: json.dumps({"oauth": oauth_config(issuer, client[0], client[1], mobile)}, indent=2)
        )
        self.issuer_url = Output.from_input(issuer)
        self.client_id = provider.client_id
        self.client_secret = Output.secret(provider.client_secret)
        self.system_config = Output.secret(config)
        self.register_outputs(
            {
                "issuerUrl": self.issuer_url,
                "clientId": self.client_id,
                "clientSecret": self.client_secret,
                "systemConfig": self.system_config,
            }
        )

    @property
    def _mobile_redirect_uri(self) -> str:
        """Where Immich's server sends the app on; for who cannot or will not allow the app's own scheme."""
        return f"{self._args.immich_url}/api/oauth/mobile-redirect"

    def _oauth2_provider(self, after: Resource) -> OAuth2Provider:
        site = self._args.immich_url
        mobile = self._mobile_redirect_uri if self._args.mobile_override else MOBILE_CALLBACK
        return OAuth2Provider(
            f"{self._prefix}-provider",
            OAuth2ProviderArgs(
                name=self._args.name,
                authorization_flow=self._args.authorization_flow,
                invalidation_flow=self._args.invalidation_flow,
                property_mappings=SCOPES,
                client_type="confidential",
                grant_types=["authorization_code"],
                signing_key=self._args.certificate,
                redirect_uris=[
                    RedirectUriArgs(matching_mode="strict", url=url)
                    for url in (f"{site}/auth/login", f"{site}/user-settings", mobile)
                ],
                jwt_federation_sources=[],
                jwt_federation_providers=[],
                rsa_key=True,  # Immich expects RS256
                once_made="Import the output immichSystemConfig into Immich: until then its login is down.",
            ),
            adopt=self._args.adopt,
            named=NAMED,
            opts=ResourceOptions(parent=self, depends_on=[after]),
        )

    def _application(self, provider: OAuth2Provider) -> Application:
        return Application(
            f"{self._prefix}-application",
            ApplicationArgs(
                name=self._args.name,
                slug=self._args.application,
                provider=provider.id,
                backchannel_providers=[],
                meta_launch_url=self._args.immich_url,
                meta_hide=True,  # the library shows Immich once: the application that guards it
                policy_engine_mode="any",
            ),
            adopt=self._args.adopt,
            named=NAMED,
            opts=self._child(),
        )

    def _binding(self, application: Application, group: str) -> PolicyBinding:
        return PolicyBinding(
            f"{self._prefix}-people-binding-{group}",
            PolicyBindingArgs(
                target=application.id,
                group=group,
            ),
            adopt=self._args.adopt,
            named=NAMED,
            opts=ResourceOptions(parent=self, deleted_with=unless_adopted(application)),
        )

    def _child(self) -> ResourceOptions:
        return ResourceOptions(parent=self)
