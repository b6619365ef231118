"""What Authentik knows of the phones' accounts: whether they are active, and when each last logged in. Reads only.

A header's login leaves the account's own `last_login` empty, as no session begins. It leaves an event of action
`login`: one for each time that the outpost asks, which is at most one in the time for which it remembers a header.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from providers.authentik.api.client import Client
from providers.authentik.api.errors import AuthentikError, Call, Forbidden
from providers.retry import RetryPolicy

CANNOT_TELL, NONE_SEEN = "cannot tell", "none seen"


@dataclass(frozen=True)
class Account:
    """enabled: yes, no, gone or cannot tell. last_login: the moment as RFC 3339 writes it, none seen or cannot tell."""

    enabled: str = CANNOT_TELL
    last_login: str = CANNOT_TELL


def look(
    url: str, token: str, usernames: Iterable[str], policy: RetryPolicy | None = None
) -> tuple[dict[str, Account], list[str]]:
    """The accounts of those names, two calls each, and the reasons for what is missing; raises nothing.

    Where a call fails otherwise than by a missing right, the rest is not asked: it would fail alike, each call after
    its time-out.
    """
    accounts: dict[str, Account] = {}
    reasons: list[str] = []
    try:
        client = Client(url, token, policy)
        for username in usernames:
            accounts[username], unseen = _account(client, username)
            reasons += unseen
    except AuthentikError as error:
        reasons.append(str(error))
    return accounts, reasons


def _account(client: Client, username: str) -> tuple[Account, list[str]]:
    account: dict[str, str] = {}
    reasons = []
    for name, ask in (("enabled", _enabled), ("last_login", _last_login)):
        try:
            account[name] = ask(client, username)
        except Forbidden as error:
            reasons.append(str(error))
    return Account(**account), reasons


def _enabled(client: Client, username: str) -> str:
    call = Call(f"find the account {username!r}", "authentik_core.view_user")
    found = client.find("/core/users/", {"username": username}, call)
    account = next((each for each in found if each.get("username") == username), None)
    return "gone" if account is None else "yes" if account.get("is_active") else "no"


def _last_login(client: Client, username: str) -> str:
    query = {"username": username, "actions": "login", "ordering": "-created", "page_size": "20"}
    call = Call(f"find the last login of {username!r}", "authentik_events.view_event")
    # Not client.find(), which would fetch every login that Authentik keeps.
    answer = client.get(f"/events/events/?{urlencode(query)}", call)
    try:
        # A server that does not know the filter answers with events of other actions, too.
        logins = [event["created"] for event in answer["results"] if event["action"] == "login"]
        return datetime.fromisoformat(logins[0]).astimezone(UTC).isoformat() if logins else NONE_SEEN
    except (TypeError, KeyError, ValueError):
        raise AuthentikError(f"cannot {call.doing}: Authentik answered something else than events.") from None
