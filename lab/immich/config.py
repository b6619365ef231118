"""The system configuration: its section `oauth`, whole; the other sections play no part in the lab."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lab.immich import body
from lab.immich.auth import Caller, Guard
from lab.immich.store import Store

Config = dict[str, Any]
OAUTH: Config = {
    "allowInsecureRequests": False,
    "autoLaunch": False,
    "autoRegister": True,
    "buttonText": "Login with OAuth",
    "clientId": "",
    "clientSecret": "",
    "defaultStorageQuota": None,
    "enabled": False,
    "endSessionEndpoint": "",
    "issuerUrl": "",
    "mobileOverrideEnabled": False,
    "mobileRedirectUri": "",
    "profileSigningAlgorithm": "none",
    "prompt": "",
    "roleClaim": "immich_role",
    "scope": "openid email profile",
    "signingAlgorithm": "RS256",
    "storageLabelClaim": "preferred_username",
    "storageQuotaClaim": "immich_quota",
    "timeout": 30000,
    "tokenEndpointAuthMethod": "client_secret_post",
}
DEFAULTS: Config = {"oauth": OAUTH, "passwordLogin": {"enabled": True}}
AUTH_METHODS = ("client_secret_post", "client_secret_basic")


class SystemConfig:
    """What an administrator set, over the defaults."""

    def __init__(self, store: Store, guard: Guard) -> None:
        self._store = store
        self._guard = guard

    def routes(self) -> list[BaseRoute]:
        read, write = (self._guard.admin(f"systemConfig.{verb}", getattr(self, verb)) for verb in ("read", "update"))
        defaults = self._guard.admin("systemConfig.read", self.defaults)
        return [
            # version 3 calls it by the second name, and keeps the first
            route
            for path in ("/api/system-config", "/api/admin/config")
            for route in (
                Route(path, read, methods=["GET"]),
                Route(path, write, methods=["PUT"]),
                Route(f"{path}/defaults", defaults, methods=["GET"]),
            )
        ]

    @property
    def oauth(self) -> Config:
        return {**OAUTH, **self._store.config().get("oauth", {})}

    async def read(self, _request: Request, _caller: Caller) -> Response:
        return JSONResponse(DEFAULTS | {"oauth": self.oauth})

    async def defaults(self, _request: Request, _caller: Caller) -> Response:
        return JSONResponse(DEFAULTS)

    async def update(self, request: Request, _caller: Caller) -> Response:
        """Only whole configurations are taken: each setting, of its own type."""
        told = (await body.json_object(request)).get("oauth")
        oauth = told if isinstance(told, dict) else {}
        body.refuse_if([wrong for name in OAUTH if (wrong := _wrong(name, oauth))])
        self._store.set_config({"oauth": {name: oauth[name] for name in OAUTH}})
        return JSONResponse(DEFAULTS | {"oauth": self.oauth})


def _wrong(name: str, oauth: Config) -> str:
    value = oauth.get(name)
    match OAUTH[name]:
        case bool():
            return "" if isinstance(value, bool) else f"oauth.{name} must be a boolean value"
        case int():
            right = isinstance(value, int) and not isinstance(value, bool) and value > 0
            return "" if right else f"oauth.{name} must be a positive number"
        case None:
            right = name in oauth and (value is None or (isinstance(value, int | float) and value >= 0))
            return "" if right else f"oauth.{name} must not be less than 0"
    if name == "tokenEndpointAuthMethod" and value not in AUTH_METHODS:
        return f"oauth.{name} must be one of the following values: {', '.join(AUTH_METHODS)}"
    return "" if isinstance(value, str) else f"oauth.{name} must be a string"
