"""The table of models, continued: providers, outposts, flows, scope mappings, certificates."""

from __future__ import annotations

from lab.authentik.fields import Field, Filter, Model, filters

READ_ONLY = frozenset({"GET"})
PROVIDER_NAME_TAKEN = "provider with this name already exists."

_PROVIDER_FIELDS = {
    "name": Field(required=True, blank=False, unique=PROVIDER_NAME_TAKEN),
    "authentication_flow": Field("pk", default=None, null=True, to="flow"),
    "authorization_flow": Field("pk", required=True, to="flow"),
    "invalidation_flow": Field("pk", required=True, to="flow"),
    "property_mappings": Field("pks", default=list, to="scopemapping"),
}
_LIFETIMES = {
    "access_token_validity": Field("duration", default="hours=1", blank=False),
    "refresh_token_validity": Field("duration", default="days=30", blank=False),
}
_FEDERATION = {
    "jwt_federation_sources": Field("pks", default=list, to="source"),
    "jwt_federation_providers": Field("pks", default=list, to="provider"),
}
PROXY_MODES = ("proxy", "forward_single", "forward_domain")

PROXY_PROVIDER = Model(
    app="authentik_providers_proxy", name="proxyprovider", noun="ProxyProvider", path="providers/proxy",
    table="provider", subtype="proxy", int_pk=True,
    fields=_PROVIDER_FIELDS | {
        "internal_host": Field("url"),
        "external_host": Field("url", required=True, blank=False),
        "internal_host_ssl_validation": Field("bool", default=True),
        "certificate": Field("pk", default=None, null=True, to="keypair"),
        "skip_path_regex": Field(),  # taken as it is: no regexp is refused
        "basic_auth_enabled": Field("bool", default=False),
        "basic_auth_password_attribute": Field(),
        "basic_auth_user_attribute": Field(),
        "mode": Field("choice", default="proxy", choices=PROXY_MODES),
        "intercept_header_auth": Field("bool", default=True),
        "cookie_domain": Field(),
    } | _FEDERATION | _LIFETIMES,
    ordering=("name",),
    search=("name",),
    filters=filters(
        "name__iexact", "external_host__iexact", "internal_host__iexact", "mode__iexact",
        "cookie_domain__iexact", "skip_path_regex__iexact", "basic_auth_user_attribute__iexact",
        "basic_auth_password_attribute__iexact",
        basic_auth_enabled__iexact=Filter("basic_auth_enabled", "bool"),
        internal_host_ssl_validation__iexact=Filter("internal_host_ssl_validation", "bool"),
        application__isnull=Filter("application", "isnull"),
        authorization_flow__slug__iexact=Filter("authorization_flow_slug", "iexact"),
        certificate__kp_uuid__iexact=Filter("certificate", "iexact"),
        certificate__name__iexact=Filter("certificate_name", "iexact"),
        property_mappings__iexact=Filter("property_mappings", "in", to="scopemapping"),
    ),
    title="Proxy Provider", about="ProxyProvider Viewset",
)  # fmt: skip

CLIENT_TYPES = ("confidential", "public")
GRANT_TYPES = (
    "authorization_code", "implicit", "hybrid", "refresh_token", "client_credentials", "password",
    "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
)  # fmt: skip
SUB_MODES = (
    "hashed_user_id", "user_id", "user_uuid", "user_username", "user_email", "user_upn",
)  # fmt: skip

