"""What a provider tells beside its answers: lines on stderr, which the engine shows with the run."""

import sys


def tell(text: str) -> None:
    """One line. text: without a secret."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def warn(text: str) -> None:
    """One line of what the operator should know of, though nothing failed."""
    tell(f"warning: {text}")
