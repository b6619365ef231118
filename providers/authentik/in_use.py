"""Which application uses a provider, and so whose the provider is: it has no place for a mark of its own."""

from collections.abc import Mapping

from providers.authentik.client import Client
from providers.authentik.errors import Call, NotFound
from providers.authentik.fields import Json
from providers.authentik.ownership import Standing, bound


def by_application(client: Client, provider: Mapping[str, Json], stack: str, label: str) -> Standing:
    """What a provider's application says of it. stack: project/stack that declares the provider, "" if not said."""
    slug = provider.get("assigned_application_slug")
    if not slug:
        return Standing()
    used_by = f"application {slug!r}"
    if not stack:
        return Standing(used_by=used_by)
    doing = f"see whose {label} is"
    try:
        application = client.get(f"/core/applications/{slug}/", Call(doing, "authentik_core.view_application"))
    except NotFound:
        return Standing(used_by=used_by)
    listing = Call(doing, "authentik_policies.view_policybinding")
    bindings = client.find("/policies/bindings/", {"target": application["pk"]}, listing)
    return bound(stack, [each for each in bindings if each["target"] == application["pk"]], used_by)
