"""ProxyProvider: /providers/proxy/."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Required, TypedDict, Unpack
from urllib.parse import urlsplit

import pulumi
from pulumi import Input, Output
from pulumi.dynamic import UpdateResult

from providers.authentik.adoption import Assessment, by_application
from providers.authentik.api.errors import Conflict
from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.fields import Boolean, Integer, Json, ListOf, Reference, Text
from providers.authentik.model.kind import Bag, Kind, Resolved
from providers.authentik.model.lookups import CERTIFICATE, FLOW, OAUTH_SOURCE, SCOPE_MAPPING
from providers.authentik.model.rules import duration, regular_expressions, web_url
from providers.authentik.resource import AuthentikResource
from providers.errors import brief


class ProxyProviderArgs(TypedDict, total=False):
    """The arguments of ProxyProvider.

    Flows by primary key or slug, property_mappings by primary key, managed name or name (the server always adds those
    that its outpost needs), certificate by primary key or name, jwt_federation_sources by primary key or slug.
    skip_path_regex: a regular expression a line, of paths that anybody may enter. intercept_header_auth: a wrong Basic
    header gets 401 and no redirect in mode proxy, while a right one is always read; basic_auth_enabled: the outpost
    sends one.
    """

    name: Required[Annotated[Input[str], Text(blank=False)]]
    authentication_flow: Annotated[Input[str], Reference(lookup=FLOW)]
    authorization_flow: Required[Annotated[Input[str], Reference(lookup=FLOW)]]
    invalidation_flow: Required[Annotated[Input[str], Reference(lookup=FLOW)]]
    property_mappings: Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=SCOPE_MAPPING), grows=True)]
    internal_host: Annotated[Input[str], Text(rule=web_url)]
    external_host: Required[Annotated[Input[str], Text(blank=False, rule=web_url)]]
    internal_host_ssl_validation: Annotated[Input[bool], Boolean(default=True)]
    certificate: Annotated[Input[str], Reference(lookup=CERTIFICATE)]
    skip_path_regex: Annotated[Input[str], Text(default="", lines=True, rule=regular_expressions)]
    basic_auth_enabled: Annotated[Input[bool], Boolean(default=False)]
    basic_auth_password_attribute: Annotated[Input[str], Text()]
    basic_auth_user_attribute: Annotated[Input[str], Text()]
    mode: Annotated[Input[str], Text(default="proxy", choices=("proxy", "forward_single", "forward_domain"))]
    intercept_header_auth: Annotated[Input[bool], Boolean(default=True)]
    cookie_domain: Annotated[Input[str], Text()]
    jwt_federation_sources: Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=OAUTH_SOURCE))]
    jwt_federation_providers: Annotated[Input[list[Input[int]]], ListOf(item=Integer(minimum=1))]
    access_token_validity: Annotated[Input[str], Text(empty="hours=1", rule=duration)]
    refresh_token_validity: Annotated[Input[str], Text(empty="days=30", rule=duration)]


def _hosts(inputs: Bag) -> tuple[str, str] | None:
    if inputs["mode"] == "proxy" and not inputs.get("internal_host"):
        return "internal_host", "expected in mode proxy: the URL that the outpost passes requests to"
    if inputs["mode"] == "forward_domain" and not inputs.get("cookie_domain"):
        return "cookie_domain", "expected in mode forward_domain: the domain whose sites share the login"
    return None


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
        rule=_hosts,
    )
    flags: ClassVar[Mapping[str, type]] = {"adopt": bool, "stack": str}

    def make(self, inputs: Bag, body: Bag) -> Bag:
        answer = super().make(inputs, body)
        self.client.warn_of_version()
        return answer

    def find_before_create(self, inputs: Bag, resolved: Resolved, body: Bag) -> Bag | None:
        return self._of_host(inputs)

    def assess(self, found: Bag, inputs: Bag) -> Assessment:
        return by_application(self.client, found, inputs["stack"] or "", self.label(inputs))

    @brief
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        if olds.get("external_host") != news["external_host"]:
            self._of_host(news, own=id_)
        result = super().update(id_, olds, news)
        self.client.warn_of_version()
        return result

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
                    "give ours its name and set immich:adopt to true for one `pulumi up`."
                )
        return same_host[0] if same_host else None


def _host_of(url: str) -> str:
    """What an outpost tells providers apart by."""
    return urlsplit(url).netloc.lower()


class ProxyProvider(AuthentikResource, module="authentik", name="ProxyProvider"):
    """A proxy provider. id: its primary key (a number)."""

    provider_class = ProxyProviderProvider
    pk: Output[int]
    client_id: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        adopt: bool = False,
        stack: str = "",
        opts: pulumi.ResourceOptions | None = None,
        **args: Unpack[ProxyProviderArgs],
    ) -> None:
        """stack: project/stack that declares it; one of another's application is never taken over."""
        super().__init__(resource_name, args, adopt, opts, stack=stack)
