"""Whether our token sees those of others: to one that may not, a token of another user seems gone."""

from providers.authentik.client import Client
from providers.authentik.errors import Call

VIEW_TOKEN = "authentik_core.view_token"  # noqa: S105  # the name of a right


def reads_tokens(client: Client, doing: str) -> bool:
    """Whether there is another user's token in sight; the outposts have one each, at every Authentik."""
    return bool(client.find("/core/tokens/", {"search": "ak-outpost-"}, Call(doing, VIEW_TOKEN)))
