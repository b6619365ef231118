"""The reference stack's settings, as the engine hands them to the program."""

import json
from pathlib import Path
from typing import Any

import yaml

_SCHEMA: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parents[1] / "Pulumi.yaml").read_text())["config"]


def _handed_over(value: Any) -> str:
    """Texts as they are, everything else as JSON: so the engine hands settings over."""
    return value if isinstance(value, str) else json.dumps(value)


STACK: dict[str, str] = {
    **{name: _handed_over(setting["default"]) for name, setting in _SCHEMA.items() if "default" in setting},
    "authentik:url": "https://auth.example.org",
    "immich:url": "https://photos.example.org",
    "immich:peopleGroups": '["family"]',
}
"""What the operator must write, and the defaults of Pulumi.yaml."""
