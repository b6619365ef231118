"""What accounts may enter, as far as our token is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.authentik.answers import printable
from providers.authentik.client import Client
from providers.authentik.errors import Call, Refused
from providers.authentik.fields import Json
from providers.authentik.kind import Bag

APPLICATIONS = "/core/applications/"
VIEW_APPLICATIONS = "authentik_core.view_user_applications"

HIDDEN = "whether it is hidden applications (meta_hide) too: only a superuser's token is told"


@dataclass
class Survey:
    """What each account, by its name, may enter; an account that nothing could be told of is not in it.

    seen: every application in sight, by its primary key. untold: what our token is not told.
    """

    entered: dict[str, list[Bag]] = field(default_factory=dict)
    seen: dict[str, Bag] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)

    def reachable(self) -> dict[str, list[str]]:
        """The slugs of what each account may enter."""
        return {name: sorted(printable(each["slug"]) for each in found) for name, found in self.entered.items()}


def is_superuser(client: Client) -> bool:
    """Whether our token is a superuser's, and so is told of hidden applications."""
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
    for name, pk in accounts.items():
        call = Call(f"list what account {name!r} may enter", VIEW_APPLICATIONS)
        try:
            entered = client.find(APPLICATIONS, {"for_user": str(pk)}, call)
        except Refused as refused:
            if "for_user" not in refused.fields:
                raise
            found.untold.append(f"what {name} may enter: that takes the right {VIEW_APPLICATIONS}, and that it exists")
            continue
        entered += [each for each in hidden if _passes(client, each, pk, call)]
        found.entered[name] = list({each["pk"]: each for each in entered}.values())
        found.seen |= {each["pk"]: each for each in entered}
    return found


def _passes(client: Client, application: Bag, pk: Json, call: Call) -> bool:
    """Whether an account may enter one application; only a superuser is answered for somebody else."""
    answer = client.get(f"{APPLICATIONS}{application['slug']}/check_access/?for_user={pk}", call)
    return answer.get("passing") is True
