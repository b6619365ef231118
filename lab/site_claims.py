"""The claims about a site that changes while it is in use."""

import threading
from contextlib import suppress

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from lab.claims import SOCKET, Observed
from lab.driver import Driver
from lab.proof import Proof

OPEN = "/.well-known/immich"


def prove_site_changes(proof: Proof, driver: Driver) -> None:
    """A websocket that was open before Caddy got another site is open after it; what the site opens is open to all."""
    session = driver.immich_session()

    def change() -> Observed:
        before = driver.web.get(OPEN).status
        with driver.web.websocket(SOCKET, session) as socket:
            threading.Thread(target=_answering, args=(socket,), daemon=True).start()
            driver.stack.configure(openPaths=[OPEN])
            try:
                driver.stack.up()
                opened = driver.web.get(OPEN).status
                alive = socket.ping().wait(10)  # all the way to Immich: to Caddy it is bytes
            finally:
                driver.stack.configure(openPaths=None)
                driver.stack.up()
            still = socket.ping().wait(10)
        after = driver.web.get(OPEN).status
        observed = f"{OPEN} {before}, {opened}, {after}; websocket {'alive' if alive and still else 'DEAD'}"
        return observed, (before, opened, after) == (403, 200, 403) and alive and still

    proof.judge(
        "A websocket lives through two changes of the site, and a path is open while the settings say so",
        "403, 200, 403; websocket alive",
        change,
    )


def _answering(socket: ClientConnection) -> None:
    """Answer socket.io's own pings, without which it takes the client for gone."""
    with suppress(ConnectionClosed):
        for message in socket:
            if message == "2":
                socket.send("3")
