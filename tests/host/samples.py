"""For each kind, a declaration and another value for each of its fields."""

from dataclasses import dataclass
from typing import Any

from .conftest import Authentik
from .engine import Props

IMPLICIT = "default-provider-authorization-implicit-consent"
EXPLICIT = "default-provider-authorization-explicit-consent"
INVALIDATION = "default-provider-invalidation-flow"
SIGNING_KEY = "authentik Self-signed Certificate"


@dataclass(frozen=True)
class Sample:
    """declared: every field that can stand together; other: another value for each, by key and not by name."""

    declared: Props
    other: Props


def sample(authentik: Authentik, kind: str) -> Sample:
    """A new sample, so that nothing of it exists yet."""
    made: Sample = SAMPLES[kind](authentik)
    return made


def _user(authentik: Authentik) -> Sample:
    return Sample(
        declared={
            "username": authentik.name("user"),
            "name": "Ünï",
            "is_active": True,
            "groups": [authentik.group()["name"], authentik.group()["pk"]],
            "roles": [authentik.role()["name"]],
            "email": "a@example.org",
            "attributes": {"pulumi": "immich/test/user", "a": {"b": [1, 2.5, True, "x"]}},
            "path": "users/phones",
            "type": "internal",
        },
        other={
            "username": authentik.name("user"),
            "name": "Other",
            "is_active": False,
            "groups": [authentik.group()["pk"]],
            "roles": [],
            "email": "b@example.org",
            "attributes": {"pulumi": "immich/test/user", "a": {"b": [1]}},
            "path": "users",
            "type": "external",
        },
    )


def _group(authentik: Authentik) -> Sample:
    return Sample(
        declared={
            "name": authentik.name("group"),
            "is_superuser": False,
            "parents": [authentik.group()["name"]],
            "users": [authentik.user()["pk"], authentik.user()["pk"]],
            "attributes": {"pulumi": "immich/test/group", "generation": 1},
            "roles": [authentik.role()["name"]],
        },
        other={
            "name": authentik.name("group"),
            "is_superuser": True,
            "parents": [],
            "users": [authentik.user()["pk"]],
            "attributes": {"pulumi": "immich/test/group", "generation": 2},
            "roles": [authentik.role()["pk"]],
        },
    )


def _application(authentik: Authentik) -> Sample:
    return Sample(
        declared={
            "name": "Immich",
            "slug": authentik.name("application"),
            "provider": str(authentik.provider()["pk"]),
            "backchannel_providers": [],
            "open_in_new_tab": False,
            "meta_launch_url": "https://photos.example.org",
            "meta_icon": "fa://fa-image",
            "meta_description": "Photos\nand videos",
            "meta_publisher": "us",
            "policy_engine_mode": "any",
            "group": "media",
            "meta_hide": False,
        },
        other={
            "name": "Other",
            "slug": authentik.name("application"),
            "provider": authentik.provider()["pk"],
            "backchannel_providers": [authentik.provider()["pk"]],
            "open_in_new_tab": True,
            "meta_launch_url": "https://other.example.org",
            "meta_icon": "fa://fa-x",
            "meta_description": "Other",
            "meta_publisher": "them",
            "policy_engine_mode": "all",
            "group": "other",
            "meta_hide": True,
        },
    )


def _proxy_provider(authentik: Authentik) -> Sample:
    certificates = authentik.call("GET", "/crypto/certificatekeypairs/")["results"]
    host = authentik.name("photos")
    return Sample(
        declared={
            "name": authentik.name("proxy"),
            "authentication_flow": "default-authentication-flow",
            "authorization_flow": IMPLICIT,
            "invalidation_flow": INVALIDATION,
            "property_mappings": ["goauthentik.io/providers/oauth2/scope-openid"],
            "internal_host": "http://immich:2283",
            "external_host": f"https://{host}.example.org",
            "internal_host_ssl_validation": True,
            "certificate": certificates[0]["name"],
            "skip_path_regex": "^/api/server/ping$\n^/share/.*",
            "basic_auth_enabled": False,
            "basic_auth_password_attribute": "password",
            "basic_auth_user_attribute": "user",
            "mode": "forward_single",
            "intercept_header_auth": True,
            "cookie_domain": "example.org",
            "jwt_federation_sources": [],
            "jwt_federation_providers": [],
            "access_token_validity": "hours=2",
            "refresh_token_validity": "days=10",
        },
        other={
            "name": authentik.name("proxy"),
            "authentication_flow": authentik.flow("default-user-settings-flow"),
            "authorization_flow": authentik.flow(EXPLICIT),
            "invalidation_flow": authentik.flow("default-invalidation-flow"),
            "internal_host": "http://other:2283",
            "external_host": f"https://other-{host}.example.org",
            "internal_host_ssl_validation": False,
            "certificate": None,
            "skip_path_regex": "",
            "basic_auth_enabled": True,
            "basic_auth_password_attribute": "other",
            "basic_auth_user_attribute": "other",
            "mode": "proxy",
            "intercept_header_auth": False,
            "cookie_domain": "other.example.org",
            "jwt_federation_sources": [authentik.oauth_source()],
            "jwt_federation_providers": [authentik.provider("oauth2")["pk"]],
            "access_token_validity": "hours=3",
            "refresh_token_validity": "days=11",
        },
    )


