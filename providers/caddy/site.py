"""Site: what Caddy is to do for one Immich, and its Caddyfile. Pure."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from providers.arguments import Across, Arguments
from providers.caddy.credentials import credentials_of
from providers.caddy.rules import (
    account_name,
    file_path,
    network,
    open_path,
    origin,
    owner,
    proxies,
    upstream_url,
    web_origin,
)
from providers.fields import Boolean, ListOf, Text

LEAST_VERSION = "2.9.1"
"""Of Caddy: 2.6 does not know most of the site, and up to 2.8 `match` in `header` is the name of a header."""

OUTPOST_PATH = "/outpost.goauthentik.io"
"""Where an Authentik outpost answers on every host."""

VERDICT_HEADER = "X-Immich-Access"
"""The response header of every answer that the site gives itself: 403 is also Immich's word, and a firewall's."""
REFUSED, HEADER_MISSING, LOGIN, NOT_ASKED, FAILED = "refused", "header-missing", "login", "not-asked", "failed"
"""Its values: a header is refused; an app sent none; a browser goes to the login page; the outpost gave no answer that
decides; Caddy could not serve the request."""

# What a phone is told of each, in Immich's own form of an error, which its app can show. Never with the status 401:
# on that the app logs its user out and clears its library.
_SAID = {
    REFUSED: "The proxy refused the Authorization header of this app",
    HEADER_MISSING: "The proxy needs the header Authorization from this app: add it to its custom proxy headers",
    NOT_ASKED: "The proxy could not ask whether this app may pass",
}
_FAILED = "The proxy could not serve this request"
_ANSWER_HEADERS = ("header Content-Type application/json", "header Cache-Control no-store")
_ERROR = '{"message":"{said}","error":"{err.status_text}","statusCode":{err.status_code}}'

# A path goes past the question only where every server reads it alike: plain letters, and bytes beyond ASCII.
_LETTER = r"(?:[-\w~]|%(?:20|[89a-fA-F][0-9a-fA-F]))"
_SEGMENT = rf"/\.?{_LETTER}(?:\.*{_LETTER})*"
# What a browser needs of the outpost: never auth/*, which tells a page's scripts who is logged in.
_PAGES = r"/outpost\.goauthentik\.io/(?:start|callback|sign_out|static(?:/[-\w~][-\w.~]*)+)"
# What immich-public-proxy serves: https://github.com/alangrainger/immich-public-proxy.
_SHARED = rf"/(?:share|s{_SEGMENT})(?:{_SEGMENT})*/?"

# The app's user agents; and what asks the API, unless it says that it is a browser: old ones send no Sec-Fetch-Mode.
_APP = (
    "expression `header_regexp('User-Agent', '^(Immich_|immich-android/|Dart/|Dalvik/)') || "
    "(path('/api/*', '/.well-known/immich') && !path('/api/oauth/mobile-redirect') && "
    "!header({'Sec-Fetch-Mode': '*'}) && !header({'User-Agent': 'Mozilla/*'}))`"
)

# rd: where a login comes back to, a whole address.
_SECRET_PARAMETERS = ("apiKey", "code", "key", "password", "rd", "sessionKey", "slug", "state", "token")
# A share link has its key in the path. One pattern for both: Caddy takes one filter for a field.
_SECRET_URI = rf"(?i)(/(?:share|s)/)[^?]*|([?&](?:{'|'.join(_SECRET_PARAMETERS)})=)[^&]*"

_BASIC = r"header_regexp Authorization (?i)^\s*basic(\s|$)"
_NO_KEYS = ("header_up -X-Api-Key", "header_up -X-Immich-*")
_NO_COOKIES = r'header_up Cookie "(^|;\s*)(?:(?:{})[^;]*(?:;\s*|$))+" $1'
# Immich's keys are not for the outpost; and a Bearer made of a phone's header would open it.
_NOT_BROWSERS = ("header_up -Authorization", *_NO_KEYS, _NO_COOKIES.format("immich_"))
_NOT_PHONES = ("header_up -Cookie", *_NO_KEYS)
_UNDECIDED = (f"header {VERDICT_HEADER} {NOT_ASKED}", "copy_response")
_NO_VERDICT = f"header_down -{VERDICT_HEADER}"
_KEPT_FROM_IMMICH = (_NO_COOKIES.format("authentik_"), _NO_VERDICT)

_MOST = 100
"""Entries at most of a list, each of which every request is compared with."""


def _or_none(rule: Callable[[str], str | None]) -> Callable[[str], str | None]:
    return lambda value: rule(value) if value else None


def server_of_its_own(shares: str, immich: str, outpost: str) -> str | None:
    """Whether shares is neither Immich nor the outpost."""
    taken = shares and origin(shares) in (origin(immich), origin(outpost))
    return "expected a server of its own, got Immich's or the outpost's" if taken else None


def over_tls(ca: str, upstream: str) -> str | None:
    """Whether there is a certificate to check."""
    if ca and not upstream.lower().startswith("https://"):
        return "expected a server over https://, because otherwise there is no certificate to check"
    return None


@dataclass(frozen=True)
class Site:
    """One Immich behind forward auth.

    account: what the names of all the phones' accounts begin with: the header of any other is refused unasked.
    url: what browsers and phones call, https://host[:port]. immich, outpost, shares: where Caddy reaches Immich, the
    outpost, and (if any) what serves public share links, http(s)://host[:port]. immich_ca, outpost_ca: path on Caddy's
    host of the certificates (PEM) that Immich's, the outpost's is checked against; the system's if empty. open_paths:
    paths of Immich's that everybody may read. basic_networks: where Basic may come from; anywhere if empty.
    trusted_proxies: what stands in front of Caddy, whose X-Forwarded-For is believed. inside: the file has the
    directives alone, for a site block of the operator's own; in_handle: for a `handle` in one, where Caddy takes
    neither `log` nor `handle_errors`. access_log: the file has an access log, without what lets somebody in.

    Raises ValueError that names each attribute that is wrong and what it expected.
    """

    account: Annotated[str, Text(rule=account_name)]
    url: Annotated[str, Text(rule=web_origin)]
    immich: Annotated[str, Text(rule=upstream_url)]
    outpost: Annotated[str, Text(rule=upstream_url)]
    immich_ca: Annotated[str, Text(rule=_or_none(file_path))] = ""
    outpost_ca: Annotated[str, Text(rule=_or_none(file_path))] = ""
    open_paths: Annotated[tuple[str, ...], ListOf(item=Text(rule=open_path), most=_MOST)] = ()
    shares: Annotated[str, Text(rule=_or_none(upstream_url))] = ""
    basic_networks: Annotated[tuple[str, ...], ListOf(item=Text(rule=network), most=_MOST)] = ()
    trusted_proxies: Annotated[tuple[str, ...], ListOf(item=Text(rule=proxies), most=_MOST)] = ()
    inside: Annotated[bool, Boolean()] = False
    in_handle: Annotated[bool, Boolean()] = False
    access_log: Annotated[bool, Boolean()] = True

    def __post_init__(self) -> None:
        _, failures = SITE.check(vars(self))
        if failures:
            raise ValueError("; ".join(f"{name}: {expected}" for name, expected in failures))

    @property
    def host(self) -> str:
        """The host name, in lower case."""
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def port(self) -> int:
        """The port that Caddy serves it on."""
        return urlsplit(self.url).port or 443


SITE = Arguments(
    word="site",
    args=Site,
    rules=(
        Across("shares", ("shares", "immich", "outpost"), server_of_its_own),
        Across("immich_ca", ("immich_ca", "immich"), over_tls),
        Across("outpost_ca", ("outpost_ca", "outpost"), over_tls),
    ),
)


def render(site: Site) -> str:
    """The site as `caddy fmt` would write it, for the admin API, which has no place for an access log.

    Basic is asked about and ends here, in any letter case; anything else goes the browser's way. What a Basic request
    earns (a session cookie, identity headers) never leaves Caddy, and a client's own identity headers never pass.
    """
    return _formatted([f"{site.url.lower()} {{", *_route(site), *_errors(), "}"])


def render_file(site: Site, written_by: str) -> str:
    """The same as a file that the operator's Caddyfile imports. written_by: project/stack, for the file's header."""
    if expected := owner(written_by):
        raise ValueError(f"written_by: {expected}")
    where = "inside a site block of yours" if site.inside else "at its top level"
    where = "inside a handle in a site block of yours" if site.in_handle else where
    header = [
        f"# Written by Pulumi ({written_by}): Immich at {site.url.lower()}.",
        "# A change by hand is undone by the next run of `pulumi up`; change the stack's settings instead.",
        f"# The Caddyfile imports it {where}.",
    ]
    if site.in_handle:
        return _formatted([*header, *_route(site)])
    log = [*_log(), ""] if site.access_log else []
    body = [*log, *_route(site), *_errors()]
    return _formatted([*header, *(body if site.inside else [f"{site.url.lower()} {{", *body, "}"])])


def _route(site: Site) -> list[str]:
    """At most one of the `handle` blocks runs; whom it lets through goes on to Immich."""
    outpost, immich = site.outpost.lower(), site.immich.lower()
    # Whom the outpost does not let in: an app gets an answer it can show, a browser the way to the login page.
    to_login = [f"header {VERDICT_HEADER} {LOGIN}", *_answer(site, HEADER_MISSING, 403, "@app"), "copy_response"]
    return [
        "route {",
        # Where no handle_errors can say it, it stands there from the beginning, until a server answers.
        *((f"header {VERDICT_HEADER} {FAILED}",) if site.in_handle else ()),
        *("header {", "match status 1xx", "-Set-Cookie", "}"),  # before the last answer, too, nobody earns a session
        "request_header -*Authentik*",
        # Any other wish would be a pipe to all that Immich serves.
        "@pipe not vars_regexp {header.Upgrade} (?i)^(websocket)?$",
        "request_header @pipe -Upgrade",
        f"@outpost vars_regexp {{uri}} {_exactly(_PAGES)}",
        *_handle("outpost", *_answered(site), *_proxy(outpost, [*_to_outpost(site), *_NOT_BROWSERS, _NO_VERDICT])),
        *_shares(site),
        f"@basic {_BASIC}",
        # Of several headers, and of any other form, it is nobody's: the variable has all of them.
        f"@phone vars_regexp {{header.Authorization}} {credentials_of(site.account)}",
        *_open(site),
        *_elsewhere(site),
        *_handle("phone", *_ask_for_phone(site), "request_header -Authorization"),
        *_answer(site, REFUSED, 403, "@basic"),
        f"@app {_APP}",
        *("handle {", *_ask(site, _NOT_BROWSERS, denied=to_login, other=_UNDECIDED), "}"),
        *_answered(site),
        # No timeout here: a phone may take hours for one upload, and Immich as long for an archive.
        *_proxy(immich, [*_to_immich(site), *_KEPT_FROM_IMMICH, "stream_close_delay 5m"]),
        "}",
    ]


def _answer(site: Site, kind: str, status: int, matcher: str = "") -> list[str]:
    """End a request that matches with an answer of our own: by handle_errors where the site has it."""
    if not site.in_handle:
        return [" ".join(filter(None, ("error", matcher, kind, str(status))))]
    said = {"message": _SAID[kind], "error": HTTPStatus(status).phrase, "statusCode": status}
    body = json.dumps(said, separators=(",", ":"))
    answer = [*_ANSWER_HEADERS, f"header {VERDICT_HEADER} {kind}", f"respond `{body}` {status}"]
    return [f"handle {matcher} {{", *answer, "}"] if matcher else answer


def _answered(site: Site) -> list[str]:
    """What a server behind answers does not bear the mark; see the beginning of the route."""
    return [f"header -{VERDICT_HEADER}"] if site.in_handle else []


def _ask(site: Site, kept: Iterable[str], denied: Iterable[str], other: Iterable[str]) -> list[str]:
    """Ask the outpost. kept: what it does not see of the request; denied: what follows where it does not say yes;

    other: what follows where its answer is neither.
    """
    return [
        *(f"forward_auth {site.outpost.lower()} {{", f"uri {OUTPOST_PATH}/auth/caddy", *_to_outpost(site), *kept),
        *("@denied status 3xx 401 403", "handle_response @denied {", *denied, "}"),
        *("handle_response {", *other, "}", "}"),
    ]


def _ask_for_phone(site: Site) -> list[str]:
    """An outpost refuses everybody while Authentik's core is down; where that serves the outpost itself, it says so."""
    cannot_ask = _answer(site, NOT_ASKED, 502)
    # Asked by our own host's name, the outpost would answer.
    named = [f"header_up {header} {{upstream_hostport}}" for header in ("Host", "X-Forwarded-Host")]
    health = [
        *("method GET", "rewrite /-/health/ready/", *named, *_transport(site)),
        *("@down status 5xx", "handle_response @down {", *cannot_ask, "}"),
        *("handle_response {", *_answer(site, REFUSED, 403), "}"),
    ]
    return _ask(site, _NOT_PHONES, denied=_proxy(site.outpost.lower(), health), other=cannot_ask)


