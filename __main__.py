"""The program that `pulumi up` runs: settings, one component, exports."""

import os

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from components.access_proof import look_for_ca
from components.authentik_address import origin, warning
from components.immich_login import ImmichLogin
from components.immich_mobile_access import ImmichMobileAccess
from components.isolation import isolate
from components.settings import SECRETS, Settings, SettingsError, read_settings


def configured(key: str) -> str | None:
    """The value of namespace:name in the stack's configuration; of a secret also in the environment."""
    namespace, _, name = key.partition(":")
    return pulumi.Config(namespace).get(name) or os.environ.get(SECRETS.get(key, ""))


def settings() -> Settings:
    """The stack's settings; what is wrong with them ends the program as one message."""
    try:
        return read_settings(configured, {**get_config_env(), **CONFIG.get()})
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


stack = settings()
look_for_ca(stack.verify)
if in_clear := warning(stack.authentik_url):
    pulumi.log.warn(in_clear)
access = ImmichMobileAccess("immich", stack)

pulumi.export("authentikUrl", origin(stack.authentik_url))
pulumi.export("immichUrl", access.url)
pulumi.export("headerName", access.header_name)
pulumi.export("headers", access.headers)
pulumi.export("fingerprints", access.fingerprints)
pulumi.export("generations", access.generations)
pulumi.export("serviceAccounts", access.service_accounts)
pulumi.export("formerServiceAccounts", access.former_service_accounts)
pulumi.export("application", access.application)
if stack.delivery.kind == "none":
    pulumi.export("caddySite", access.caddy_site)

if stack.login:
    login = ImmichLogin("immich-login", stack.login, access.immich)
    pulumi.export("loginIssuerUrl", login.issuer_url)
    pulumi.export("loginClientId", login.client_id)
    pulumi.export("loginClientSecret", login.client_secret)
    pulumi.export("immichSystemConfig", login.system_config)

isolation = isolate(access, stack.isolation, adopt=stack.adopt, after=[login] if stack.login else [])
pulumi.export("reachable", isolation.reachable)
pulumi.export("unchecked", isolation.unchecked)
