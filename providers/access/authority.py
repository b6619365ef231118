"""The certificate authorities that the public address is checked by."""

import ssl

from providers.errors import ProviderError


def trusting(ca: str) -> ssl.SSLContext:
    """What trusts the CA of that PEM file, or the system's for "". Raises ProviderError where it cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise ProviderError(
            f"cannot prove the access: {ca} is no PEM file of a CA that can be read ({type(error).__name__}). "
            "Check immich:probeCa."
        ) from None