def _to_outpost(site: Site) -> list[str]:
    """The outpost is asked about this host and no other, whatever a trusted proxy lets through as X-Forwarded-Host."""
    return [
        *_named(site.outpost.lower()),
        f"header_up X-Forwarded-Host {urlsplit(site.url).netloc.lower()}",
        "header_up X-Forwarded-Proto https",
        *_trusting(site),
        *_transport(site),
    ]


def _transport(site: Site) -> list[str]:
    return ["transport http {", *_trusted(site.outpost_ca), "response_header_timeout 20s", "}"]


def _to_immich(site: Site) -> list[str]:
    transport = ["transport http {", *_trusted(site.immich_ca), "}"] if site.immich_ca else []
    return [*_named(site.immich.lower()), *_trusting(site), *transport]


def _trusted(ca: str) -> list[str]:
    return [f"tls_trust_pool file {ca}"] if ca else []


def _shares(site: Site) -> list[str]:
    """Public share links go to a server of their own, with nothing that Immich or Authentik would let in."""
    if not site.shares:
        return []
    shares = site.shares.lower()
    sent = ["header_up -Authorization", *_NO_KEYS]
    sent += [_NO_COOKIES.format("immich_|authentik_"), *_named(shares), *_trusting(site), _NO_VERDICT]
    return [
        f"@shares vars_regexp {{uri}} {_exactly(_SHARED)}",
        *_handle("shares", "request_header -Upgrade", *_answered(site), *_proxy(shares, sent)),
    ]


