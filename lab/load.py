"""Load: a phone that never stops asking, so that a moment in which it is refused does not go unseen."""

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from lab.driver import PING
from lab.files import Lab
from lab.web import Web

CLIENTS = 4
ENOUGH = 100
"""Requests that are needed to say anything."""
PAUSE = 0.01
"""Seconds between two requests of a client, so that the engine gets its share of the machine."""


@dataclass(frozen=True)
class Answer:
    """How a request ended. header: what it was sent with; begun: by time.monotonic; seen: its status or an error."""

    header: str
    begun: float
    seen: str
    passed: bool


class Load:
    """Inside the with block CLIENTS clients ask Immich all the time, each with the header of the moment."""

    def __init__(self, lab: Lab, header: str) -> None:
        self.header = header
        """What the next requests are sent with."""
        self.answers: list[Answer] = []
        self._web, self._over = Web(lab), threading.Event()
        self._clients = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def since(self, moment: float = 0.0) -> list[Answer]:
        """The requests that were begun since a moment of time.monotonic, once there are ENOUGH of them."""
        while len(found := [answer for answer in list(self.answers) if answer.begun >= moment]) < ENOUGH:
            time.sleep(0.05)
        return found

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for client in self._clients:
            client.join()

    def _ask(self) -> None:
        while not self._over.wait(PAUSE):
            header, begun = self.header, time.monotonic()
            try:
                answer = self._web.get(PING, {"Authorization": header})
            except Exception as error:  # noqa: BLE001  # whatever goes wrong is a request that failed
                self.answers.append(Answer(header, begun, type(error).__name__, passed=False))
                continue
            passed = answer.status == 200 and answer.data == b'{"res":"pong"}'
            self.answers.append(Answer(header, begun, str(answer.status), passed))
