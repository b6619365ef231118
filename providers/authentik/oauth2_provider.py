"""OAuth2Provider: /providers/oauth2/."""

from collections.abc import Mapping
from typing import Annotated, Any, Required, TypedDict

from pulumi import Input, Output
from pulumi.dynamic import CreateResult

from providers.arguments import Bag
from providers.authentik.adoption import Assessment, by_application
from providers.authentik.api.errors import AuthentikError, Call
from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.kind import Kind
from providers.authentik.model.lookups import CERTIFICATE, FLOW, OAUTH_SOURCE, SCOPE_MAPPING
from providers.authentik.model.redirect_uri import RedirectUri
from providers.authentik.model.rules import duration
from providers.authentik.resource import AuthentikResource
from providers.console import info
from providers.errors import brief
from providers.fields import UNSET, Boolean, Integer, Json, ListOf, Reference, Text

GRANT_TYPES = (
    *("authorization_code", "implicit", "hybrid", "refresh_token", "client_credentials", "password"),
    *(f"urn:ietf:params:oauth:grant-type:{name}" for name in ("device_code", "token-exchange")),
)
SUB_MODES = ("hashed_user_id", "user_id", "user_uuid", "user_username", "user_email", "user_upn")


class RedirectUriArgs(TypedDict, total=False):
    """One of redirect_uris. matching_mode: strict or regex; redirect_uri_type: authorization (default) or logout."""

    matching_mode: Required[Input[str]]
    url: Required[Input[str]]
    redirect_uri_type: Input[str]


class OAuth2ProviderArgs(TypedDict, total=False):
    """The arguments of OAuth2Provider. The server makes the client secret."""

    name: Required[Annotated[Input[str], Text(blank=False)]]
    """The name."""
    authentication_flow: Annotated[Input[str], Reference(lookup=FLOW)]
    """The flow that logs in, by primary key or slug."""
    authorization_flow: Required[Annotated[Input[str], Reference(lookup=FLOW)]]
    """The flow that asks for consent, by primary key or slug."""
    invalidation_flow: Required[Annotated[Input[str], Reference(lookup=FLOW)]]
    """The flow that logs out, by primary key or slug."""
    property_mappings: Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=SCOPE_MAPPING))]
    """Scope mappings, by primary key, managed name, name or scope."""
    client_type: Annotated[Input[str], Text(default="confidential", choices=("confidential", "public"))]
    """Whether the client can keep a secret."""
    grant_types: Annotated[Input[list[Input[str]]], ListOf(item=Text(choices=GRANT_TYPES))]
    """The grants that are allowed; from 2026.8 on an omitted list allows none."""
    client_id: Annotated[Input[str], Text(blank=False, max_length=255, empty=UNSET)]
    """Made by the server if left out."""
    access_code_validity: Annotated[Input[str], Text(empty="minutes=1", rule=duration)]
    """How long an authorization code lasts."""
    access_token_validity: Annotated[Input[str], Text(empty="hours=1", rule=duration)]
    """How long an access token lasts."""
    refresh_token_validity: Annotated[Input[str], Text(empty="days=30", rule=duration)]
    """How long a refresh token lasts."""
    refresh_token_threshold: Annotated[Input[str], Text(empty="seconds=0", rule=duration)]
    """The rest of its life below which a refresh gives a new refresh token; from 2025.10 on."""
    include_claims_in_id_token: Annotated[Input[bool], Boolean(default=True)]
    """Whether the ID token has the claims of the scopes."""
    signing_key: Annotated[Input[str], Reference(lookup=CERTIFICATE)]
    """The certificate whose key signs tokens, by primary key or name; without one the client secret signs them."""
    encryption_key: Annotated[Input[str], Reference(lookup=CERTIFICATE)]
    """The certificate whose key encrypts tokens, by primary key or name."""
    redirect_uris: Required[Annotated[Input[list[Input[RedirectUriArgs]]], ListOf(item=RedirectUri())]]
    """Where a login may lead back to."""
    logout_uri: Annotated[Input[str], Text()]
    """Where a logout is passed on to; from 2025.10 on."""
    logout_method: Annotated[Input[str], Text(choices=("backchannel", "frontchannel"), empty="backchannel")]
    """How it is passed on; from 2025.10 on."""
    sub_mode: Annotated[Input[str], Text(default="hashed_user_id", choices=SUB_MODES)]
    """What the claim sub is made of."""
    issuer_mode: Annotated[Input[str], Text(default="per_provider", choices=("global", "per_provider"))]
    """Whether all providers share one issuer."""
    jwt_federation_sources: Annotated[Input[list[Input[str]]], ListOf(item=Reference(lookup=OAUTH_SOURCE))]
    """OAuth sources whose tokens are accepted, by primary key or slug."""
    jwt_federation_providers: Annotated[Input[list[Input[int]]], ListOf(item=Integer(minimum=1))]
    """Primary keys of OAuth2 providers whose tokens are accepted."""
    once_made: Annotated[str, Text(local=True)]
    """What the run tells the operator to do once it has made a provider, which has a new client id and secret."""
    rsa_key: Annotated[bool, Boolean(local=True)]
    """Whether signing_key must be an RSA key."""


