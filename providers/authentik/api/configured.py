"""How a provider comes to its client: by the stack's configuration and the environment, never by inputs."""

import os
import re
from functools import cached_property
from pathlib import Path

from pulumi.dynamic import ConfigureRequest, ResourceProvider

from providers.authentik.api.answers import printable
from providers.authentik.api.client import Client, shared_client
from providers.authentik.api.errors import AuthentikError
from providers.retry import RetryPolicy


def connect(url: str, token: str, policy: RetryPolicy | None = None) -> Client:
    """The client of this process for authentik:url and AUTHENTIK_TOKEN. Raises AuthentikError for a missing one."""
    if not url:
        raise AuthentikError("authentik:url is not set. Run: pulumi config set authentik:url https://auth.example.org")
    if not token:
        raise AuthentikError(
            "AUTHENTIK_TOKEN is not set. Export the key of a token with intent API of a user who has the rights "
            "that docs/security.md lists."
        )
    return shared_client(url, token, policy)


class Configured(ResourceProvider):
    """A provider that may call Authentik. stack: whose settings the address is compared with; "" for none.

    named: an argument, and what messages call it: the program's setting that it comes from.
    """

    declared = False
    """Whether the program has run, as a check says: then the engine has configured this host with what is set now."""

    def __init__(self, stack: str = "", *named: tuple[str, str]) -> None:
        super().__init__()
        self.stack, self._named = stack, dict(named)

    def __reduce__(self) -> tuple[type["Configured"], tuple[str | tuple[str, str], ...]]:
        """What is pickled. No attributes and no dict: at each provider the SDK nests its sorting of these deeper."""
        return type(self), (self.stack, *sorted(self._named.items()))

    def named(self, argument: str) -> str:
        """What messages call an argument."""
        return self._named.get(argument, f"the argument {argument}")

    def configure(self, req: ConfigureRequest) -> None:
        self._url = str(req.config.get("authentik:url") or "")
        self._token = os.environ.get("AUTHENTIK_TOKEN") or str(req.config.get("authentik:token") or "")
        self._policy = RetryPolicy.configured(req.config.get)

    @cached_property
    def client(self) -> Client:
        """The session, made at the first call, so that a preview needs neither URL nor token."""
        if not self.declared:
            refuse_former(self._url, self.stack)
        return connect(self._url, self._token, self._policy)


def refuse_former(url: str, stack: str) -> None:
    """Raise AuthentikError if the stack's file has another authentik:url than the engine gave.

    For a refresh and a destroy the engine configures providers as the last `up` did, by what is in the state: the token
    would go to an address that was taken back since. It does not go to the new address either, which no preview has
    shown yet. Where the stack has no file here, or none that says the address in clear, there is nothing to compare.
    """
    file = Path(os.environ.get("PULUMI_OPTION_CONFIG_FILE") or f"Pulumi.{stack}.yaml")
    if not stack or not file.is_file():
        return
    import yaml  # here, for a preview does without

    try:
        said = yaml.safe_load(file.read_text())["config"]["authentik:url"]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        return
    if isinstance(said, str) and said.rstrip("/") != url.rstrip("/"):
        raise AuthentikError(
            f"the token was not sent: the last `pulumi up` was at {_plain(url)}, and authentik:url is {_plain(said)} "
            f"in {file}. If that is right, run `pulumi up` without --refresh, whose preview shows the address. If the "
            "settings come from another file, name that in PULUMI_OPTION_CONFIG_FILE."
        )


def _plain(url: str) -> str:
    """A URL without a password in it."""
    return printable(re.sub(r"//[^/]*@", "//", url))
