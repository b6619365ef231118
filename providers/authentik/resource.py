"""AuthentikResource: how a program declares an object of any kind."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, ClassVar, Generic, TypeVar, cast

import pulumi
from pulumi import Input, Output
from pulumi.dynamic import Resource
from pulumi.resource import DependencyResource

import providers.authentik
from providers.authentik.adoption import MARKER, has_mark
from providers.authentik.crud import AuthentikProvider
from providers.stack import this_stack

Args = TypeVar("Args", bound=Mapping[str, object])


class AuthentikResource(Resource, Generic[Args]):
    """An object in Authentik. A subclass names its provider and its outputs; Args is the TypedDict of its Kind."""

    provider_class: ClassVar[type[AuthentikProvider]]
    written: Output[str]
    """Another one after each write: what must be done again after one stands on it."""
    adopted: Output[str | None]
    """What it had where it was adopted, as JSON: then a destroy gives it back, and does not delete it."""

    def __init__(
        self,
        resource_name: str,
        args: Args,
        *,
        adopt: bool = False,
        named: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """adopt: take over an object of the same name that differs; on destroy restore it instead of deleting it.

        named: what messages call an argument, where the program has a setting for it.
        """
        kind, given = self.provider_class.kind, cast(dict[str, Any], dict(args))
        if has_mark(kind):
            given["attributes"] = _marked(f"{this_stack()}/{resource_name}", given.get("attributes"))
        if kind.known_by_group:
            given["stack"] = this_stack()
        if adopt:
            given["adopt"] = True
        own = pulumi.ResourceOptions(
            additional_secret_outputs=[*kind.secret, "adopted"],
            # The engine does not ask the provider where --replace demands it. Credentials and bindings do without: they
            # are made again in any case.
            delete_before_replace=None if kind.recreate_on_adopt or kind.allows_duplicates else True,
        )
        of_kind = [(name, each) for name, each in (named or {}).items() if name in kind.fields | kind.options]
        provider = self.provider_class(pulumi.get_stack(), *of_kind)
        props = {**dict.fromkeys((*kind.computed, "written", "adopted")), **given}
        super().__init__(provider, resource_name, props, pulumi.ResourceOptions.merge(own, opts))


def unless_adopted(container: AuthentikResource[Any], *others: AuthentikResource[Any]) -> pulumi.Resource:
    """For ResourceOptions.deleted_with: the server removes an object with its container, so that nobody need delete it.

    Not where the container, or one of the others, was adopted: what is given back must not keep what this stack added.
    """
    goes_with = DependencyResource("")  # deleted_with takes a resource, and tells the engine its urn
    every = (container, *others)
    goes_with.__dict__["urn"] = Output.all(container.urn, *(each.adopted for each in every)).apply(
        lambda told: "" if any(told[1:]) else told[0]
    )
    return goes_with


def every_resource() -> dict[str, type[AuthentikResource[Any]]]:
    """Every kind of resource of this package, by its name."""
    found = {}
    for module in iter_modules(providers.authentik.__path__):
        if not module.ispkg:
            for each in vars(import_module(f"providers.authentik.{module.name}")).values():
                if isinstance(each, type) and issubclass(each, AuthentikResource) and each is not AuthentikResource:
                    found[each.__name__] = each
    return dict(sorted(found.items()))


def _marked(mark: str, attributes: Input[Mapping[str, Any]] | None) -> Output[dict[str, Any]]:
    """Attributes that say which resource of which stack an object is, so that no other one takes it over."""
    return Output.from_input(attributes or {}).apply(lambda given: {MARKER: mark, **given})