class OAuth2ProviderProvider(AuthentikProvider):
    """OAuth2 providers. The client secret is the server's and an output alone, so that it stands in no program."""

    kind = Kind(
        word="OAuth2 provider",
        model="authentik_providers_oauth2.oauth2provider",
        path="/providers/oauth2/",
        args=OAuth2ProviderArgs,
        name_field="name",
        lookup_param="name",
        computed=("pk", "client_id", "client_secret"),
        secret=("client_secret",),
        known_by_group=True,
    )

    def assess(self, found: Bag, inputs: Bag) -> Assessment:
        call = Call(f"see what {self.label(inputs)} is", "authentik_providers_proxy.view_proxyprovider")
        proxies = self.client.find("/providers/proxy/", {"name__iexact": found["name"]}, call)
        if found["pk"] in [each["pk"] for each in proxies]:  # Authentik lists those among the OAuth2 providers, too
            return Assessment(why_not_adoptable="a proxy provider has that name. Choose another one")
        return by_application(self.client, found, inputs.get("stack", ""), self.label(inputs))

    @brief
    def create(self, props: dict[str, Any]) -> CreateResult:
        result = super().create(props)
        if "adopted" not in (result.outs or {}) and (once_made := props.get("once_made")):
            info(f"{self.label(props)} has a new client id and secret. {once_made}")
        return result

    def check_reference(self, name: str, found: Bag, props: Mapping[str, Json]) -> None:
        setting, kind = self.named(name), key_type_of(found)
        if name == "signing_key" and props.get("rsa_key") and kind != "rsa":
            raise AuthentikError(
                f"cannot set up {self.label(props)}: {setting} names the certificate {found['name']!r}, whose key is "
                f"of type {kind or 'none'}. Expected an RSA key: tokens are signed with RS256. Nothing was written. "
                f"Name another certificate, or leave {setting} out."
            )


def key_type_of(certificate: Mapping[str, Json]) -> str:
    """The type of a certificate's private key as the API says it: rsa, ec, …; "" without one.

    The field is private_key_type in the recording of 2025.8.1, key_type in those of 2026.5.0-rc1 and 2026.8.0-rc1.
    """
    return str(certificate.get("key_type") or certificate.get("private_key_type") or "")


class OAuth2Provider(AuthentikResource[OAuth2ProviderArgs], module="authentik", name="OAuth2Provider"):
    """An OAuth2 provider. id: its primary key (a number)."""

    provider_class = OAuth2ProviderProvider
    pk: Output[int]
    client_id: Output[str]
    client_secret: Output[str]
    """Secret."""
