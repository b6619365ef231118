"""An outpost's list of providers, which others write too: put one provider on it, or take it off.

The API writes the whole list at once and knows no conditional write: whoever read before our write and writes after it
undoes ours, and neither answer shows it. So a write follows its read at once and is never sent again, and is read again
only when everybody who read before it has written: after SETTLE seconds, more where Authentik is slow, and never in
step with the others. What is missing then is written again.
"""

import math
import random
import threading
import time
from dataclasses import dataclass
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
LOCK: Final = threading.Lock()
"""The whole list is written: two of one process must not write it at the same time."""


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


@dataclass(frozen=True)
class Written:
    """The outpost after a write, as far as it is known.

    settles: when everybody who read the list before has written it, in seconds since the epoch, so that another look
    tells whether the write stands; 0 where nothing was written, or the look was taken.
    """

    outpost: Bag
    settles: int = 0


def write(client: Client, outpost: Bag, provider: int, *, attached: bool, doing: str, confirm: bool = True) -> Written:
    """Have provider on the list of an outpost that was just read, or off it.

    doing: the call in words, without the outpost. confirm: whether to wait until it is known that the write stands.
    Raises NotFound, AuthentikError.
    """
    call = Call(f"{doing} outpost {outpost['name']!r}", "authentik_outposts.change_outpost")
    failure = AuthentikError(
        f"cannot {call.doing}: something else keeps writing the outpost's list of providers. "
        "Let it finish and run the command again."
    )
    for _ in range(_ATTEMPTS):
        if (provider in outpost["providers"]) == attached:
            return Written(outpost)
        others = [each for each in outpost["providers"] if each != provider]
        began = time.monotonic()
        try:
            providers = [*others, provider] if attached else others
            answer = client.patch(f"{OUTPOST.path}{outpost['pk']}/", {"providers": providers}, call, once=True)
        except AnswerLost as lost:
            failure = lost
        except Refused as refused:  # a provider that was deleted since the read is no longer there to be listed
            failure, read_before = refused, outpost["providers"]
            outpost = read(client, outpost["pk"], call.doing)
            if outpost["providers"] == read_before:
                raise
            continue
        else:
            if not confirm:
                return Written(answer, math.ceil(time.time() + _settling(client, time.monotonic() - began)))
        time.sleep(_settling(client, time.monotonic() - began) * random.uniform(1, 1.5))  # noqa: S311  # no secret hangs on it
        outpost = read(client, outpost["pk"], call.doing)
    if (provider in outpost["providers"]) == attached:
        return Written(outpost)
    raise failure


def confirm(client: Client, pk: str, provider: int, settles: int, doing: str) -> None:
    """Look whether a write of a provider onto the list stands, once it has settled; where it was lost, write it again.

    settles: as Written has it; a clock that was set meanwhile makes nobody wait longer than a write does. Raises
    NotFound, AuthentikError.
    """
    longest = client.policy.scaled(_SLOWEST) + 1
    time.sleep(min(max(settles - time.time(), 0), longest))
    with LOCK:
        write(client, read(client, pk, f"{doing} outpost {pk}"), provider, attached=True, doing=doing)


def _settling(client: Client, took: float) -> float:
    """Seconds until whoever read before our write, which took that long, has written."""
    shortest, longest = (client.policy.scaled(each) for each in (SETTLE, _SLOWEST))
    return min(max(shortest, 3 * took), longest)
