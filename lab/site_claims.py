"""The claims about a site that changes while it is in use."""

import threading
from contextlib import suppress

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from lab.caddy import http_door
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


def prove_other_doors(proof: Proof, driver: Driver) -> None:
    """A way past the site is refused by its address, until the settings allow it."""
    stack, lab = driver.stack, driver.lab

    def open_one() -> Observed:
        with http_door(lab.caddy_admin, lab.immich_url, str(stack.settings()["immich:upstream"])) as address:
            refused = stack.run("up", "--yes", "--skip-preview", "--refresh", "--config-file", lab.config_file)
            named = f"'immich:otherDoors[0]' '{address}'" in refused.output
            stack.configure(otherDoors=[address])
            try:
                stack.up("--refresh")
            finally:
                stack.configure(otherDoors=None)
        stack.up("--refresh")
        passes = driver.passes(driver.header())
        seen = f"exit {refused.code}, {'named' if named else 'NOT NAMED'}; allowed; phone {'in' if passes else 'OUT'}"
        return seen, refused.code != 0 and named and passes

    proof.judge(
        "Immich's name over http:// in the same Caddy fails the run by its address, until it is allowed",
        "exit not 0, named; allowed; phone in",
        open_one,
    )


def _answering(socket: ClientConnection) -> None:
    """Answer socket.io's own pings, without which it takes the client for gone."""
    with suppress(ConnectionClosed):
        for message in socket:
            if message == "2":
                socket.send("3")
