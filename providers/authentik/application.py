"""Application: /core/applications/."""

from collections.abc import Mapping
from typing import Annotated, Required, TypedDict, Unpack

import pulumi
from pulumi import Input, Output

from providers.authentik.errors import Call, NotFound
from providers.authentik.fields import Boolean, Integer, Json, ListOf, Text
from providers.authentik.kind import Bag, Kind
from providers.authentik.provider import AuthentikProvider, AuthentikResource
from providers.authentik.rules import slug, web_url


class ApplicationArgs(TypedDict, total=False):
    """The arguments of Application. provider: the primary key of any provider; meta_hide: from 2026.8 on."""

    name: Required[Annotated[Input[str], Text(blank=False)]]
    slug: Required[Annotated[Input[str], Text(blank=False, max_length=50, rule=slug)]]
    provider: Annotated[Input[int] | Input[str], Integer(minimum=1)]
    backchannel_providers: Annotated[Input[list[Input[int]]], ListOf(item=Integer(minimum=1))]
    open_in_new_tab: Annotated[Input[bool], Boolean(default=False)]
    meta_launch_url: Annotated[Input[str], Text(rule=web_url)]
    meta_icon: Annotated[Input[str], Text()]
    meta_description: Annotated[Input[str], Text(lines=True)]
    meta_publisher: Annotated[Input[str], Text()]
    policy_engine_mode: Annotated[Input[str], Text(default="any", choices=("any", "all"))]
    group: Annotated[Input[str], Text()]
    meta_hide: Annotated[Input[bool], Boolean(empty=False)]


class ApplicationProvider(AuthentikProvider):
    """Applications: what users enter; bound to groups by PolicyBinding."""

    kind = Kind(
        word="application",
        model="authentik_core.application",
        path="/core/applications/",
        args=ApplicationArgs,
        title="slug",
        address="slug",
    )

    def moved(self, id_: str, props: Mapping[str, Json]) -> Bag | None:
        """An application whose slug was changed is found by its proxy provider, which names it."""
        if "provider" not in props:
            return None
        call = Call(f"find {self.label(props)} by its provider", "authentik_providers_proxy.view_proxyprovider")
        try:
            provider = self.client.get(f"/providers/proxy/{int(props['provider'])}/", call)
        except NotFound:
            return None
        slug_now = provider["assigned_application_slug"]
        return self.client.get(f"{self.kind.path}{slug_now}/", call) if slug_now else None


class Application(AuthentikResource, module="authentik", name="Application"):
    """An application. id: its primary key (UUID), what a PolicyBinding targets."""

    provider_class = ApplicationProvider
    pk: Output[str]
    slug: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        adopt: bool = False,
        opts: pulumi.ResourceOptions | None = None,
        **args: Unpack[ApplicationArgs],
    ) -> None:
        super().__init__(resource_name, args, adopt, opts)