def _open(site: Site) -> list[str]:
    if not site.open_paths:
        return []
    paths = f"vars_regexp {{uri}} {_exactly('|'.join(map(re.escape, site.open_paths)))}"
    return [
        *_matcher("open", "method GET HEAD", paths),
        *_handle("open", "request_header @basic -Authorization", "request_header -Upgrade"),
    ]


def _elsewhere(site: Site) -> list[str]:
    """Basic from another network than those allowed is answered as a wrong one is.

    So is one that came by a proxy that Caddy does not trust, whose address would stand for everybody's, and one that
    names several addresses: unless Caddy is strict about it, the first of them counts, which anybody can write.
    """
    if not site.basic_networks:
        return []
    where = {
        "elsewhere": [f"not client_ip {' '.join(site.basic_networks)}"],
        "masked": ["header X-Forwarded-For *", "vars {client_ip} {remote_host}"],
        "several": ["vars_regexp {header.X-Forwarded-For} ,"],
    }
    return [
        line
        for name, conditions in where.items()
        for line in (*_matcher(name, _BASIC, *conditions), *_answer(site, REFUSED, 403, f"@{name}"))
    ]


def _errors() -> list[str]:
    return [
        "handle_errors {",
        "map {err.message} {access} {said} {",
        *(f'{kind} {kind} "{said}"' for kind, said in _SAID.items()),
        f'default {FAILED} "{_FAILED}"',
        "}",
        *(*_ANSWER_HEADERS, f"header {VERDICT_HEADER} {{access}}"),
        f"respond `{_ERROR}` {{err.status_code}}",
        "}",
    ]


