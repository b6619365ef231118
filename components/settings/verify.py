"""Verify: whether and how the access is proved, read and checked. Pure."""

import re
from dataclasses import dataclass

from components.settings.reader import Reader
from providers.access.immich_answers import ANSWERS
from providers.caddy.rules import is_host


@dataclass(frozen=True)
class Verify:
    """on: whether `pulumi up` proves the access. address: host:port to connect to in place of what DNS says.

    ca: path of the PEM file of a CA to trust in place of the system's. Both may be empty. path: what is asked for.
    """

    on: bool
    address: str
    ca: str
    path: str


def read_verify(read: Reader, open_paths: tuple[str, ...]) -> Verify:
    """The settings of the proof and the doctor. open_paths: what everybody may read, which proves nothing."""
    guarded = [path for path in ANSWERS if path not in open_paths]
    if not guarded:
        read.wrong("immich:openPaths", f"expected one of {' and '.join(ANSWERS)} to stay guarded, for the proof")
    return Verify(
        on=read.flag("immich:verify"),
        address=read.optional("immich:probeAddress", rule=_host_and_port),
        ca=read.optional("immich:probeCa"),
        path=guarded[0] if guarded else "",
    )


def _host_and_port(value: str) -> str | None:
    host, _, port = value.rpartition(":")
    if re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65536 and is_host(host):
        return None
    return "expected host:port, such as 192.0.2.7:443 or [2001:db8::7]:443"
