"""What a provider tells beside its answers: lines on stderr, which the engine shows with the run."""

import sys

from providers.masking import masked


def info(text: str) -> None:
    """One line. text: without a secret; the API token is masked in it."""
    sys.stderr.write(f"{masked(text)}\n")
    sys.stderr.flush()


def warn(text: str) -> None:
    """One line of what the operator should know of, though nothing failed."""
    info(f"warning: {text}")
