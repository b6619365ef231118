"""How a command that failed is told: the real plugin's form."""

import json


class Failure(Exception):
    """The text goes to the engine as it is."""


def failed(status: str, command: str, output: str) -> Failure:
    """The failure of a command. status: such as "exit status 3"."""
    return Failure(f"{status}: running {json.dumps(command, ensure_ascii=False)}:\n{output}")
