"""What goes wrong with a Caddy. Pure."""

from providers.errors import ProviderError


class CaddyError(ProviderError):
    """A call failed; the message names the call, the reason and the remedy."""