def _log() -> list[str]:
    """Of a request's headers only the user agent: many let somebody in, and repeat what does."""
    return [
        *("log {", "format filter {", "request>headers delete"),
        *("resp_headers>Set-Cookie delete", "resp_headers>Location delete"),
        f"request>uri regexp {_SECRET_URI} ${{1}}${{2}}REDACTED",
        *("}", "}", "log_append user_agent {header.User-Agent}"),
    ]


def _exactly(path: str) -> str:
    """A pattern for the whole path of a request as it came."""
    return rf"^(?:{path})(?:\?|$)"


def _matcher(name: str, *conditions: str) -> list[str]:
    return [f"@{name} {{", *conditions, "}"]


def _handle(matcher: str, *steps: str) -> list[str]:
    return [f"handle @{matcher} {{", *steps, "}"]


def _proxy(upstream: str, options: list[str]) -> list[str]:
    return [f"reverse_proxy {upstream} {{", *options, "}"]


def _named(upstream: str) -> list[str]:
    """An upstream over TLS is asked for by its own name; the outpost goes by X-Forwarded-Host all the same."""
    return ["header_up Host {upstream_hostport}"] if upstream.startswith("https://") else []


def _trusting(site: Site) -> list[str]:
    return [f"trusted_proxies {' '.join(site.trusted_proxies)}"] if site.trusted_proxies else []


def _formatted(lines: Iterable[str]) -> str:
    """Indent by blocks, as `caddy fmt` does."""
    depth, text = 0, ""
    for line in lines:
        depth -= line == "}"
        text += "\t" * depth + line + "\n" if line else "\n"
        depth += line.endswith("{")
    return text
