"""AuthentikResource: how a program declares an object of any kind."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi
from pulumi import Input, Output
from pulumi.dynamic import Resource

from providers.authentik.adoption import MARKER, has_mark
from providers.authentik.crud import AuthentikProvider


class AuthentikResource(Resource):
    """An object in Authentik. Every subclass takes a resource name, its kind's arguments, and

    adopt: take over an object of the same name that differs, bring it to what is declared, and on destroy give it
    back as it was found instead of deleting it.
    """

    provider_class: ClassVar[type[AuthentikProvider]]
    written: Output[str]
    """Another one after each write: what must be done again after one stands on it."""

    def __init__(
        self,
        resource_name: str,
        args: Mapping[str, Any],
        adopt: bool,
        opts: pulumi.ResourceOptions | None,
        **flags: bool | str | list[str],
    ) -> None:
        kind = self.provider_class.kind
        marked = {"attributes": self._marked(resource_name, args.get("attributes"))} if has_mark(kind) else {}
        said = {flag: value for flag, value in {"adopt": adopt, **flags}.items() if value not in (False, "")}
        props = {**dict.fromkeys((*kind.computed, "written")), **args, **marked, **said}
        own = pulumi.ResourceOptions(
            additional_secret_outputs=[*kind.secret, "adopted"],
            # The engine does not ask the provider where --replace demands it. Credentials and bindings do without: they
            # are made again in any case.
            delete_before_replace=None if kind.recreate_on_adopt or kind.allows_duplicates else True,
        )
        provider = self.provider_class(pulumi.get_stack())
        super().__init__(provider, resource_name, props, pulumi.ResourceOptions.merge(own, opts))

    @staticmethod
    def _marked(resource_name: str, attributes: Input[Mapping[str, Any]] | None) -> Output[dict[str, Any]]:
        """Attributes that say which resource of which stack an object is, so that no other one takes it over."""
        mark = {MARKER: f"{pulumi.get_project()}/{pulumi.get_stack()}/{resource_name}"}
        return Output.from_input(attributes or {}).apply(lambda said: {**mark, **said})
