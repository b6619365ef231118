"""How a provider comes to its client: by the stack's configuration and the environment, never by inputs."""

import os

from pulumi.dynamic import ConfigureRequest, ResourceProvider

from providers.authentik.client import Client, shared_client
from providers.authentik.errors import AuthentikError
from providers.patience import Patience


def connect(url: str, token: str, patience: Patience | None = None) -> Client:
    """The client of this process for authentik:url and AUTHENTIK_TOKEN. Raises AuthentikError for a missing one."""
    if not url:
        raise AuthentikError("authentik:url is not set. Run: pulumi config set authentik:url https://auth.example.org")
    if not token:
        raise AuthentikError(
            "AUTHENTIK_TOKEN is not set. Export the key of a token with intent API of a user who has the rights "
            "that docs/security.md lists."
        )
    return shared_client(url, token, patience)


class Connected(ResourceProvider):
    """A provider that may call Authentik."""

    def configure(self, req: ConfigureRequest) -> None:
        self._url = str(req.config.get("authentik:url") or "")
        self._token = os.environ.get("AUTHENTIK_TOKEN") or str(req.config.get("authentik:token") or "")
        self._patience = Patience.configured(req.config.get)

    @property
    def client(self) -> Client:
        """The session, made at the first call, so that a preview needs neither URL nor token."""
        return connect(self._url, self._token, self._patience)
