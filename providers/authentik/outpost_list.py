"""An outpost's list of providers, which others write too: put one provider on it, or take it off.

The API writes the whole list at once and knows no conditional write: whoever read before our write and writes after it
undoes ours, and neither answer shows it. So a write follows its read at once and is never sent again, and is read again
only when everybody who read before it has written: after SETTLE seconds, more where Authentik is slow, and never in
step with the others. What is missing then is written again.
"""

import random
import time
from typing import Final
from urllib.parse import urlsplit

from providers.arguments import Bag
from providers.authentik.api.client import Client
from providers.authentik.api.errors import AnswerLost, AuthentikError, Call, NotFound, Refused
from providers.authentik.model.lookups import OUTPOST

SETTLE: Final = 1.0
"""Seconds within which a write follows the read that it is made of, for all who write the list."""
_SLOWEST: Final = 5.0
_ATTEMPTS: Final = 5


def read(client: Client, pk: str, doing: str) -> Bag:
    """The outpost of that primary key. doing: what it is read for, in words. Raises NotFound."""
    call = Call(doing, "authentik_outposts.view_outpost")
    try:
        return client.get(f"{OUTPOST.path}{pk}/", call)
    except NotFound:
        client.check_visibility(OUTPOST.path, call)
        raise


def hosts(client: Client, doing: str) -> dict[int, tuple[str, str]]:
    """Each proxy provider's name and external host, host[:port], by primary key.

    An outpost with several providers for one host uses the last one by name (goauthentik/authentik,
    internal/outpost/proxyv2/refresh.go).
    """
    listed = client.find("/providers/proxy/", {}, Call(doing, "authentik_providers_proxy.view_proxyprovider"))
    return {each["pk"]: (each["name"], urlsplit(each["external_host"]).netloc.lower()) for each in listed}


def write(client: Client, outpost: Bag, provider: int, *, attached: bool, doing: str) -> Bag:
    """Have provider on the list of an outpost that was just read, or off it; answer the outpost as it is then.

    doing: the call in words, without the outpost. Raises NotFound, AuthentikError.
    """
    call = Call(f"{doing} outpost {outpost['name']!r}", "authentik_outposts.change_outpost")
    failure = AuthentikError(
        f"cannot {call.doing}: something else keeps writing the outpost's list of providers. "
        "Let it finish and run the command again."
    )
    for _ in range(_ATTEMPTS):
        if (provider in outpost["providers"]) == attached:
            return outpost
        others = [each for each in outpost["providers"] if each != provider]
        began = time.monotonic()
        try:
            providers = [*others, provider] if attached else others
            client.patch(f"{OUTPOST.path}{outpost['pk']}/", {"providers": providers}, call, once=True)
        except AnswerLost as lost:
            failure = lost
        except Refused as refused:  # a provider that was deleted since the read is no longer there to be listed
            failure, read_before = refused, outpost["providers"]
            outpost = read(client, outpost["pk"], call.doing)
            if outpost["providers"] == read_before:
                raise
            continue
        _settle(client, time.monotonic() - began)
        outpost = read(client, outpost["pk"], call.doing)
    if (provider in outpost["providers"]) == attached:
        return outpost
    raise failure


def _settle(client: Client, took: float) -> None:
    """Wait until whoever read before our write, which took that long, has written."""
    shortest, longest = (client.policy.scaled(each) for each in (SETTLE, _SLOWEST))
    time.sleep(min(max(shortest, 3 * took), longest) * random.uniform(1, 1.5))  # noqa: S311  # no secret hangs on it
