"""Immich as an OpenID Connect client, which verifies ID tokens by the issuer's keys."""

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import requests

Claims = dict[str, Any]
WELL_KNOWN = ".well-known/openid-configuration"


class OidcError(Exception):
    """Why a login by OpenID Connect failed."""


class Client:
    """One client at one issuer. oauth: the section of the system configuration."""

    def __init__(self, oauth: dict[str, Any]) -> None:
        self._oauth = oauth
        self._session = requests.Session()
        self._session.trust_env = False
        issuer = str(oauth["issuerUrl"])
        base = issuer.removesuffix(WELL_KNOWN)
        self._server = self._json("GET", f"{base.rstrip('/')}/{WELL_KNOWN}")
        if self._server["issuer"] != base:
            raise OidcError(f"the issuer calls itself {self._server['issuer']!r} and not {base!r}")

    @property
    def _with_pkce(self) -> bool:
        return "S256" in self._server.get("code_challenge_methods_supported", [])

    def authorization_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        asked = {
            "redirect_uri": redirect_uri,
            "scope": self._oauth["scope"],
            "state": state,
            "client_id": self._oauth["clientId"],
            "response_type": "code",
        }
        if self._oauth["prompt"]:
            asked["prompt"] = self._oauth["prompt"]
        if self._with_pkce:
            asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{self._server['authorization_endpoint']}?{urlencode(asked)}"

    def profile(self, url: str, expected_state: str, verifier: str) -> Claims:
        """Who came back to url: the verified claims of the ID token, with those of userinfo where it has no email."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if query.get("state") != expected_state:
            raise OidcError("the state is not the one that was sent")
        if "error" in query or "code" not in query:
            raise OidcError(f"the issuer said {query.get('error', 'nothing')}")
        tokens = self._redeem(query["code"], url.partition("?")[0], verifier)
        claims = self._verified(tokens["id_token"])
        if "email" not in claims:
            bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
            claims = self._json("GET", self._server["userinfo_endpoint"], headers=bearer)
        return claims

    def _redeem(self, code: str, redirect_uri: str, verifier: str) -> Claims:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if self._with_pkce:
            form["code_verifier"] = verifier
        client = {"client_id": self._oauth["clientId"], "client_secret": self._oauth["clientSecret"]}
        if self._oauth["tokenEndpointAuthMethod"] == "client_secret_basic":
            return self._json("POST", self._server["token_endpoint"], data=form, auth=tuple(client.values()))
        return self._json("POST", self._server["token_endpoint"], data=form | client)

    def _verified(self, token: str) -> Claims:
        algorithm = self._oauth["signingAlgorithm"]
        try:
            header = jwt.get_unverified_header(token)
            if header["alg"] != algorithm:
                raise OidcError(f"unexpected JWT alg received: {header['alg']} and not {algorithm}")
            keys = jwt.PyJWKSet.from_dict(self._json("GET", self._server["jwks_uri"]))
            claims: Claims = jwt.decode(
                token,
                keys[header["kid"]],
                algorithms=[algorithm],
                audience=self._oauth["clientId"],
                issuer=self._server["issuer"],
                options={"require": ["exp", "iat", "sub"]},
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise OidcError(f"the ID token is not good: {error}") from None
        return claims

    def _json(self, method: str, url: str, **sent: Any) -> Claims:
        if not url.startswith("https://") and not self._oauth["allowInsecureRequests"]:
            raise OidcError("only requests to HTTPS are allowed")
        try:
            response = self._session.request(
                method, url, timeout=self._oauth["timeout"] / 1000, allow_redirects=False, **sent
            )
            answer: Claims = response.json()
        except requests.RequestException as error:
            raise OidcError(f"{urlsplit(url).path}: {type(error).__name__}") from None
        if response.status_code != 200:
            raise OidcError(f"{urlsplit(url).path} answered {response.status_code}: {answer.get('error')}")
        return answer


def new_verifier() -> str:
    return secrets.token_urlsafe(48)


def challenge_of(verifier: str) -> str:
    """RFC 7636, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
