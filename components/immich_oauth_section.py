"""The section `oauth` of Immich's system configuration, as Immich 3.2 has it. Pure."""

MOBILE_CALLBACK = "app.immich:///oauth-callback"
"""What the app of Android and iOS is called back by."""


def oauth_config(issuer_url: str, client_id: str, client_secret: str, mobile_redirect_uri: str) -> dict[str, object]:
    """Every setting of the section: Immich's defaults, but for what makes it log in by this client.

    mobile_redirect_uri: what stands in for the app's own callback, or "". Immich takes an issuer without TLS only
    where it is told to.
    """
    return {
        "enabled": True,
        "issuerUrl": issuer_url,
        "clientId": client_id,
        "clientSecret": client_secret,
        "scope": "openid email profile",
        "signingAlgorithm": "RS256",
        "profileSigningAlgorithm": "none",
        "tokenEndpointAuthMethod": "client_secret_post",
        "allowInsecureRequests": issuer_url.startswith("http://"),
        "timeout": 30000,
        "prompt": "",
        "endSessionEndpoint": "",
        "buttonText": "Log in with Authentik",
        "autoLaunch": False,
        "autoRegister": True,
        "mobileOverrideEnabled": bool(mobile_redirect_uri),
        "mobileRedirectUri": mobile_redirect_uri,
        "storageLabelClaim": "preferred_username",
        "storageQuotaClaim": "immich_quota",
        "roleClaim": "immich_role",
        "defaultStorageQuota": None,
    }
