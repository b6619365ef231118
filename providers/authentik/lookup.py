"""Names that stand for primary keys: looked up when an object is made or changed, never in a preview."""

from providers.authentik.client import Client
from providers.authentik.errors import AuthentikError, Call, Refused
from providers.authentik.fields import Json, Lookup

GROUP = Lookup(what="group", model="authentik_core.group", path="/core/groups/", by=(("name", "name"),))
USER = Lookup(what="user", model="authentik_core.user", path="/core/users/", by=(("username", "username"),))
ROLE = Lookup(what="role", model="authentik_rbac.role", path="/rbac/roles/", by=(("name", "name"),))
POLICY = Lookup(what="policy", model="authentik_policies.policy", path="/policies/all/", by=(("search", "name"),))
FLOW = Lookup(what="flow", model="authentik_flows.flow", path="/flows/instances/", by=(("slug", "slug"),))
SCOPE_MAPPING = Lookup(
    what="scope mapping",
    model="authentik_providers_oauth2.scopemapping",
    path="/propertymappings/provider/scope/",
    by=(("managed", "managed"), ("name", "name"), ("scope_name", "scope_name")),
)
CERTIFICATE = Lookup(
    what="certificate",
    model="authentik_crypto.certificatekeypair",
    path="/crypto/certificatekeypairs/",
    by=(("name", "name"),),
)
OAUTH_SOURCE = Lookup(
    what="OAuth source",
    model="authentik_sources_oauth.oauthsource",
    path="/sources/oauth/",
    by=(("slug", "slug"),),
)
OUTPOST = Lookup(
    what="outpost",
    model="authentik_outposts.outpost",
    path="/outposts/instances/",
    by=(("name__iexact", "name"),),
)


def look_up(client: Client, lookup: Lookup, name: str, for_what: str) -> Json:
    """The primary key of the one object that has name. for_what: "authorization_flow of proxy provider 'x'"."""
    found = find_by_name(client, lookup, name, for_what)
    return found["pk"]


def find_by_name(client: Client, lookup: Lookup, name: str, for_what: str) -> dict[str, Json]:
    """The one object that has name. Raises AuthentikError where there is none or more than one."""
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
        f"cannot {call.doing}: Authentik has none of that name, or hides it from this token (right {call.right})."
    )
