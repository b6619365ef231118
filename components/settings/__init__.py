"""Settings: what the operator wrote into the stack's file, read and checked before anything is called. Pure."""

import difflib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from components.arguments import ImmichLoginArgs, ImmichMobileAccessArgs, Phone, Verify
from components.settings.caddy import SECRETS, delivery
from components.settings.table import SETTINGS
from providers.access.immich_answers import ANSWERS
from providers.arguments import Bag
from providers.caddy.site import Site
from providers.fields import UNSET, Code, Field, Json, ListOf, Text

__all__ = ["SECRETS", "SETTINGS", "Settings", "SettingsError", "check_setting", "read_settings"]

_KNOWN = {*SETTINGS.fields, "authentik:token"}
_NAMESPACES = {key.partition(":")[0] for key in _KNOWN}
_ALIKE = 0.8
"""A namespace as similar as this to one of ours is a typo of it; those of Pulumi's providers are less similar."""


class SettingsError(Exception):
    """Settings are missing or wrong; the message has a line for each."""


@dataclass(frozen=True, kw_only=True)
class Settings(ImmichMobileAccessArgs):
    """The settings of the program: what the access takes, and the rest; README describes each."""

    authentik_url: str
    isolation: str
    timeout_percent: int
    """Percent of the usual times; the providers read it for themselves."""
    login: ImmichLoginArgs | None = None


def read_settings(get: Callable[[str], str | None], given: Iterable[str] = ()) -> Settings:
    """Read the settings. get: the value of namespace:name as the stack has it (lists as JSON), None if it has none.

    given: the keys that the stack has. Raises SettingsError that names every setting that is missing or wrong, what was
    expected and what to do.
    """
    values, failures = _checked(get)
    failures = [*_unknown(given), *failures]
    if failures:
        raise SettingsError("\n".join(["the stack's settings are not right:", *failures]))
    return _settings(values, admin_is_given=bool(get("caddy:admin")))


def check_setting(key: str, value: str) -> list[str]:
    """What is wrong with one setting's value, apart from the others; empty if nothing is. value: lists as JSON."""
    field = SETTINGS.fields[key]
    if _stands_for_nothing(field, value):
        return [_missing(key)] if key in SETTINGS.required else []
    try:
        field.normalise(_decoded(field, value))
    except ValueError as error:
        return list(error.args)
    return []


def _checked(get: Callable[[str], str | None]) -> tuple[Bag, list[str]]:
    """The values of all settings with their defaults, and a line for each failure."""
    news = {
        key: _decoded(field, value)
        for key, field in SETTINGS.fields.items()
        if (value := get(key)) is not None and not _stands_for_nothing(field, value)
    }
    missing = SETTINGS.required - news.keys()
    values, failures = SETTINGS.check(news, missing)
    lines = [f"{key}: {_missing(key)}" for key in SETTINGS.fields if key in missing]
    return values, lines + [f"{key}: {reason}" for key, reason in failures]


def _stands_for_nothing(field: Field, value: str) -> bool:
    """Whether a setting is as if it were not given: an empty text, unless something else is the default."""
    return not value and field.default in ("", [], UNSET)


def _decoded(field: Field, value: str) -> Json:
    """Texts come as they are, all else as JSON. What is neither is left for the field to refuse."""
    if isinstance(field, Text | Code):
        return value
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return value if decoded is None else decoded


def _missing(key: str) -> str:
    """What is said of a setting that is missing, with the command that sets it to its example."""
    field = SETTINGS.fields[key]
    where = f"--path '{key}[0]'" if isinstance(field, ListOf) else key
    return f"is missing. Run: pulumi config set {where} {field.example}"


def _unknown(given: Iterable[str]) -> list[str]:
    """A line for each key in one of our namespaces, or a misspelt one, that is not a setting and so has no effect."""
    lines = []
    for key in sorted(set(given) - _KNOWN):
        namespace, _, name = key.partition(":")
        for ours in difflib.get_close_matches(namespace.lower(), _NAMESPACES, 1, _ALIKE):
            near = difflib.get_close_matches(f"{ours}:{name}", _KNOWN, 1)
            meant = f": did you mean {near[0]}?" if near else "."
            lines.append(f"{key}: is not a setting of this program{meant} To take it out: pulumi config rm {key}")
    return lines


def _settings(values: Bag, *, admin_is_given: bool) -> Settings:
    """The settings out of values that are right."""
    immich = {name.partition(":")[2]: value for name, value in values.items() if name.startswith("immich:")}
    authentik_url = values["authentik:url"]
    site = Site(
        account=immich["serviceAccount"],
        url=immich["url"].lower(),
        immich=immich["upstream"],
        outpost=immich["outpostUrl"] or authentik_url,
        immich_ca=immich["upstreamCa"],
        outpost_ca=immich["outpostCa"],
        open_paths=tuple(immich["openPaths"]),
        shares=immich["sharesUpstream"],
        basic_networks=tuple(immich["basicNetworks"]),
        trusted_proxies=tuple(immich["trustedProxies"]),
        inside=immich["insideSite"],
        in_handle=immich["insideHandle"],
        access_log=immich["accessLog"],
    )
    login = ImmichLoginArgs(
        authentik_url=immich["authentikUrl"] or authentik_url,
        immich_url=site.url,
        application=immich["loginApplication"],
        name=immich["loginName"],
        certificate=immich["loginCertificate"],
        mobile_override=immich["loginMobileOverride"],
        people_groups=tuple(immich["peopleGroups"]),
        authorization_flow=immich["authorizationFlow"],
        invalidation_flow=immich["invalidationFlow"],
        adopt=immich["adopt"],
    )
    return Settings(
        authentik_url=authentik_url,
        site=site,
        delivery=delivery(values, site, admin_is_given=admin_is_given),
        service_account=immich["serviceAccount"],
        phones=tuple(Phone(**each) for each in immich["phones"]),
        phones_group=immich["phonesGroup"],
        people_groups=tuple(immich["peopleGroups"]),
        application=immich["application"],
        application_name=immich["applicationName"],
        provider_name=immich["providerName"],
        authorization_flow=immich["authorizationFlow"],
        invalidation_flow=immich["invalidationFlow"],
        outpost=immich["outpost"],
        enabled=immich["enabled"],
        adopt=immich["adopt"],
        verify=Verify(
            on=immich["verify"],
            address=immich["probeAddress"],
            ca=immich["probeCa"],
            # What everybody may read proves nothing.
            path=next(path for path in ANSWERS if path not in immich["openPaths"]),
        ),
        isolation=immich["isolation"],
        timeout_percent=immich["timeoutPercent"],
        login=login if immich["login"] else None,
    )
