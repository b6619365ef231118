"""Where a name is turned into a primary key, for each kind of object that may be named. Pure."""

from providers.fields import Lookup

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
