"""ProxyProvider: /providers/proxy/."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, Any, Required, TypedDict, TypeVar
from urllib.parse import urlsplit

from pulumi import Input, Output
from pulumi.dynamic import UpdateResult

from providers.arguments import Across, Bag
from providers.authentik.adoption import Assessment, by_application
from providers.authentik.api.errors import Conflict
from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.kind import Kind, Resolved
from providers.authentik.model.lookups import CERTIFICATE, FLOW, OAUTH_SOURCE, SCOPE_MAPPING
from providers.authentik.model.rules import duration, regular_expressions, web_url
from providers.authentik.resource import AuthentikResource
from providers.errors import brief
from providers.fields import Boolean, Integer, Json, ListOf, Reference, Text

Answer = TypeVar("Answer")


class ProxyProviderArgs(TypedDict, total=False):
    """The arguments of ProxyProvider."""

    name: Required[Annotated[Input[str], Text(blank=False)]]
    """The name."""
    authentication_flow: Annotated[Input[str], Reference(lookup=FLOW)]
    """The flow that logs in, by primary key or slug."""
    authorization_flow: Required[Annotated[Input[str], Reference(lookup=FLOW)]]
    """The flow that asks for consent, by primary key or slug."""
    invalidation_flow: Required[Annotated[Input[str], Reference(lookup=FLOW)]]
    """The flow that logs out, by primary key or slug."""
    property_mappings: Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=SCOPE_MAPPING), grows=True)]
    """Scope mappings, by primary key, managed name or name; the server adds those that its outpost needs."""
    internal_host: Annotated[Input[str], Text(rule=web_url)]
    """In mode proxy, where requests are passed to."""
    external_host: Required[Annotated[Input[str], Text(blank=False, rule=web_url)]]
    """The public address that it guards."""
    internal_host_ssl_validation: Annotated[Input[bool], Boolean(default=True)]
    """Whether to check the certificate of internal_host."""
    certificate: Annotated[Input[str], Reference(lookup=CERTIFICATE)]
    """The certificate of the public address, by primary key or name, where the outpost serves it."""
    skip_path_regex: Annotated[Input[str], Text(default="", lines=True, rule=regular_expressions)]
    """A regular expression (RE2) a line, of paths that anybody may enter."""
    basic_auth_enabled: Annotated[Input[bool], Boolean(default=False)]
    """Whether the outpost sends a Basic header to internal_host."""
    basic_auth_password_attribute: Annotated[Input[str], Text()]
    """The user's attribute that holds its password."""
    basic_auth_user_attribute: Annotated[Input[str], Text()]
    """The user's attribute that holds its username."""
    mode: Annotated[Input[str], Text(default="proxy", choices=("proxy", "forward_single", "forward_domain"))]
    """How requests reach it."""
    intercept_header_auth: Annotated[Input[bool], Boolean(default=True)]
    """In mode proxy, whether a wrong Basic header gets 401 instead of the login page; a right one is always read."""
    cookie_domain: Annotated[Input[str], Text()]
    """The domain whose sites share the login."""
    jwt_federation_sources: Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=OAUTH_SOURCE))]
    """OAuth sources whose tokens are accepted, by primary key or slug."""
    jwt_federation_providers: Annotated[Input[list[Input[int]]], ListOf(item=Integer(minimum=1))]
    """Primary keys of OAuth2 providers whose tokens are accepted."""
    access_token_validity: Annotated[Input[str], Text(empty="hours=1", rule=duration)]
    """How long a login lasts."""
    refresh_token_validity: Annotated[Input[str], Text(empty="days=30", rule=duration)]
    """How long a login may be renewed."""


def _internal_host(mode: str, host: str | None) -> str | None:
    missing = mode == "proxy" and not host
    return "expected in mode proxy: the URL that the outpost passes requests to" if missing else None


def _cookie_domain(mode: str, domain: str | None) -> str | None:
    missing = mode == "forward_domain" and not domain
    return "expected in mode forward_domain: the domain whose sites share the login" if missing else None


class ProxyProviderProvider(AuthentikProvider):
    """Proxy providers. Of two with one external_host an outpost picks either, so a second one is refused."""

    kind = Kind(
        word="proxy provider",
        model="authentik_providers_proxy.proxyprovider",
        path="/providers/proxy/",
        args=ProxyProviderArgs,
        name_field="name",
        lookup_param="name__iexact",
        # Without mode the server takes an update for one of mode proxy; with Basic it wants to hear both attributes.
        sent_with_every_patch=("mode", "internal_host", "basic_auth_user_attribute", "basic_auth_password_attribute"),
        computed=("pk", "client_id"),
        rules=(
            Across("internal_host", ("mode", "internal_host"), _internal_host),
            Across("cookie_domain", ("mode", "cookie_domain"), _cookie_domain),
        ),
        known_by_group=True,
    )

    def make(self, inputs: Bag, body: Bag) -> Bag:
        return self._beside_the_version(partial(super().make, inputs, body))

    def find_before_create(self, inputs: Bag, resolved: Resolved, body: Bag) -> Bag | None:
        return self._of_host(inputs)

    def assess(self, found: Bag, inputs: Bag) -> Assessment:
        return by_application(self.client, found, inputs.get("stack", ""), self.label(inputs))

    @brief
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        if olds.get("external_host") != news["external_host"]:
            self._of_host(news, own=id_)
        return self._beside_the_version(partial(super().update, id_, olds, news))

    def _beside_the_version(self, write: Callable[[], Answer]) -> Answer:
        """Write, and meanwhile ask for Authentik's version, which nothing else waits for."""
        with ThreadPoolExecutor(1) as beside:
            beside.submit(self.client.warn_of_version)
            return write()

    def _of_host(self, inputs: Mapping[str, Json], own: str = "") -> Bag | None:
        """The provider of the same name among those of the same host; any other is a conflict."""
        host = _host_of(inputs["external_host"])
        found = self.client.find(self.kind.path, {}, self.call("create", inputs, "view"))
        same_host = [each for each in found if _host_of(each["external_host"]) == host and str(each["pk"]) != own]
        for each in same_host:
            if each["name"] != inputs["name"]:
                raise Conflict(
                    f"cannot set up {self.label(inputs)}: proxy provider {each['name']!r} (pk {each['pk']}) already "
                    f"serves {host}, and an outpost would pick either of the two. Remove that one, or take it over: "
                    f"give ours its name and set {self.named('adopt')} to true for one `pulumi up`."
                )
        return same_host[0] if same_host else None


def _host_of(url: str) -> str:
    """What an outpost tells providers apart by."""
    return urlsplit(url).netloc.lower()


class ProxyProvider(AuthentikResource[ProxyProviderArgs], module="authentik", name="ProxyProvider"):
    """A proxy provider. id: its primary key (a number)."""

    provider_class = ProxyProviderProvider
    pk: Output[int]
    client_id: Output[str]
