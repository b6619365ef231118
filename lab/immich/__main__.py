"""`python -m lab.immich`: the stand-in as a process of its own."""

import argparse
import ipaddress
import json
import os
import secrets
import signal
import sys
from pathlib import Path
from types import FrameType

from lab.immich.server import DEFAULT_EMAIL, Settings, bind, build_server, url_of


def address(text: str) -> tuple[str, int]:
    """HOST:PORT, where HOST is a loopback address: the stand-in must never be reachable from outside."""
    host, _, port = text.rpartition(":")
    try:
        host = host.strip("[]")
        if not ipaddress.ip_address(host).is_loopback:
            raise argparse.ArgumentTypeError(f"{host} is not a loopback address")
        return host, int(port)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not ADDRESS:PORT") from None


def end(_signal: int, _frame: FrameType | None) -> None:
    """Uvicorn raises the signal that stopped it once more after its shutdown: that is a clean end here."""
    sys.exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.immich", description=__doc__)
    parser.add_argument("--listen", type=address, default="127.0.0.1:0", help="ADDRESS:PORT, 0 for any free port")
    parser.add_argument("--state", type=Path, required=True, help="directory for assets, users and sessions")
    parser.add_argument("--log", type=Path, required=True, help="file that gets a JSON line for every request")
    parser.add_argument("--public-url", default="", help="the address people use, told in /api/server/config")
    options = parser.parse_args()
    host, port = options.listen
    password = os.environ.get("IMMICH_LAB_PASSWORD")
    settings = Settings(
        state=options.state,
        log=options.log,
        email=os.environ.get("IMMICH_LAB_EMAIL") or DEFAULT_EMAIL,
        # a random password that is told nowhere: without one in the environment nobody can log in
        password=password or secrets.token_urlsafe(24),
        keep_password=not password,
        public_url=options.public_url,
    )
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    sock = bind(host, port)
    ready = json.dumps({"url": url_of(sock)})
    server, store = build_server(settings, ready=lambda: print(ready, flush=True))
    try:
        server.run(sockets=[sock])
    finally:
        store.close()


if __name__ == "__main__":
    main()
