"""What is asked of Authentik in more than one place: an object by its name, what accounts may enter, their tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from providers.arguments import Bag
from providers.authentik.api.answers import printable
from providers.authentik.api.client import Client
from providers.authentik.api.errors import AuthentikError, Call, Refused
from providers.authentik.api.together import together
from providers.fields import Json, Lookup

APPLICATIONS = "/core/applications/"
VIEW_APPLICATIONS = "authentik_core.view_user_applications"

HIDDEN = "whether it is hidden applications (meta_hide) too: only a superuser's token is told"

VIEW_TOKEN = "authentik_core.view_token"  # noqa: S105  # the name of a right

TO_READ_TOKENS = f"the right {VIEW_TOKEN}, or on Authentik 2025.8 a superuser's token"
"""2025.8.1 shows its own tokens to anybody else, whatever the right (core/api/tokens.py, get_queryset)."""


def find_by_name(client: Client, lookup: Lookup, name: str, for_what: str) -> dict[str, Json]:
    """The one object of that name. Raises AuthentikError if there is none, or more than one."""
    app, model = lookup.model.split(".")
    call = Call(f"find {lookup.what} {name!r}, the {for_what}", f"{app}.view_{model}")
    refusals: list[Refused] = []
    for parameter, attribute in lookup.by:
        try:
            listed = client.find(lookup.path, {parameter: name}, call)
        except Refused as refused:  # a server that checks a filter's choices refuses one that it does not have
            refusals.append(refused)
            continue
        found = [each for each in listed if str(each.get(attribute)) == name]
        if len(found) > 1:
            raise AuthentikError(f"cannot {call.doing}: there are {len(found)} of that name. Give its primary key.")
        if found:
            return found[0]
    if len(refusals) == len(lookup.by):
        raise refusals[-1]
    raise AuthentikError(
        f"cannot {call.doing}: Authentik has no object of that name, or hides it from this token (right {call.right})."
    )


@dataclass
class Survey:
    """What each account, by its name, may enter; without the accounts that could not be checked.

    seen: every application in sight, by its primary key. unchecked: what our token is not told.
    """

    entered: dict[str, list[Bag]] = field(default_factory=dict)
    seen: dict[str, Bag] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)

    def reachable(self) -> dict[str, list[str]]:
        """The slugs of what each account may enter."""
        return {name: sorted(printable(each["slug"]) for each in found) for name, found in self.entered.items()}


def is_superuser(client: Client) -> bool:
    """Whether the client's token is a superuser's, which sees hidden applications."""
    answer = client.get("/core/users/me/", Call("read whose AUTHENTIK_TOKEN it is", "none"))
    user = answer.get("user")
    return isinstance(user, dict) and user.get("is_superuser") is True


def survey(client: Client, accounts: Mapping[str, Json], *, superuser: bool) -> Survey:
    """Ask what each account may enter. accounts: primary keys by name; superuser: whether our token is one's."""
    found = Survey()
    hidden: list[Bag] = []
    if superuser and accounts:
        # Not together with for_user, which it would hide: it answers with everything there is.
        everything = client.find(APPLICATIONS, {"superuser_full_list": "true"}, Call("list applications", "none"))
        found.seen |= {each["pk"]: each for each in everything}
        hidden = [each for each in everything if each.get("meta_hide")]
    asked = together([partial(_entered, client, name, pk, hidden) for name, pk in accounts.items()])
    for name, entered in zip(accounts, asked, strict=True):
        if entered is None:
            found.unchecked.append(
                f"what {name} may enter: that takes the right {VIEW_APPLICATIONS}, and that it exists"
            )
            continue
        found.entered[name] = list({each["pk"]: each for each in entered}.values())
        found.seen |= {each["pk"]: each for each in entered}
    return found


def _entered(client: Client, name: str, pk: Json, hidden: list[Bag]) -> list[Bag] | None:
    """What an account may enter, of hidden applications too, or None where the token is not told."""
    call = Call(f"list what account {name!r} may enter", VIEW_APPLICATIONS)
    try:
        entered = client.find(APPLICATIONS, {"for_user": str(pk)}, call)
    except Refused as refused:
        if "for_user" not in refused.fields:
            raise
        return None
    return entered + [each for each in hidden if _passes(client, each, pk, call)]


def _passes(client: Client, application: Bag, pk: Json, call: Call) -> bool:
    """Whether an account may enter one application; only a superuser is answered for somebody else."""
    answer = client.get(f"{APPLICATIONS}{application['slug']}/check_access/?for_user={pk}", call)
    return answer.get("passing") is True


def reads_tokens(client: Client, doing: str) -> bool:
    """Whether there is another user's token in sight; the outposts have one each, at every Authentik."""
    return bool(client.find("/core/tokens/", {"search": "ak-outpost-"}, Call(doing, VIEW_TOKEN)))


def app_passwords_of(client: Client, username: str, call: Call) -> list[Bag]:
    """All of an account's that our token may see; by its name, for no filter takes its key."""
    query = {"user__username": username, "intent": "app_password"}
    return client.find("/core/tokens/", query, call)