def _oauth2_provider(authentik: Authentik) -> Sample:
    certificates = authentik.call("GET", "/crypto/certificatekeypairs/")["results"]
    login = {"matching_mode": "strict", "url": "https://photos.example.org/auth/login"}
    app = {"matching_mode": "strict", "url": "app.immich:///oauth-callback", "redirect_uri_type": "authorization"}
    other = {"matching_mode": "regex", "url": "https://.*", "redirect_uri_type": "logout"}
    return Sample(
        declared={
            "name": authentik.name("oauth2"),
            "authentication_flow": "default-authentication-flow",
            "authorization_flow": IMPLICIT,
            "invalidation_flow": INVALIDATION,
            "property_mappings": ["goauthentik.io/providers/oauth2/scope-openid", "email"],
            "client_type": "confidential",
            "grant_types": ["authorization_code", "refresh_token"],
            "client_id": authentik.name("client"),
            "access_code_validity": "minutes=2",
            "access_token_validity": "hours=2",
            "refresh_token_validity": "days=10",
            "refresh_token_threshold": "hours=1",
            "include_claims_in_id_token": True,
            "signing_key": certificates[0]["name"],
            "encryption_key": certificates[0]["pk"],
            "redirect_uris": [login, app],
            "logout_uri": "https://photos.example.org/logout",
            "logout_method": "frontchannel",
            "sub_mode": "hashed_user_id",
            "issuer_mode": "per_provider",
            "jwt_federation_sources": [],
            "jwt_federation_providers": [],
        },
        other={
            "name": authentik.name("oauth2"),
            "authentication_flow": authentik.flow("default-user-settings-flow"),
            "authorization_flow": authentik.flow(EXPLICIT),
            "invalidation_flow": authentik.flow("default-invalidation-flow"),
            "property_mappings": [],
            "client_type": "public",
            "grant_types": ["client_credentials"],
            "client_id": authentik.name("client"),
            "access_code_validity": "minutes=3",
            "access_token_validity": "hours=3",
            "refresh_token_validity": "days=11",
            "refresh_token_threshold": "hours=2",
            "include_claims_in_id_token": False,
            "signing_key": None,
            "encryption_key": None,
            "redirect_uris": [other],
            "logout_uri": "https://other.example.org/logout",
            "logout_method": "backchannel",
            "sub_mode": "user_email",
            "issuer_mode": "global",
            "jwt_federation_sources": [authentik.oauth_source()],
            "jwt_federation_providers": [authentik.provider("oauth2")["pk"]],
        },
    )


def _policy_binding(authentik: Authentik) -> Sample:
    return Sample(
        declared={
            "target": authentik.application()["pk"],
            "group": authentik.group()["name"],
            "order": 3,
            "negate": False,
            "enabled": True,
            "timeout": 30,
            "failure_result": False,
        },
        other={
            "target": authentik.application()["pk"],
            "group": authentik.group()["pk"],
            "order": 4,
            "negate": True,
            "enabled": False,
            "timeout": 31,
            "failure_result": True,
        },
    )


def _service_account(authentik: Authentik) -> Sample:
    return Sample(
        declared={
            "username": authentik.name("phone"),
            "name": "Immich phone",
            "is_active": True,
            "groups": [authentik.group()["name"]],
            "roles": [authentik.role()["pk"]],
            "email": "a@example.org",
            "attributes": {"pulumi": "immich/test/phone", "generation": 1},
            "path": "phones",
            "expiring": True,
            "expires": "2031-01-01T02:00:00+02:00",
        },
        other={
            "username": authentik.name("phone"),
            "name": "Other",
            "is_active": False,
            "groups": [],
            "roles": [],
            "email": "b@example.org",
            "attributes": {"pulumi": "immich/test/phone", "generation": 2},
            "path": "other",
            "expires": "2031-02-01T00:00:00Z",
        },
    )


def _outpost_attachment(authentik: Authentik) -> Sample:
    return Sample(
        declared={
            "outpost": authentik.outpost()["name"],
            "provider": str(authentik.provider()["pk"]),
            "application": authentik.application()["pk"],
            "group": authentik.group()["pk"],
        },
        other={
            "outpost": authentik.outpost()["pk"],
            "provider": authentik.provider()["pk"],
            "application": authentik.application()["pk"],
            "group": authentik.group()["pk"],
        },
    )


SAMPLES: dict[str, Any] = {
    "Application": _application,
    "Group": _group,
    "OAuth2Provider": _oauth2_provider,
    "OutpostAttachment": _outpost_attachment,
    "PolicyBinding": _policy_binding,
    "ProxyProvider": _proxy_provider,
    "ServiceAccount": _service_account,
    "User": _user,
}
