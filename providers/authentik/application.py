"""Application: /core/applications/."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Required, TypedDict

from pulumi import Input, Output
from pulumi.dynamic import UpdateResult

from providers.arguments import Bag
from providers.authentik import outpost_list
from providers.authentik.adoption import Assessment, bound
from providers.authentik.api.errors import Call, Forbidden, NotFound
from providers.authentik.crud import AuthentikProvider
from providers.authentik.model.kind import Kind, Resolved
from providers.authentik.model.rules import slug, web_url
from providers.authentik.policy_binding import bound_to
from providers.authentik.resource import AuthentikResource
from providers.authentik.this_run import THIS_RUN
from providers.errors import brief
from providers.fields import Boolean, Integer, Json, ListOf, Text

PROVIDERS: Final = ("/providers/proxy/", "/providers/oauth2/")


class ApplicationArgs(TypedDict, total=False):
    """The arguments of Application."""

    name: Required[Annotated[Input[str], Text(blank=False)]]
    """The name that people read."""
    slug: Required[Annotated[Input[str], Text(blank=False, max_length=50, rule=slug)]]
    """The name in URLs."""
    provider: Annotated[Input[int] | Input[str], Integer(minimum=1)]
    """The primary key of a provider of any kind."""
    backchannel_providers: Annotated[Input[list[Input[int]]], ListOf(item=Integer(minimum=1))]
    """Primary keys of further providers, such as LDAP."""
    open_in_new_tab: Annotated[Input[bool], Boolean(default=False)]
    """Whether the library opens it in a new tab."""
    meta_launch_url: Annotated[Input[str], Text(rule=web_url)]
    """Where the library leads to."""
    meta_icon: Annotated[Input[str], Text()]
    """A URL, a path in the media storage, or fa://NAME."""
    meta_description: Annotated[Input[str], Text(lines=True)]
    """Shown in the library."""
    meta_publisher: Annotated[Input[str], Text()]
    """Shown in the library."""
    policy_engine_mode: Annotated[Input[str], Text(default="any", choices=("any", "all"))]
    """Whether any or all of the bindings must let a user in."""
    group: Annotated[Input[str], Text()]
    """The heading in the library."""
    meta_hide: Annotated[Input[bool], Boolean(empty=False)]
    """Whether the library hides it; from 2026.8 on."""


class ApplicationProvider(AuthentikProvider):
    """Applications: what users enter; bound to groups by PolicyBinding."""

    kind = Kind(
        word="application",
        model="authentik_core.application",
        path="/core/applications/",
        args=ApplicationArgs,
        name_field="slug",
        url_key="slug",
        known_by_group=True,
    )

    def find_before_create(self, inputs: Bag, resolved: Resolved, body: Bag) -> Bag | None:
        """Looked at before make, which would take the provider of what stands off its outposts."""
        return self.find(inputs, resolved) if _was_there(body) else None

    def make(self, inputs: Bag, body: Bag) -> Bag:
        """An application is open to everybody until it is bound, so its provider is on no outpost meanwhile."""
        if _was_there(body):
            self._close(body["provider"], inputs)
        return super().make(inputs, body)

    @brief
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        result = super().update(id_, olds, news)
        if olds["slug"] != news["slug"] and "provider" in news:
            self._tell_outposts(int(news["provider"]), news)
        return result

    def assess(self, found: Bag, inputs: Bag) -> Assessment:
        """Taking over must not let anybody in whom what stands there keeps out."""
        if found["policy_engine_mode"] == "all" and inputs["policy_engine_mode"] == "any":
            return Assessment(
                "it exists in policy_engine_mode all, where every binding must hold, and ours is any, where one is "
                "enough. Change it in Authentik first, or give ours another slug"
            )
        call = Call(f"read the bindings of {self.label(inputs)}", "authentik_policies.view_policybinding")
        listed = self.client.find("/policies/bindings/", {"target": found["pk"]}, call)
        bindings = [each for each in listed if each["target"] == found["pk"]]
        if any(each["negate"] and each["enabled"] for each in bindings):
            return Assessment(
                "it exists with a negated binding, beside which another one lets everybody else in. Remove the negated "
                "one in Authentik first, or give ours another slug"
            )
        used_by = ", ".join(f"the binding of {bound_to(each)}" for each in bindings)
        return bound(inputs.get("stack", ""), bindings, used_by)

    def find_moved(self, id_: str, props: Mapping[str, Json]) -> Bag | None:
        """An application whose slug was changed is named by its provider, or is in the full list."""
        call = Call(f"find {self.label(props)} under another slug", self.kind.right("view"))
        for path in PROVIDERS if "provider" in props else ():
            try:
                provider = self.client.get(f"{path}{int(props['provider'])}/", call)
            except (NotFound, Forbidden):  # of the other kind, which a token need not see
                continue
            if slug_now := provider.get("assigned_application_slug"):
                return self.client.get(f"{self.kind.path}{slug_now}/", call)
        listed = self.client.find(self.kind.path, {"superuser_full_list": "true"}, call)
        return next((each for each in listed if each["pk"] == id_), None)

    def _tell_outposts(self, provider: int, inputs: Mapping[str, Json]) -> None:
        """Save a proxy provider as it is, which its outposts are told of, while of applications they are not.

        The slug stands in the issuer of the tokens that they get for a header: with the former one they refuse all.
        """
        doing, path = f"have the outposts load {self.label(inputs)}", f"/providers/proxy/{provider}/"
        try:
            found = self.client.get(path, Call(doing, "authentik_providers_proxy.view_proxyprovider"))
        except (NotFound, Forbidden):  # of another kind, which no outpost serves and a token need not see
            return
        saving = Call(doing, "authentik_providers_proxy.change_proxyprovider")
        self.client.patch(path, {"mode": found["mode"]}, saving)

    def _close(self, provider: int, inputs: Bag) -> None:
        doing = f"take proxy provider {provider} off its outposts until {self.label(inputs)} is bound"
        reading = Call(doing, "authentik_outposts.view_outpost")
        for outpost in self.client.find("/outposts/instances/", {"providers_by_pk": str(provider)}, reading):
            outpost_list.write(self.client, outpost, provider, attached=False, doing=f"{doing}, from")


def _was_there(body: Bag) -> bool:
    """Whether the provider was made before this run, and so may be on an outpost."""
    return "provider" in body and not any(THIS_RUN.made(path, body["provider"]) for path in PROVIDERS)


class Application(AuthentikResource[ApplicationArgs], module="authentik", name="Application"):
    """An application. id: its primary key (UUID), what a PolicyBinding targets."""

    provider_class = ApplicationProvider
    pk: Output[str]
    slug: Output[str]
