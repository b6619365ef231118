"""ImmichMobileAccess: the phone gets through Caddy and Authentik to Immich, and to nothing else."""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from components.access_proof import prove
from components.arguments import ImmichMobileAccessArgs
from components.basic_header import HEADER_NAME
from components.caddy_site import CaddySite
from components.named import NAMED
from components.phone_accounts import PhoneAccounts, usernames
from providers.authentik.application import Application, ApplicationArgs
from providers.authentik.exclusive_bindings import ExclusiveBindings, ExclusiveBindingsArgs
from providers.authentik.exclusive_members import ExclusiveMembers, ExclusiveMembersArgs
from providers.authentik.group import Group, GroupArgs
from providers.authentik.outpost_attachment import OutpostAttachment, OutpostAttachmentArgs
from providers.authentik.outpost_confirmation import OutpostConfirmation, OutpostConfirmationArgs
from providers.authentik.policy_binding import PolicyBinding, PolicyBindingArgs
from providers.authentik.proxy_provider import ProxyProvider, ProxyProviderArgs
from providers.authentik.resource import AuthentikResource, unless_adopted
from providers.authentik.service_account import ServiceAccount


class ImmichMobileAccess(pulumi.ComponentResource):
    """What five steps in two web interfaces make: accounts, their group, provider, application and the proxy's site.

    Nothing is reachable before it is guarded: the provider goes on the outpost after all bindings stand, and the site
    goes to Caddy after that. Destroying goes the other way round, but the application goes together with its bindings,
    without which it never stands, and the provider with its place on the outpost. Last comes the proof that it works.
    """

    url: Output[str]
    header_name: Output[str]
    headers: Output[dict[str, str]]
    """Phone name to `Basic …`: secret."""
    fingerprints: Output[dict[str, str]]
    """Phone name to the fingerprint of its header: 8 hexadecimal digits."""
    generations: Output[dict[str, int]]
    """Phone name to the generation of its account."""
    service_accounts: Output[dict[str, str]]
    """Phone name to account."""
    former_service_accounts: Output[dict[str, str]]
    """Phone name to the former generation's account, for each phone whose former password stays valid."""
    application: Output[str]
    caddy_site: str
    """The site as a file for a Caddyfile to import."""
    phones_group: Group
    """Made before anything that bears no mark of its stack, so that another stack's of the same names stops there."""
    accounts: dict[str, ServiceAccount]
    """Every account, of former generations too, by its username."""
    immich: Application

    def __init__(self, name: str, args: ImmichMobileAccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("immich:index:MobileAccess", name, None, opts)
        self._prefix, self._args = name, args

        group = self.phones_group = self._phones_group()
        phones = PhoneAccounts(name, args, group, self)
        members = self._members(group, phones)
        provider = self._proxy_provider(group)
        application = self._application(provider)
        bindings = self._bindings(application, group, members)
        exclusive = self._exclusive(application, bindings)
        attachment = self._attachment(group, provider, application, [*bindings, exclusive])
        self._confirmation(attachment, provider)
        site = self._site(attachment)
        objects: list[AuthentikResource[Any]] = [group, provider, application, *bindings, exclusive, attachment]
        stands_on: dict[pulumi.Resource, Output[Any]] = {
            **{each: each.written for each in objects},
            site: site.applied,
        }
        prove(f"{name}-proof", args, phones.all_headers, phones.all_usernames, phones.written, stands_on, self)

        self.immich, self.accounts = application, phones.by_username
        self.url = Output.from_input(args.site.url)
        self.header_name = Output.from_input(HEADER_NAME)
        self.headers, self.fingerprints = phones.headers, phones.fingerprints
        self.generations = Output.from_input(phones.generations)
        self.service_accounts, self.former_service_accounts = phones.usernames, phones.former_usernames
        self.application = application.slug
        self.caddy_site = site.text
        self.register_outputs(
            {
                "url": self.url,
                "headerName": self.header_name,
                "headers": self.headers,
                "fingerprints": self.fingerprints,
                "generations": self.generations,
                "serviceAccounts": self.service_accounts,
                "formerServiceAccounts": self.former_service_accounts,
                "application": self.application,
            }
        )

    def _phones_group(self) -> Group:
        declared = GroupArgs(
            name=self._args.phones_group,
            is_superuser=False,
            parents=[],  # who is in a group is in its parents, too
            roles=[],
        )
        if self._args.adopt:
            declared["members"] = usernames(self._args)
        return Group(f"{self._prefix}-phones", declared, adopt=self._args.adopt, named=NAMED, opts=self._child())

    def _members(self, group: Group, phones: PhoneAccounts) -> ExclusiveMembers:
        return ExclusiveMembers(
            f"{self._prefix}-members",
            ExclusiveMembersArgs(
                group=group.id,
                users=[account.id for account in phones.by_username.values()],
            ),
            opts=self._child(),
        )

    def _proxy_provider(self, group: Group) -> ProxyProvider:
        return ProxyProvider(
            f"{self._prefix}-provider",
            ProxyProviderArgs(
                name=self._args.provider_name,
                mode="forward_single",
                external_host=self._args.site.url,
                authorization_flow=self._args.authorization_flow,
                invalidation_flow=self._args.invalidation_flow,
                intercept_header_auth=True,
                skip_path_regex="",
                cookie_domain="",  # heeded in every mode: other sites would get the cookies of people's logins
                jwt_federation_sources=[],
                jwt_federation_providers=[],
            ),
            adopt=self._args.adopt,
            named=NAMED,
            opts=self._child(depends_on=[group]),
        )

    def _application(self, provider: ProxyProvider) -> Application:
        return Application(
            f"{self._prefix}-application",
            ApplicationArgs(
                name=self._args.application_name,
                slug=self._args.application,
                provider=provider.id,
                backchannel_providers=[],  # whom the application lets in they let in, by LDAP for one
                meta_launch_url=self._args.site.url,
                policy_engine_mode="any",
            ),
            adopt=self._args.adopt,
            named=NAMED,
            opts=self._child(),
        )

    def _bindings(self, application: Application, phones: Group, members: ExclusiveMembers) -> list[PolicyBinding]:
        """That of the phones' group comes after the look at who is in it: the application may stand open already."""
        groups: dict[str, pulumi.Input[str]] = {f"{self._prefix}-phones-binding": phones.id}
        groups |= {f"{self._prefix}-people-binding-{group}": group for group in self._args.people_groups}
        return [
            PolicyBinding(
                resource,
                PolicyBindingArgs(
                    target=application.id,
                    group=group,
                ),
                adopt=self._args.adopt,
                named=NAMED,
                opts=self._child(
                    depends_on=[members] if group is phones.id else [], deleted_with=unless_adopted(application)
                ),
            )
            for resource, group in groups.items()
        ]

    def _exclusive(self, application: Application, bindings: list[PolicyBinding]) -> ExclusiveBindings:
        return ExclusiveBindings(
            f"{self._prefix}-bindings",
            ExclusiveBindingsArgs(
                target=application.id,
                bindings=[binding.id for binding in bindings],
            ),
            named=NAMED,
            opts=self._child(),
        )

    def _attachment(
        self, phones: Group, provider: ProxyProvider, application: Application, guarded: Sequence[pulumi.Resource]
    ) -> OutpostAttachment:
        return OutpostAttachment(
            f"{self._prefix}-outpost",
            OutpostAttachmentArgs(
                outpost=self._args.outpost,
                provider=provider.id,
                application=application.id,
                group=phones.id,
                confirm=False,
            ),
            adopt=self._args.adopt,
            named=NAMED,
            opts=self._child(depends_on=guarded, deleted_with=unless_adopted(provider, application)),
        )

    def _confirmation(self, attachment: OutpostAttachment, provider: ProxyProvider) -> OutpostConfirmation:
        """Beside site, proof and isolation, which do not wait for it."""
        return OutpostConfirmation(
            f"{self._prefix}-outpost-confirmation",
            OutpostConfirmationArgs(
                outpost=attachment.outpost_pk,
                provider=provider.id,
                settles=attachment.settles.apply(lambda settles: settles or 0),
            ),
            opts=self._child(),
        )

    def _site(self, attachment: OutpostAttachment) -> CaddySite:
        return CaddySite(
            f"{self._prefix}-caddy",
            f"{self._prefix}-site",
            self._args.site,
            self._args.delivery,
            after=[attachment],
            opts=self._child(),
        )

    def _child(
        self, depends_on: Sequence[pulumi.Resource] = (), deleted_with: pulumi.Resource | None = None
    ) -> ResourceOptions:
        return ResourceOptions(parent=self, depends_on=list(depends_on), deleted_with=deleted_with)
