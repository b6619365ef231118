"""What the components take. Pure."""

from dataclasses import dataclass, field, replace
from typing import Annotated

from providers.caddy.delivery import Target
from providers.caddy.site import Site
from providers.fields import Boolean, Integer, Text, Timestamp, matching

DEFAULT_PHONE = "phone"
_NAME = matching(r"[a-z0-9](?:[-a-z0-9]{0,38}[a-z0-9])?", "expected a-z, 0-9 and hyphens, at most 40")


@dataclass(frozen=True)
class Phone:
    """One phone. A higher generation is a new account with a new password; the former one goes, or stays by overlap.

    expires: when the password ends, as RFC 3339 writes it; "" for never. note: the operator's own words.
    """

    name: Annotated[str, Text(rule=_NAME)]
    generation: Annotated[int, Integer(minimum=1, maximum=9999)] = 1
    overlap: Annotated[bool, Boolean()] = False
    expires: Annotated[str, Timestamp(blank=False)] = ""
    note: Annotated[str, Text(blank=False, max_length=200)] = ""

    @property
    def former(self) -> "Phone | None":
        """The generation before this one, where it stays."""
        return replace(self, generation=self.generation - 1) if self.overlap and self.generation > 1 else None

    def username(self, base: str) -> str:
        """The account's name: base for the phone named `phone`, base-name for another, -gN from generation 2 on."""
        name = base if self.name == DEFAULT_PHONE else f"{base}-{self.name}"
        return name if self.generation == 1 else f"{name}-g{self.generation}"


@dataclass(frozen=True)
class Host:
    """A host behind SSH. name: what its resources are called after. host_key: as in authorized_keys."""

    name: str
    address: str
    port: int
    user: str
    host_key: str
    target: Target


@dataclass(frozen=True)
class Delivery:
    """How the site gets to Caddy: by the admin API, as a file here (target) or on each of the hosts, or not at all.

    other_doors: addresses, host:port, at which Caddy may serve Immich past the site.
    """

    kind: str
    admin: str
    target: Target | None = None
    hosts: tuple[Host, ...] = ()
    redeliver: str = ""
    private_key: str | None = field(default=None, repr=False)
    private_key_password: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    other_doors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verify:
    """on: whether `pulumi up` proves the access. address: host:port to connect to in place of what DNS says.

    ca: path of the PEM file of a CA to trust in place of the system's. Both may be empty. path: what is asked for.
    """

    on: bool
    address: str
    ca: str
    path: str


@dataclass(frozen=True, kw_only=True)
class ImmichMobileAccessArgs:
    """service_account: what the names of the phones' accounts begin with. enabled: whether the phones get through.

    phones_group, people_groups, application_name, provider_name, outpost: names in Authentik; application, flows: slugs
    there. adopt: take over what was made by hand under the same names.
    """

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


@dataclass(frozen=True, kw_only=True)
class ImmichLoginArgs:
    """authentik_url: where browsers and Immich reach Authentik. immich_url: the public address. application: a slug.

    name: of application and provider. certificate: the name of the one that signs the tokens. mobile_override: whether
    the app comes back by Immich's own address. people_groups: who may log in.
    """

    authentik_url: str
    immich_url: str
    application: str
    name: str
    certificate: str
    mobile_override: bool
    people_groups: tuple[str, ...]
    authorization_flow: str
    invalidation_flow: str
    adopt: bool
