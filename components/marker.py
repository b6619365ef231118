"""The mark in an object's attributes that says whose it is."""

import pulumi

from providers.authentik.ownership import MARKER


def marked(resource: str) -> dict[str, str]:
    """Attributes that say which resource of which stack an object is, so that no other stack takes it over."""
    return {MARKER: f"{pulumi.get_project()}/{pulumi.get_stack()}/{resource}"}