OAUTH2_PROVIDER = Model(
    app="authentik_providers_oauth2", name="oauth2provider", noun="OAuth2Provider", path="providers/oauth2",
    table="provider", subtype="oauth2", int_pk=True,
    fields=_PROVIDER_FIELDS | {
        "client_type": Field("choice", default="confidential", choices=CLIENT_TYPES),
        "grant_types": Field("choices", default=list, choices=GRANT_TYPES),
        "client_id": Field(
            blank=False, max_length=255, unique="OAuth2/OpenID Provider with this Client ID already exists."
        ),
        "client_secret": Field(max_length=255),
        "access_code_validity": Field("duration", default="minutes=1", blank=False),
    } | _LIFETIMES | {
        "refresh_token_threshold": Field("duration", default="seconds=0", blank=False),
        "include_claims_in_id_token": Field("bool", default=True),
        "signing_key": Field("pk", default=None, null=True, to="keypair"),
        "encryption_key": Field("pk", default=None, null=True, to="keypair"),
        "redirect_uris": Field("redirect_uris", required=True, default=list),
        "logout_uri": Field(),
        "logout_method": Field("choice", default="backchannel", choices=("backchannel", "frontchannel")),
        "sub_mode": Field("choice", default="hashed_user_id", choices=SUB_MODES),
        "issuer_mode": Field("choice", default="per_provider", choices=("global", "per_provider")),
    } | _FEDERATION,
    ordering=("name",),
    search=("name",),
    filters=filters(
        "name", "client_id", "client_type", "access_code_validity", "access_token_validity",
        "refresh_token_validity", "sub_mode", "issuer_mode",
        application=Filter("application", "choice", to="application"),
        authorization_flow=Filter("authorization_flow", "choice", to="flow"),
        signing_key=Filter("signing_key", "choice", to="keypair"),
        include_claims_in_id_token=Filter("include_claims_in_id_token", "bool"),
        property_mappings=Filter("property_mappings", "in", to="scopemapping"),
    ),
    title="OAuth2/OpenID Provider", about="OAuth2Provider Viewset",
)  # fmt: skip

OUTPOST = Model(
    app="authentik_outposts", name="outpost", noun="Outpost", path="outposts/instances", table="outpost",
    fields={
        "name": Field(required=True, blank=False, unique="Outpost with this name already exists."),
        "type": Field("choice", required=True, default="proxy", choices=("proxy", "ldap", "radius", "rac")),
        "providers": Field("pks", required=True, default=list, to="provider"),
        "service_connection": Field("pk", default=None, null=True, to="connection"),
        "config": Field("dict", required=True, default=dict),
        "managed": Field(default=None, null=True, blank=False),
    },
    ordering=("name",),
    search=("name",),
    filters=filters(
        "name__iexact", "name__icontains", "managed__iexact", "managed__icontains",
        service_connection__name__iexact=Filter("service_connection_name", "iexact"),
        service_connection__name__icontains=Filter("service_connection_name", "icontains"),
        providers__isnull=Filter("providers", "isnull"),
        providers_by_pk=Filter("providers", "in", to="provider"),
    ),
    title="Outpost", about="Outpost Viewset",
)  # fmt: skip

FLOW = Model(
    app="authentik_flows", name="flow", noun="Flow", path="flows/instances", table="flow", lookup="slug",
    fields={}, methods=READ_ONLY, ordering=("slug",), search=("name", "slug", "designation", "title"),
    filters=filters(
        "name", "slug", "designation", "denied_action", flow_uuid=Filter("pk"),
    ),
    title="Flow", about="Flow Viewset",
)  # fmt: skip

SCOPE_MAPPING = Model(
    app="authentik_providers_oauth2", name="scopemapping", noun="ScopeMapping",
    path="propertymappings/provider/scope", table="scopemapping",
    fields={
        "name": Field(required=True, blank=False, unique="Property Mapping with this name already exists."),
        "scope_name": Field(required=True, blank=False),
        "expression": Field(required=True, blank=False),
        "description": Field(),
        "managed": Field(default=None, null=True, blank=False),
    },
    ordering=("scope_name", "name"), search=("name", "scope_name"),
    filters=filters("name", "scope_name", "managed__isnull", managed=Filter("managed", "values")),
    title="Scope Mapping", about="ScopeMapping Viewset",
)  # fmt: skip

KEYPAIR = Model(
    app="authentik_crypto", name="certificatekeypair", noun="CertificateKeyPair",
    path="crypto/certificatekeypairs", table="keypair",
    fields={
        "name": Field(
            required=True, blank=False, unique="Certificate-Key Pair with this name already exists."
        ),
        "certificate_data": Field(required=True, blank=False),
        "key_data": Field(),
    },
    ordering=("name",), search=("name",),
    filters=filters(
        "name", "managed", has_key=Filter("private_key_available", "bool"),
        key_type=Filter("key_type", "choices", choices=("rsa", "ec", "dsa", "ed25519", "ed448")),
    ),
    title="Certificate-Key Pair", about="CertificateKeyPair Viewset",
)  # fmt: skip

PROVIDER_MODELS = (PROXY_PROVIDER, OAUTH2_PROVIDER, OUTPOST, FLOW, SCOPE_MAPPING, KEYPAIR)
