"""Cause: everything that can keep a phone out, or let somebody else in, with its remedy. Pure."""

from enum import Enum


class Finding(Enum):
    """A finding: what is wrong, and what to do."""

    HEADER_EMPTY = ("the header is empty", "Copy it again: `python -m phone show NAME`.")
    HEADER_SCHEME = (
        "the header does not begin with `Basic` and a space",
        "Copy the whole value again, starting with `Basic` and without the name `Authorization`.",
    )
    HEADER_LINE_BREAK = (
        "the header contains a line break",
        "Copy it again as one line; a terminal or a mail may have broken it.",
    )
    HEADER_SPACE = (
        "the header contains an extra space",
        "Remove every space except the one after `Basic`.",
    )
    HEADER_ALPHABET = (
        "the header is not valid base64: a character is missing or wrong",
        "Copy it again as a whole; it contains only A-Z, a-z, 0-9, +, / and =.",
    )
    HEADER_NO_COLON = (
        "the header does not contain an account, a colon and a password",
        "Copy it again: `python -m phone show NAME`.",
    )
    HEADER_ACCOUNT = (
        "the header belongs to an account that is not a phone of this stack",
        "Give the phone the header that the stack has for it now: `python -m phone show NAME`.",
    )
    HEADER_OLD = (
        "the header is not the one that the stack has for this account",
        "Give the phone the header that the stack has for it now: `python -m phone show NAME`.",
    )
    DNS = (
        "the public name does not resolve",
        "Add its DNS record, or name host:port in immich:probeAddress where this machine sees another DNS.",
    )
    UNREACHABLE = (
        "nothing answers at the public address",
        "Check that Caddy runs and its port is open; where a router does not lead back in, set immich:probeAddress.",
    )
    TLS = (
        "TLS with the public address fails",
        "Look into Caddy's log for the certificate; name the PEM file of a CA of your own in immich:probeCa.",
    )
    ROUTE_MISSING = (
        "Caddy has no route for the public name",
        "A reload of the Caddyfile removes what came by the admin API: `pulumi up --refresh` adds it again. "
        "For a file, check the import line and reload Caddy.",
    )
    OUTPOST_UNREACHABLE = (
        "Caddy does not reach the outpost",
        "Check that Authentik runs, and immich:outpostUrl.",
    )
    OUTPOST_WITHOUT_PROVIDER = (
        "the outpost does not serve the proxy provider",
        "`pulumi up --refresh` adds it to the outpost again.",
    )
    OUTPOST_NOT_LOADED = (
        "the outpost has the proxy provider on its list, but has not loaded it",
        "Wait half a minute; then look into the outpost's log, and restart it.",
    )
    OUTPOST_SILENT = (
        "Authentik has not heard from the outpost",
        "Check that it runs and reaches Authentik, and look into its log.",
    )
    OUTPOST_HOST = (
        "the login page's address leads to localhost",
        "Set authentik_host in the outpost's configuration to Authentik's public address.",
    )
    PROVIDER_MISSING = ("the proxy provider is gone", "`pulumi up --refresh` creates it again.")
    PROVIDER_HOST = (
        "the proxy provider is for another address than immich:url",
        "`pulumi up --refresh` sets it right.",
    )
    PROVIDER_OPENED = (
        "the proxy provider is not as this stack declares it, and may let more in",
        "`pulumi up --refresh` sets it right.",
    )
    OTHER_PROVIDER = (
        "another proxy provider on the outpost is for Immich's host, and of several the last by name decides who gets "
        "in",
        "Give it another external host, take it off the outpost, or delete it.",
    )
    APPLICATION_MISSING = (
        "the application is gone, or has another provider",
        "`pulumi up --refresh` sets it right.",
    )
    BINDING_MISSING = (
        "the phones' group is not bound to the application",
        "`pulumi up --refresh` binds it again.",
    )
    PEOPLE_NOT_BOUND = (
        "a group of immich:peopleGroups is not bound to the application under the name that it has now, so its people "
        "cannot get in",
        "Where the group was renamed, name it so in immich:peopleGroups; `pulumi up --refresh` binds it again.",
    )
    ENGINE_MODE = (
        "the application's policy engine mode is all, which lets in only who is in every group that is bound",
        "`pulumi up --refresh` sets it to any again.",
    )
    BINDINGS_OF_OTHERS = (
        "more is bound to the application than this stack binds, and may let others in",
        "Add a group that may enter to immich:peopleGroups. `pulumi up --refresh` removes the others; a run that "
        "creates or adopts the application asks you to do so in Authentik.",
    )
    MEMBERS_OF_OTHERS = (
        "others are in the phones' group, or in a group below it, and may enter by it",
        "Put who may enter into a group of immich:peopleGroups; `pulumi up --refresh` removes them from the phones'.",
    )
    GROUP_RIGHTS = (
        "the phones' group gives more than the application: parents, roles, or a superuser's rights",
        "`pulumi up --refresh` removes them.",
    )
    ACCOUNT_MISSING = ("the phone's account is gone", "`pulumi up --refresh` makes a new one, with a new header.")
    ACCOUNT_INACTIVE = (
        "the phone's account is not active, which keeps it out from Authentik 2025.8.6 and 2025.10.2 on",
        "immich:enabled true and `pulumi up --refresh` switch it on.",
    )
    ACCOUNT_NOT_IN_GROUP = (
        "the phone's account is not in the phones' group",
        "`pulumi up --refresh` puts it back.",
    )
    ACCOUNT_EXTRA_GROUPS = (
        "the phone's account is in groups beside the phones' group, and may enter what they may",
        "`pulumi up --refresh` removes it from them.",
    )
    PASSWORD_MISSING = (
        "the app password is gone: revoked, or deleted when it expired",
        "`pulumi up --refresh` makes a new account, with a new header.",
    )
    PASSWORD_EXPIRED = (
        "the app password has expired",
        "Raise the phone's generation, `pulumi up`, and give the phone its new header.",
    )
    PASSWORD_EXPIRES_SOON = (
        "the app password expires within two weeks",
        "Raise the phone's generation, `pulumi up`, and give the phone its new header.",
    )
    PASSWORDS_OF_OTHERS = (
        "the phone's account has other app passwords, which work too",
        "`pulumi up --refresh` deletes them.",
    )
    PASSWORD_WRONG = (
        "everything is in order except the password: Authentik has a different one for this account",
        "Raise the phone's generation, `pulumi up`, and give the phone its new header.",
    )
    CORE_DOWN = (
        "Authentik's server does not answer, and its outpost refuses everybody meanwhile",
        "Look at Authentik's server, its database and their logs.",
    )
    HEADER_LOST = (
        "the header does not reach Caddy, which answers as if there were none",
        "Look for what takes Authorization out of requests in front of Caddy: a tunnel, another proxy.",
    )
    NETWORK = (
        "Caddy accepts headers only from some networks, and this machine may not be in any of them",
        "Add its network to immich:basicNetworks, or run from there; Caddy's trusted_proxies must name a proxy in "
        "front, and there may be one only; immich:verify false turns the proof off.",
    )
    IMMICH_DOWN = (
        "Caddy does not reach Immich",
        "Check that Immich runs, and immich:upstream.",
    )
    NOT_IMMICH = (
        "something other than Immich answers behind the forward auth",
        "Look where immich:upstream leads.",
    )
    OPEN = (
        "a request without a header reaches Immich",
        "Look for a path or a site in Caddy that goes past the forward auth, and at skip_path_regex of the provider.",
    )
    OPEN_TO_ANY_HEADER = (
        "a request with a wrong header reaches Immich",
        "Look for a path or a site in Caddy that goes past the forward auth.",
    )
    OPEN_PLAINLY = (
        "a request over http:// reaches Immich without the forward auth",
        "Take the http:// site of this host out of Caddy's configuration, or let it redirect to https://.",
    )
    OTHER_DOORS = (
        "Caddy leads to Immich, or serves its name, at another address too, without the forward auth",
        "Take that site out of Caddy's configuration; or allow it, with a line for each: pulumi config set --path "
        "'immich:otherDoors[0]' ADDRESS",
    )
    OTHER_ANSWERS = (
        "the answer is not what this program's site says: something in front of Caddy gave it, or another site",
        "Look for a tunnel's login, a firewall or a parked page in front of Caddy, and name Caddy's own address in "
        "immich:probeAddress to go past it; look for another site of the same name in Caddy. `pulumi up --refresh` "
        "puts a site right that came by the admin API, another value of caddy:redeliver one that is a file.",
    )
    STILL_IN = (
        "a phone that is switched off can still get in",
        "`pulumi up --refresh` takes its account out of the phones' group; look for another group of the account's "
        "that is bound. The outpost forgets a header after 60 seconds.",
    )
    TOKEN_MISSING = (
        "without AUTHENTIK_TOKEN Authentik cannot be asked",
        "Export AUTHENTIK_TOKEN; reading rights are enough.",
    )
    TOKEN_RIGHTS = (
        "the token in AUTHENTIK_TOKEN is wrong, or lacks a right",
        "Give it the rights that docs/security.md lists.",
    )
    AUTHENTIK_UNREACHABLE = (
        "Authentik's API does not respond as expected",
        "Check that Authentik runs, and authentik:url.",
    )
    CADDY_UNREACHABLE = (
        "Caddy's admin API does not respond as expected",
        "Check caddy:admin, and run this on a machine that can reach it.",
    )
    UNEXPLAINED = (
        "the answer is not the expected one, and nothing that can be seen from here explains it",
        "Look into the logs of Caddy, the outpost and Authentik at the time of this run.",
    )

    def __init__(self, text: str, remedy: str) -> None:
        self.text, self.remedy = text, remedy

    @property
    def blocks(self) -> bool:
        """Whether it alone keeps the phone out."""
        return self not in _HARMLESS


_HARMLESS = frozenset(
    {
        *(Finding.OUTPOST_HOST, Finding.OUTPOST_SILENT, Finding.ACCOUNT_EXTRA_GROUPS, Finding.PASSWORD_EXPIRES_SOON),
        *(Finding.PEOPLE_NOT_BOUND, Finding.BINDINGS_OF_OTHERS, Finding.MEMBERS_OF_OTHERS, Finding.PASSWORDS_OF_OTHERS),
        *(Finding.PROVIDER_OPENED, Finding.GROUP_RIGHTS, Finding.OTHER_DOORS),
        *(Finding.TOKEN_MISSING, Finding.TOKEN_RIGHTS, Finding.AUTHENTIK_UNREACHABLE, Finding.CADDY_UNREACHABLE),
    }
)
