"""The name by which a stack tells its own objects from those of others."""

import pulumi


def this_stack() -> str:
    """project/stack."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"
