"""What each setting `immich:*` is: README and Pulumi.yaml have their tables from here (`make docs`). Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from components.arguments import Phone
from components.settings.caddy_options import CADDY, HOST
from providers.access.immich_answers import ANSWERS
from providers.arguments import Across, Arguments, Object
from providers.authentik.model.rules import slug
from providers.caddy.delivery import CONTAINERS
from providers.caddy.rules import SOCKET, door, is_host, upstream_url
from providers.caddy.site import SITE, over_tls, server_of_its_own
from providers.fields import Boolean, Field, Integer, Json, ListOf, Text, is_uuid

NAME: Final = 255
"""Characters at most of a name that people read."""
SLUG: Final = 50
"""Characters at most of a slug, as of Authentik's."""
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Of no width, or turning the direction of writing: with them two names look alike that are not."""


def visible(value: str) -> str | None:
    """A text of which all can be seen."""
    hidden = _INVISIBLE.search(value)
    return f"expected no invisible characters, got U+{ord(hidden[0]):04X}" if hidden else None


def _group(value: str) -> str | None:
    return "expected a group's name, not its primary key" if is_uuid(value) else visible(value)


def _host_and_port(value: str) -> str | None:
    host, _, port = value.rpartition(":")
    if re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65536 and is_host(host):
        return None
    return "expected host:port, such as 192.0.2.7:443 or [2001:db8::7]:443"


def _name(doc: str, default: str) -> Text:
    return Text(doc=doc, default=default, blank=False, max_length=NAME, rule=visible)


def _slug(doc: str, default: str) -> Text:
    return Text(doc=doc, default=default, max_length=SLUG, rule=slug)


def _of_site(name: str, doc: str, **more: Any) -> Field:
    return replace(SITE.fields[name], doc=doc, **more)


_PHONES = ListOf(
    item=Object(arguments=Arguments(word="phone", args=Phone), title="name", example="name: anna"),
    default=[{"name": "phone"}],
    doc="The phones: each a name and, where they are needed, generation (1, 2, …; a higher one is a new password), "
    "overlap (true keeps the former password valid, too), expires (such as 2031-01-01T00:00:00Z; never if left out) "
    "and note (the operator's own words).",
)

IMMICH: Final[dict[str, Field]] = {
    "url": _of_site(
        "url",
        "What browsers and phones call, such as https://photos.example.org. Required.",
        example="https://photos.example.org",
    ),
    "peopleGroups": ListOf(
        item=Text(blank=False, max_length=NAME, rule=_group),
        doc="The groups in Authentik whose people may enter Immich. Required, because with the phones' group bound and "
        "no other the family is locked out; [] means just that.",
        example="family",
    ),
    "upstream": _of_site("immich", "Where Caddy reaches Immich.", default="http://localhost:2283"),
    "upstreamCa": _of_site(
        "immich_ca",
        "Path on Caddy's host of the certificates (PEM) that Immich's own is checked against, where immich:upstream is "
        "https://; the system's if empty.",
        default="",
    ),
    "outpostUrl": _of_site("outpost", "Where Caddy reaches the outpost; authentik:url if empty.", default=""),
    "outpostCa": _of_site(
        "outpost_ca",
        "Path on Caddy's host of the certificates (PEM) that the outpost's own is checked against; the system's if "
        "empty.",
        default="",
    ),
    "openPaths": _of_site(
        "open_paths",
        "Paths of Immich's that everybody may read, such as /api/oauth/mobile-redirect and /.well-known/immich; each "
        "matches only itself.",
        default=[],
    ),
    "sharesUpstream": _of_site(
        "shares",
        "Where Caddy reaches immich-public-proxy, which serves public share links (/share, /s) to everybody; none if "
        "empty.",
        default="",
    ),
    "basicNetworks": _of_site(
        "basic_networks",
        "The networks that phones may come from (CIDR, or private_ranges); anywhere if empty. Browsers are not "
        "affected.",
        default=[],
    ),
    "trustedProxies": _of_site(
        "trusted_proxies",
        "The networks of what stands in front of Caddy (CIDR, or private_ranges), whose X-Forwarded-For is passed on.",
        default=[],
    ),
    "otherDoors": ListOf(
        item=Text(rule=door),
        most=100,
        default=[],
        doc="Addresses (host:port) at which Caddy may serve Immich, or its name, without the forward auth, such as "
        "photos.lan:8080; any other is refused by name.",
    ),
    "accessLog": _of_site(
        "access_log",
        "Whether Caddy logs the site's requests, without passwords, tokens and cookies; only with caddy:delivery file "
        "or ssh.",
        default=True,
    ),
    "insideSite": _of_site(
        "inside",
        "Whether the file has only the directives, to be imported inside your own site block.",
        default=False,
    ),
    "insideHandle": _of_site(
        "in_handle",
        "Whether the file fits into a handle of your own site, such as one for *.example.org; without access log and "
        "error pages.",
        default=False,
    ),
    "phones": _PHONES,
    "enabled": Boolean(default=True, doc="false switches every phone off."),
    "adopt": Boolean(
        default=False,
        doc="Take over what was made by hand under the same names; destroy restores it, except for the service "
        "account, which is created again and then deleted.",
    ),
    "isolation": Text(
        choices=("report", "close"),
        default="report",
        doc="report says what the phones may enter besides Immich; close also shuts them out of applications that "
        "nothing is bound to.",
    ),
    "serviceAccount": _of_site(
        "account",
        "The account of the phone named phone; another phone's is this, a hyphen and its name.",
        default="immich-mobile-service",
    ),
    "phonesGroup": _name("The group that the phones' accounts are in.", "immich-mobile-users"),
    "application": _slug("The application's slug.", "immich"),
    "applicationName": _name("The application's name.", "Immich"),
    "providerName": _name("The proxy provider's name.", "Immich Forward Auth"),
    "authorizationFlow": _slug(
        "The slug of the flow that lets a person into the application.",
        "default-provider-authorization-implicit-consent",
    ),
    "invalidationFlow": _slug(
        "The slug of the flow that logs a person out of it.", "default-provider-invalidation-flow"
    ),
    "authentikUrl": Text(
        rule=upstream_url,
        default="",
        doc="Where browsers and Immich reach Authentik, for Immich's own login; authentik:url if empty.",
    ),
    "login": Boolean(default=False, doc="true makes the OAuth2 provider and application of Immich's own login."),
    "loginApplication": _slug("The slug of the login's application, which stands in its issuer's URL.", "immich-login"),
    "loginName": _name("The name of the login's application and provider.", "Immich Login"),
    "loginCertificate": _name(
        "The name of the certificate in Authentik whose RSA key signs the login's tokens.",
        "authentik Self-signed Certificate",
    ),
    "loginMobileOverride": Boolean(
        default=False,
        doc="true sends the app back by /api/oauth/mobile-redirect of immich:url instead of "
        "app.immich:///oauth-callback.",
    ),
    "outpost": _name("The name of the outpost that Caddy asks.", "authentik Embedded Outpost"),
    "verify": Boolean(
        default=True,
        doc="Prove after every change that each phone gets through and nothing else does; false turns it off.",
    ),
    "probeAddress": Text(
        rule=_host_and_port,
        default="",
        doc="host:port to ask in place of what DNS says of immich:url, for the proof and the doctor.",
    ),
    "probeCa": Text(
        rule=visible,
        default="",
        doc="The path of a PEM file, the CA that they trust for immich:url; the system's if empty.",
    ),
    "timeoutPercent": Integer(
        minimum=1,
        maximum=1000,
        default=100,
        doc="Scales all timeouts of calls to Authentik's and Caddy's APIs, in percent; 300 for slow servers.",
    ),
}


def _guarded(open_paths: Sequence[str]) -> str | None:
    opened = set(ANSWERS) <= set(open_paths)
    return f"expected one of {' and '.join(ANSWERS)} to stay guarded, for the proof" if opened else None


def _one_account_each(items: Sequence[dict[str, Any]], base: str) -> str | None:
    phones = [Phone(**item) for item in items]
    usernames = [each.username(base) for phone in phones for each in (phone, phone.former) if each]
    repeated = sorted({name for name in usernames if usernames.count(name) > 1})
    return f"expected one account for each phone, got {', '.join(repeated)} twice" if repeated else None


def _of_people(people: Sequence[str], phones: str) -> str | None:
    return "expected groups of people, got the phones' own group among them" if phones in people else None


def _closed_login(login: bool, people: Sequence[str]) -> str | None:
    opened = login and not people
    return "expected a group in immich:peopleGroups: without one everybody could log in" if opened else None


def _another(login: str, application: str) -> str | None:
    return "expected another slug than that of immich:application" if login == application else None


def _has_file(inside: bool, delivery: str) -> str | None:
    if inside and delivery == "admin":
        return "expected false, because caddy:delivery admin has no file to import"
    return None


def _hosts(hosts: Sequence[Json], delivery: str) -> str | None:
    missing = delivery == "ssh" and not hosts
    return "expected hosts such as [{host: proxy.example.org, hostKey: …}], got none" if missing else None


_OF_CADDY = ("commands", "composeFile", "envFile", "admin", "validate", "reload")


def _of_each_caddy(blamed: str, rule: Callable[[dict[str, Any], str], str | None]) -> Across:
    """A rule across the options of each Caddy that a file goes to. rule: takes also which host it is, in words."""

    def across(delivery: str, hosts: Sequence[dict[str, Any]], *shared: Json) -> str | None:
        for own in hosts if delivery == "ssh" else [{}] if delivery == "file" else []:
            said = {name: value for name, value in own.items() if value is not None}
            where = f" for {HOST.word} {own['host']!r}" if own else ""
            if expected := rule({**dict(zip(_OF_CADDY, shared, strict=True)), **said}, where):
                return expected
        return None

    return Across(blamed, tuple(f"caddy:{name}" for name in ("delivery", "hosts", *_OF_CADDY)), across)


def _compose_file(of: dict[str, Any], where: str) -> str | None:
    if of["commands"] == "docker-compose" and not of["composeFile"] and not (of["validate"] and of["reload"]):
        return f"is missing{where}; expected the path of the compose file on the host of Caddy"
    return None


def _no_env_file(of: dict[str, Any], where: str) -> str | None:
    if of["commands"] in CONTAINERS and of["envFile"]:
        return f"expected none{where} with caddy:commands {of['commands']}: a container has its variables itself"
    return None


def _no_socket(of: dict[str, Any], where: str) -> str | None:
    if of["commands"] in CONTAINERS and of["admin"].startswith(SOCKET):
        return f"expected http://…{where} with caddy:commands {of['commands']}: wget in it cannot ask a socket"
    return None


def _outpost_over_tls(ca: str, outpost: str, authentik: str) -> str | None:
    return over_tls(ca, outpost or authentik)


def _shares_of_its_own(shares: str, immich: str, outpost: str, authentik: str) -> str | None:
    return server_of_its_own(shares, immich, outpost or authentik)


_OUTPOST = ("immich:outpostUrl", "authentik:url")
_RULES = (
    Across("immich:upstreamCa", ("immich:upstreamCa", "immich:upstream"), over_tls),
    Across("immich:outpostCa", ("immich:outpostCa", *_OUTPOST), _outpost_over_tls),
    Across("immich:sharesUpstream", ("immich:sharesUpstream", "immich:upstream", *_OUTPOST), _shares_of_its_own),
    *(Across(each, (each, "caddy:delivery"), _has_file) for each in ("immich:insideSite", "immich:insideHandle")),
    Across("immich:openPaths", ("immich:openPaths",), _guarded),
    Across("immich:phones", ("immich:phones", "immich:serviceAccount"), _one_account_each),
    Across("immich:peopleGroups", ("immich:peopleGroups", "immich:phonesGroup"), _of_people),
    Across("immich:login", ("immich:login", "immich:peopleGroups"), _closed_login),
    Across("immich:loginApplication", ("immich:loginApplication", "immich:application"), _another),
    Across("caddy:hosts", ("caddy:hosts", "caddy:delivery"), _hosts),
    _of_each_caddy("caddy:composeFile", _compose_file),
    _of_each_caddy("caddy:envFile", _no_env_file),
    _of_each_caddy("caddy:admin", _no_socket),
)

SETTINGS: Final = Arguments(
    word="stack",
    args={
        "authentik:url": Text(
            rule=upstream_url,
            doc="Authentik's own address, to which the token goes. Required.",
            example="https://auth.example.org",
        ),
        **{f"immich:{name}": each for name, each in IMMICH.items()},
        **{f"caddy:{name}": each for name, each in CADDY.items()},
    },
    rules=_RULES,
)
"""Every setting that the program reads, by namespace:name; the providers read authentik:token for themselves."""
