"""ImmichMobileAccess: the phone gets through Caddy and Authentik to Immich, and to nothing else."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from components.basic_header import HEADER_NAME, basic_header
from components.settings import Phone, Settings
from providers.authentik import (
    Application,
    Group,
    OutpostAttachment,
    PolicyBinding,
    ProxyProvider,
    ServiceAccount,
)
from providers.authentik.ownership import MARKER
from providers.caddy import CaddyConfig, render


class ImmichMobileAccess(pulumi.ComponentResource):
    """What five steps in two web interfaces make: accounts, their group, provider, application and the proxy's site.

    Nothing is reachable before it is guarded: the provider goes on the outpost after all bindings stand, and the site
    goes to Caddy after that. Destroying goes the other way round.
    """

    url: Output[str]
    header_name: Output[str]
    headers: Output[dict[str, str]]
    """Phone name to `Basic …`: secret."""
    service_accounts: Output[dict[str, str]]
    """Phone name to account."""
    application: Output[str]

    def __init__(self, name: str, settings: Settings, opts: ResourceOptions | None = None) -> None:
        super().__init__("immich:index:MobileAccess", name, None, opts)
        self._prefix, self._settings = name, settings

        group = self._phones_group()
        accounts = {phone.name: self._account(phone, group) for phone in settings.phones}
        provider = self._proxy_provider()
        application = self._application(provider)
        bindings = self._bindings(application, group)
        attachment = self._attachment(provider, application, bindings)
        self._site(attachment)

        self.url = Output.from_input(settings.site.url)
        self.header_name = Output.from_input(HEADER_NAME)
        self.headers = Output.secret(_gathered({phone: _header(account) for phone, account in accounts.items()}))
        self.service_accounts = _gathered({phone: account.username for phone, account in accounts.items()})
        self.application = application.slug
        self.register_outputs(
            {
                "url": self.url,
                "headerName": self.header_name,
                "headers": self.headers,
                "serviceAccounts": self.service_accounts,
                "application": self.application,
            }
        )

    def _phones_group(self) -> Group:
        return Group(
            f"{self._prefix}-phones",
            name=self._settings.phones_group,
            is_superuser=False,
            attributes=_attributes(f"{self._prefix}-phones"),
            adopt=self._settings.adopt,
            opts=self._child(),
        )

    def _account(self, phone: Phone, group: Group) -> ServiceAccount:
        resource = f"{self._prefix}-{phone.name}"
        return ServiceAccount(
            resource,
            username=phone.username(self._settings.service_account),
            name=f"Immich phone: {phone.name}, generation {phone.generation}",
            is_active=self._settings.enabled,
            groups=[group.id],
            attributes=_attributes(resource) | {"phone": phone.name, "generation": phone.generation},
            adopt=self._settings.adopt,
            opts=self._child(),
        )

    def _proxy_provider(self) -> ProxyProvider:
        return ProxyProvider(
            f"{self._prefix}-provider",
            name=self._settings.provider_name,
            mode="forward_single",
            external_host=self._settings.site.url,
            authorization_flow=self._settings.authorization_flow,
            invalidation_flow=self._settings.invalidation_flow,
            intercept_header_auth=True,
            skip_path_regex="",
            adopt=self._settings.adopt,
            opts=self._child(),
        )

    def _application(self, provider: ProxyProvider) -> Application:
        return Application(
            f"{self._prefix}-application",
            name=self._settings.application_name,
            slug=self._settings.application,
            provider=provider.id,
            meta_launch_url=self._settings.site.url,
            policy_engine_mode="any",
            adopt=self._settings.adopt,
            opts=self._child(),
        )

    def _bindings(self, application: Application, phones: Group) -> list[PolicyBinding]:
        groups: dict[str, pulumi.Input[str]] = {f"{self._prefix}-phones-binding": phones.id}
        groups |= {f"{self._prefix}-people-binding-{group}": group for group in self._settings.people_groups}
        return [
            PolicyBinding(resource, target=application.id, group=group, adopt=self._settings.adopt, opts=self._child())
            for resource, group in groups.items()
        ]

    def _attachment(
        self, provider: ProxyProvider, application: Application, bindings: list[PolicyBinding]
    ) -> OutpostAttachment:
        return OutpostAttachment(
            f"{self._prefix}-outpost",
            outpost=self._settings.outpost,
            provider=provider.id,
            application=application.id,
            adopt=self._settings.adopt,
            opts=self._child(depends_on=bindings),
        )

    def _site(self, attachment: OutpostAttachment) -> CaddyConfig:
        site = self._settings.site
        return CaddyConfig(
            f"{self._prefix}-site",
            admin=self._settings.caddy_admin,
            route_id=f"{pulumi.get_project()}-{pulumi.get_stack()}",
            host=site.host,
            port=site.port,
            caddyfile=render(site),
            opts=self._child(depends_on=[attachment]),
        )

    def _child(self, depends_on: list[PolicyBinding] | list[OutpostAttachment] | None = None) -> ResourceOptions:
        return ResourceOptions(parent=self, depends_on=depends_on)


def _gathered(outputs: Mapping[str, Output[str]]) -> Output[dict[str, str]]:
    """One output of many; Output.all would make a list of none."""
    gathered: Output[Any] = Output.from_input(dict(outputs))
    return gathered


def _header(account: ServiceAccount) -> Output[str]:
    return Output.all(account.username, account.key).apply(lambda both: basic_header(*both))


def _attributes(resource: str) -> dict[str, str]:
    """Which resource of which stack an object is, so that no other stack takes it over."""
    return {MARKER: f"{pulumi.get_project()}/{pulumi.get_stack()}/{resource}"}
