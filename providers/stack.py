"""Whose objects are: the name by which a stack tells its own from those of others."""

import pulumi


def this_stack() -> str:
    """project/stack."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"
