"""`python -m tests.lab.upload [GIB]`: what Caddy's memory grows by while it passes one upload of GIB gibibytes (5)."""

import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.files import TOOLS
from lab.toolchain import ensure

from .site_world import GOOD, World

MIB = 2**20


@dataclass
class Seen:
    """One upload, in bytes and seconds. first_arrived: what had been sent when the first of it reached Immich."""

    received: int = 0
    first_arrived: int = 0
    growth: int = 0
    seconds: float = 0


def upload(world: World, size: int, headers: dict[str, str]) -> Seen:
    """Send size bytes through Caddy, and watch its memory all the while."""
    seen = Seen()
    with _sink(seen) as immich:
        world.serve(immich=immich)
        world.ask("/", headers)  # the first request of all costs memory of its own
        seen.received, before, begun = 0, world.memory, time.monotonic()
        with socket.create_connection(("localhost", world.port), timeout=60) as plain:
            connection = world.tls.wrap_socket(plain, server_hostname="localhost")
            head = [f"POST /api/assets HTTP/1.1\r\nHost: localhost:{world.port}\r\nContent-Length: {size}"]
            head += [f"{name}: {value}" for name, value in headers.items()]
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            chunk = bytes(MIB)
            for number in range(size // MIB):
                connection.sendall(chunk)
                if not seen.received:
                    seen.first_arrived = (number + 1) * MIB
                if number % 16 == 0:
                    seen.growth = max(seen.growth, world.memory - before)
            answer = connection.recv(MIB)
            assert answer.startswith(b"HTTP/1.1 201"), answer
        seen.growth = max(seen.growth, world.memory - before)
        seen.seconds = time.monotonic() - begun
    return seen


@contextmanager
def _sink(seen: Seen) -> Iterator[str]:
    """A server that counts the bytes of a body, keeps none, and answers when all have come."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            head, _, rest = connection.recv(65536).partition(b"\r\n\r\n")
            expected = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
            )
            room, got = bytearray(MIB), len(rest)
            while got < expected and (more := connection.recv_into(room)):
                got += more
                seen.received = got
            connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


if __name__ == "__main__":
    gibibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder, World(ensure(TOOLS).caddy.path, Path(folder)) as world:
        seen = upload(world, gibibytes * 1024 * MIB, GOOD)
    print(f"{seen.received} bytes in {seen.seconds:.0f} s; Caddy grew by {seen.growth / MIB:.1f} MiB")  # noqa: T201
