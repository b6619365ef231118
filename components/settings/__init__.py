"""Settings: what the operator wrote into the stack's file, read and checked before anything is called. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from components.settings.caddy import SECRETS, Delivery, Host, read_delivery
from components.settings.caddy_options import OPTIONS
from components.settings.login import Login, read_login
from components.settings.phones import Phone, read_phones
from components.settings.reader import SLUG, Reader, SettingsError
from components.settings.site import read_site
from components.settings.verify import Verify, read_verify
from providers.authentik.model.rules import slug
from providers.caddy.rules import account_name, door, upstream_url
from providers.caddy.site import Site

__all__ = ["SECRETS", "Delivery", "Host", "Login", "Phone", "Settings", "SettingsError", "read_settings"]

AUTHENTIK = ("authentik:url", "authentik:token")
CADDY = [f"caddy:{name}" for name, option in OPTIONS.items() if not option.host_only]


@dataclass(frozen=True)
class Settings:
    """The settings of the program; Pulumi.yaml describes each."""

    authentik_url: str
    site: Site
    delivery: Delivery
    service_account: str
    phones: tuple[Phone, ...]
    phones_group: str
    people_groups: tuple[str, ...]
    application: str
    application_name: str
    provider_name: str
    authorization_flow: str
    invalidation_flow: str
    outpost: str
    enabled: bool
    adopt: bool
    verify: Verify
    isolation: str
    timeout_percent: int
    """Percent of the usual times; the providers read it for themselves."""
    login: Login | None = None


def read_settings(
    get: Callable[[str], str | None], given: Iterable[str] = (), declared: Iterable[str] = ()
) -> Settings:
    """Read the settings. get: the value of namespace:name as the stack has it (lists as JSON), None if it has none.

    given: the keys that the stack has; declared: those of Pulumi.yaml, whose defaults the engine has filled in.
    Raises SettingsError that names every setting that is missing or wrong, what was expected and what to do.
    """
    read = Reader(get)
    read.known(given, {*declared, *SECRETS, *CADDY, *AUTHENTIK})
    authentik_url = read.text("authentik:url", rule=upstream_url, example="https://auth.example.org")
    service_account = read.text("immich:serviceAccount", rule=account_name, example="immich-mobile")
    site = read_site(read, service_account, authentik_url)
    settings = Settings(
        authentik_url=authentik_url,
        site=site,
        delivery=replace(read_delivery(read, site), other_doors=read.texts("immich:otherDoors", rule=door)),
        service_account=service_account,
        phones=read_phones(read, "immich:phones", service_account),
        phones_group=read.name("immich:phonesGroup"),
        people_groups=read.names("immich:peopleGroups"),
        application=read.text("immich:application", rule=slug, longest=SLUG),
        application_name=read.name("immich:applicationName"),
        provider_name=read.name("immich:providerName"),
        authorization_flow=read.text("immich:authorizationFlow", rule=slug, longest=SLUG),
        invalidation_flow=read.text("immich:invalidationFlow", rule=slug, longest=SLUG),
        outpost=read.name("immich:outpost"),
        enabled=read.flag("immich:enabled"),
        adopt=read.flag("immich:adopt"),
        verify=read_verify(read, site.open_paths),
        isolation=read.text("immich:isolation", rule=_isolation),
        timeout_percent=read.percent("immich:timeoutPercent"),
    )
    if settings.phones_group in settings.people_groups:
        read.wrong("immich:peopleGroups", "expected groups of people, got the phones' own group among them")
    login = read_login(read, authentik_url, settings.application, settings.people_groups)
    read.finish()
    return replace(settings, login=login)


def _isolation(value: str) -> str | None:
    return None if value in ("report", "close") else "expected report or close"
