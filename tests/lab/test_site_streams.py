"""What is big and what is long passes our site in a real Caddy: uploads and websockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from .site_world import GOOD, SESSION, World
from .upload import MIB, upload

BOUND = 64 * MIB
"""What Caddy may grow by, whatever the size of an upload."""


@contextmanager
def echo() -> Iterator[str]:
    """A server that sends every message back; the answer is its URL."""

    def answer(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join(10)


@pytest.mark.parametrize("world", ["file", "admin", "handle"], indirect=True)
@pytest.mark.parametrize("who", [GOOD, SESSION], ids=["phone", "browser"])
def test_a_websocket_lives_through_a_change_of_the_site(who: dict[str, str], world: World) -> None:
    with echo() as immich:
        world.serve(immich=immich)
        url = f"wss://localhost:{world.port}/api/socket.io/"
        with connect(url, ssl=world.tls, additional_headers=who, proxy=None) as before:
            world.serve(immich=immich, shares=world.shares.url)
            assert world.ask("/share/x").status == 200  # the change is in force
            with connect(url, ssl=world.tls, additional_headers=who, proxy=None) as after:
                for socket in (before, after):
                    socket.send("still there?")
                    assert socket.recv(timeout=20) == "still there?"


@pytest.mark.parametrize("who", [GOOD, SESSION], ids=["phone", "browser"])
def test_an_upload_of_a_gigabyte_streams_and_caddys_memory_stays_flat(who: dict[str, str], world: World) -> None:
    seen = upload(world, 1024 * MIB, who)
    assert seen.received == 1024 * MIB
    assert seen.first_arrived < 32 * MIB
    assert seen.growth < BOUND
