"""The mark in an object's attributes that says whose it is."""

import pulumi

from providers.authentik.ownership import MARKER


def this_stack() -> str:
    """project/stack."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"


def marked(resource: str) -> dict[str, str]:
    """Attributes that say which resource of which stack an object is, so that no other stack takes it over."""
    return {MARKER: f"{this_stack()}/{resource}"}
