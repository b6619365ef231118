"""The steps in the Immich app, written once: the terminal, the sealed page and README show them. Pure.

The header comes before the address: with the address the app asks the server, and without the header is refused.
"""

import html

LEAST_VERSION = "1.107"
"""The first version of the app that sends custom headers."""

STEPS = (
    f"Install the Immich app, version {LEAST_VERSION} or later, and stay on its first screen. Enter no address yet.",
    "Tap the gear beside *Next* (*Settings* from 2.5 on), then *Advanced*, then *Custom proxy headers* "
    "(*Proxy Headers* before 1.119).",
    "Fill the empty row that is there: the header's name, and the header's value on one line.",
    "Go *back* until you see the first screen again. That saves it; there is no other button to save.",
    "Enter the server's address, tap *Next*, and log in to Immich as usual.",
)
"""*…* is what stands on the screen."""

CAMERA = (
    "The QR code holds the header's value as plain text. A camera app shows it to copy; some search the web for it "
    "instead, which sends it to the search engine: do not tap such a search."
)


def in_terminal() -> str:
    """The steps as numbered lines."""
    return "\n".join(f"{number}. {step.replace('*', '')}" for number, step in enumerate(STEPS, 1))


def in_page() -> str:
    """The steps as items of an HTML list."""
    return "\n".join(f"<li>{_strong(html.escape(step, quote=False))}</li>" for step in STEPS)


def in_markdown() -> str:
    """The steps as a numbered list."""
    return "\n".join(f"{number}. {step}" for number, step in enumerate(STEPS, 1))


def _strong(text: str) -> str:
    parts = text.split("*")
    return "".join(f"<strong>{part}</strong>" if index % 2 else part for index, part in enumerate(parts))
