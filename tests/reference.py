"""The reference stack's settings, as the engine hands them to the program."""

import json
from typing import Any

from components.settings.table import IMMICH
from providers.fields import UNSET


def _handed_over(value: Any) -> str:
    """Texts as they are, everything else as JSON: so the engine hands settings over."""
    return value if isinstance(value, str) else json.dumps(value)


STACK: dict[str, str] = {
    **{f"immich:{name}": _handed_over(each.default) for name, each in IMMICH.items() if each.default is not UNSET},
    "authentik:url": "https://auth.example.org",
    "immich:url": "https://photos.example.org",
    "immich:peopleGroups": '["family"]',
}
"""What the operator must write, and the defaults of Pulumi.yaml."""
