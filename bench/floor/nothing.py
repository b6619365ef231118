"""A resource that does nothing. In a module, so that it pickles by reference, as the program's own do."""

from typing import Any

from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider


class NothingProvider(ResourceProvider):
    """A provider of nothing."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["name"], props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=olds["name"] != news["name"], replaces=["name"])


class Nothing(Resource, module="floor", name="Nothing"):
    """Nothing of a name."""

    def __init__(self, resource_name: str, name: str) -> None:
        super().__init__(NothingProvider(), resource_name, {"name": name})
