"""python -m lab.authentik: the stand-in as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import os
import signal
import sys
from pathlib import Path

from lab.authentik.clock import duration
from lab.authentik.context import Settings
from lab.authentik.server import Authentik
from lab.authentik.standin import Listener, listen
from lab.authentik.versions import VERSION, version


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.authentik", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:9000", help="loopback address; port 0 takes any free one")
    parser.add_argument("--state", type=Path, help="sqlite file that keeps everything over restarts")
    parser.add_argument("--requests", type=Path, help="file that gets one JSON line for each request answered")
    parser.add_argument("--public-url", default="", help="what redirects and issuers say; default: own address")
    parser.add_argument("--cache-seconds", type=float, default=60.0, help="the outpost's cache of header values")
    parser.add_argument("--load-seconds", type=float, default=0.0, help="how long the outpost takes to reload")
    parser.add_argument("--token-lifetime", default="minutes=30", help="the most a token's `expires` may ask for")
    parser.add_argument("--clean-expired-seconds", type=float, default=3600.0, help="how often expired tokens go")
    become = "what becomes of an app password that has expired"
    parser.add_argument("--expired-passwords", choices=["rotate", "delete"], default="rotate", help=become)
    acts = "the version that it acts as, such as 2025.8.1"
    parser.add_argument("--version", default=VERSION, type=version, help=acts)
    args = parser.parse_args(argv)
    if not is_loopback(args.listen.rpartition(":")[0]):
        parser.error("the stand-in listens on loopback only")
    return args


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def settings(args: argparse.Namespace) -> Settings:
    duration(args.token_lifetime)
    return Settings(
        state=args.state, requests=args.requests, public_url=args.public_url,
        cache_seconds=args.cache_seconds, load_seconds=args.load_seconds, token_lifetime=args.token_lifetime,
        clean_expired_seconds=args.clean_expired_seconds, expired_passwords=args.expired_passwords,
        version=args.version,
    )  # fmt: skip


async def serve(args: argparse.Namespace) -> None:
    host, _, port = args.listen.rpartition(":")
    socket, url = listen(host, int(port))
    # secrets come by environment, as with the real server: arguments are for everyone to read
    token = os.environ.get("AUTHENTIK_BOOTSTRAP_TOKEN", "")
    authentik = Authentik(settings(args), url, token, os.environ.get("AUTHENTIK_BOOTSTRAP_PASSWORD", ""))
    listener = Listener(authentik)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: setattr(listener, "should_exit", True))
    running = asyncio.create_task(listener.serve(sockets=[socket]))
    while not listener.started and not running.done():
        await asyncio.sleep(0.005)
    if listener.started:
        print(json.dumps({"url": url}), flush=True)
    try:
        await running
    finally:
        authentik.close()


def main() -> int:
    asyncio.run(serve(arguments()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
