"""The tokens of other users: to a token that may not see them they seem gone."""

from providers.authentik.client import Client
from providers.authentik.errors import Call
from providers.authentik.kind import Bag

VIEW_TOKEN = "authentik_core.view_token"  # noqa: S105  # the name of a right

TO_READ_TOKENS = f"the right {VIEW_TOKEN}, or on Authentik 2025.8 a superuser's token"
"""2025.8.1 shows its own tokens to anybody else, whatever the right (core/api/tokens.py, get_queryset)."""


def reads_tokens(client: Client, doing: str) -> bool:
    """Whether there is another user's token in sight; the outposts have one each, at every Authentik."""
    return bool(client.find("/core/tokens/", {"search": "ak-outpost-"}, Call(doing, VIEW_TOKEN)))


def app_passwords_of(client: Client, username: str, call: Call) -> list[Bag]:
    """All of an account's that our token may see; by its name, for no filter takes its key."""
    query = {"user__username": username, "intent": "app_password"}
    return client.find("/core/tokens/", query, call)
