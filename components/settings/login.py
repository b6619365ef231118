"""Immich's own login: the settings `immich:login…`, read and checked. Pure."""

from dataclasses import dataclass

from components.settings.reader import SLUG, Reader
from providers.authentik.model.rules import slug
from providers.caddy.rules import upstream_url


@dataclass(frozen=True)
class Login:
    """The second layer, as Pulumi.yaml describes it. certificate: the name of the one that signs its tokens."""

    authentik_url: str
    application: str
    name: str
    certificate: str
    mobile_override: bool


def read_login(read: Reader, authentik_url: str, application: str, people_groups: tuple[str, ...]) -> Login | None:
    """The login's settings, or None where it is off. application: the slug of the one that guards Immich."""
    login = Login(
        authentik_url=read.text("immich:authentikUrl", rule=upstream_url, default=authentik_url),
        application=read.text("immich:loginApplication", rule=slug, longest=SLUG),
        name=read.name("immich:loginName"),
        certificate=read.name("immich:loginCertificate"),
        mobile_override=read.flag("immich:loginMobileOverride"),
    )
    if login.application == application:
        read.wrong("immich:loginApplication", "expected another slug than that of immich:application")
    if not read.flag("immich:login"):
        return None
    if not people_groups:
        read.wrong("immich:login", "expected a group in immich:peopleGroups: without one everybody could log in")
    return login
