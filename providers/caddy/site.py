"""Site: what Caddy is to do for one Immich, and its Caddyfile. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from providers.caddy.rules import file_path, network, open_path, owner, proxies, upstream_url, web_origin

OUTPOST_PATH = "/outpost.goauthentik.io"
"""Where an Authentik outpost answers on every host."""

SHARES_PATHS = ("/share", "/share/*", "/s/*")
"""What immich-public-proxy serves: https://github.com/alangrainger/immich-public-proxy."""

MARK = "X-Immich-Access"
"""The response header of every answer that the site gives itself: 403 is also Immich's word, and a firewall's."""
REFUSED, HEADER_MISSING, LOGIN, NOT_ASKED, FAILED = "refused", "header-missing", "login", "not-asked", "failed"
"""Its values: a header is refused; an app sent none; a browser goes to the login page; the outpost gave no answer that
decides; Caddy could not serve the request."""

# Immich's own form of an error. Never 401: on it the app logs its user out and clears its library.
_ERROR = '{{"message":"{}","error":"{}","statusCode":{}}}'
_REFUSED = _ERROR.format("The proxy refused the Authorization header of this app", "Forbidden", 403)
_HEADER_MISSING = _ERROR.format(
    "The proxy needs the header Authorization from this app: add it to its custom proxy headers", "Forbidden", 403
)
_NOT_ASKED = _ERROR.format("The proxy could not ask whether this app may pass", "Bad Gateway", 502)
_FAILED = _ERROR.format("The proxy could not serve this request", "{err.status_text}", "{err.status_code}")

# Caddy matches a path in lower case without its dots, doubled slashes and escapes, but passes it on as it came: what
# two servers may read in two ways is never open. The last one is the Kelvin sign, a k in lower case.
_PLAIN_PATH = r"not vars_regexp {uri} (?i)^[^?]*(//|/\.\.?([/?]|$)|%2[ef]|%5c|\\|%e2%84%aa)"

# The app's user agents; and what asks the API, unless it says that it is a browser: old ones send no Sec-Fetch-Mode.
_APP = (
    "expression `header_regexp('User-Agent', '^(Immich_|immich-android/|Dart/|Dalvik/)') || "
    "(path('/api/*', '/.well-known/immich') && !path('/api/oauth/mobile-redirect') && "
    "!header({'Sec-Fetch-Mode': '*'}) && !header({'User-Agent': 'Mozilla/*'}))`"
)

# What lets somebody in; Caddy itself redacts the first, and cookies, unless it is told not to.
_SECRET_HEADERS = (
    *("Authorization", "Cookie", "X-Api-Key", "X-Immich-Session-Token", "X-Immich-User-Token"),
    # A share's key, and the addresses that repeat a key or a login's code.
    *("X-Immich-Share-Key", "X-Immich-Share-Slug", "Referer"),
)
# rd: where a login comes back to, a whole address.
_SECRET_PARAMETERS = ("apiKey", "code", "key", "password", "rd", "sessionKey", "slug", "state", "token")
# A share link has its key in the path. One pattern for both: Caddy takes one filter for a field.
_SECRET_URI = rf"(?i)(/(?:share|s)/)[^?]*|([?&](?:{'|'.join(_SECRET_PARAMETERS)})=)[^&]*"

_RULES: Mapping[str, Callable[[str], str | None]] = {
    "url": web_origin,
    "immich": upstream_url,
    "outpost": upstream_url,
    "outpost_ca": file_path,
    "open_paths": open_path,
    "shares": upstream_url,
    "basic_networks": network,
    "trusted_proxies": proxies,
}
_OPTIONAL = ("outpost_ca", "shares")


@dataclass(frozen=True)
class Site:
    """One Immich behind forward auth.

    url: what browsers and phones call, https://host[:port]. immich, outpost, shares: where Caddy reaches Immich, the
    outpost, and (if any) what serves public share links, http(s)://host[:port]. outpost_ca: path on Caddy's host of the
    certificates (PEM) that the outpost's is checked against; the system's if empty. open_paths: paths of Immich's that
    everybody may read. basic_networks: where Basic may come from; anywhere if empty. trusted_proxies: what stands in
    front of Caddy, whose X-Forwarded-For is believed. inside: the file has the directives alone, for a site block of
    the operator's own. access_log: the file has an access log, without what lets somebody in.

    Raises ValueError that names the attribute and what it expected.
    """

    url: str
    immich: str
    outpost: str
    outpost_ca: str = ""
    open_paths: tuple[str, ...] = ()
    shares: str = ""
    basic_networks: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    inside: bool = False
    access_log: bool = True

    def __post_init__(self) -> None:
        for name, rule in _RULES.items():
            given: str | tuple[str, ...] = getattr(self, name)
            for value in (given,) if isinstance(given, str) else given:
                expected = rule(value)
                if expected and (value or name not in _OPTIONAL):
                    raise ValueError(f"{name}: {expected}")
        if self.outpost_ca and not self.outpost.lower().startswith("https://"):
            raise ValueError("outpost_ca: expected an outpost over https://, for there is no certificate to check")

    @property
    def host(self) -> str:
        """The host name, in lower case."""
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def port(self) -> int:
        """The port that Caddy serves it on."""
        return urlsplit(self.url).port or 443


def render(site: Site) -> str:
    """The site as `caddy fmt` would write it, for the admin API, which has no place for an access log.

    Basic is asked about and ends here, in any letter case; anything else goes the browser's way. What a Basic request
    earns (a session cookie, identity headers) never leaves Caddy, and a client's own identity headers never pass.
    """
    return _formatted([f"{site.url.lower()} {{", *_route(site), "", *_errors(), "}"])


def render_file(site: Site, written_by: str) -> str:
    """The same as a file that the operator's Caddyfile imports. written_by: project/stack, for the file's header."""
    if expected := owner(written_by):
        raise ValueError(f"written_by: {expected}")
    where = "inside a site block of yours" if site.inside else "at its top level"
    header = [
        f"# Written by Pulumi ({written_by}): Immich at {site.url.lower()}.",
        "# A change by hand is undone by the next run of `pulumi up`; change the stack's settings instead.",
        f"# The Caddyfile imports it {where}.",
    ]
    log = [*_log(), ""] if site.access_log else []
    body = [*log, *_route(site), "", *_errors()]
    return _formatted([*header, *(body if site.inside else [f"{site.url.lower()} {{", *body, "}"])])


def _route(site: Site) -> list[str]:
    """Exactly one of the `handle` blocks runs; whom the last three let through goes on to Immich."""
    outpost, immich = site.outpost.lower(), site.immich.lower()
    return [
        "route {",
        *("request_header -X-Authentik*", "request_header -X_Authentik*", ""),
        *_matcher("outpost", f"path {OUTPOST_PATH}/*", _PLAIN_PATH),
        *_handle("outpost", "request_header -Authorization", *_proxy(outpost, _to_outpost(site))),
        *_shares(site),
        r"@basic header_regexp Authorization (?i)^\s*basic(\s|$)",
        *_open(site),
        *_elsewhere(site),
        *_handle("basic", *_ask_for_app(site)),
        f"@app {_APP}",
        *("handle {", f"forward_auth {outpost} {{", f"uri {OUTPOST_PATH}/auth/caddy", *_to_outpost(site)),
        *(*_without_header(), "}", "}"),
        # No timeout here: a phone may take hours for one upload, and Immich as long for an archive.
        *_proxy(immich, [*_named(immich), *_trusting(site), "stream_close_delay 5m"]),
        "}",
    ]


def _ask_for_app(site: Site) -> list[str]:
    """What forward_auth would do, but with an answer for an app instead of a login page."""
    return _proxy(
        site.outpost.lower(),
        [
            *("method GET", f"rewrite {OUTPOST_PATH}/auth/caddy", *_to_outpost(site)),
            *("header_up X-Forwarded-Method {method}", "header_up X-Forwarded-Uri {uri}"),
            *("header_up -Cookie", "header_up -Connection", "header_up -Upgrade"),
            *("@good status 2xx", "handle_response @good {", "request_header -Authorization", "}"),
            *("@refused status 3xx 401 403", "handle_response @refused {", *_answer(_REFUSED, "403", REFUSED), "}"),
            *("handle_response {", *_answer(_NOT_ASKED, "502", NOT_ASKED), "}"),
        ],
    )


def _without_header() -> list[str]:
    """Whom the outpost does not let in: an app gets an answer it can show, a browser the way to the login page."""
    return [
        *("@denied status 3xx 401 403", "handle_response @denied {"),
        *_handle("app", *_answer(_HEADER_MISSING, "403", HEADER_MISSING)),
        *("handle {", f"header {MARK} {LOGIN}", "copy_response", "}", "}"),
    ]


def _to_outpost(site: Site) -> list[str]:
    """The outpost is asked about this host and no other, whatever a trusted proxy lets through as X-Forwarded-Host."""
    outpost = site.outpost.lower()
    return [
        *_named(outpost),
        f"header_up X-Forwarded-Host {urlsplit(site.url).netloc.lower()}",
        "header_up X-Forwarded-Proto https",
        *_trusting(site),
        "transport http {",
        *([f"tls_trust_pool file {site.outpost_ca}"] if site.outpost_ca else []),
        "response_header_timeout 20s",
        "}",
    ]


def _shares(site: Site) -> list[str]:
    """Public share links go to a server of their own, with nothing that Immich or Authentik would let in."""
    if not site.shares:
        return []
    shares = site.shares.lower()
    sent = ["header_up -Authorization", "header_up -X-Api-Key", "header_up -X-Immich-*"]
    sent += [r'header_up Cookie "(?:immich_|authentik_)[^;]*;?\s*" ""', *_named(shares), *_trusting(site)]
    return [
        *_matcher("shares", f"path {' '.join(SHARES_PATHS)}", _PLAIN_PATH),
        *_handle("shares", *_proxy(shares, sent)),
    ]


def _open(site: Site) -> list[str]:
    if not site.open_paths:
        return []
    paths = f"path {' '.join(site.open_paths)}"
    return [
        *_matcher("open", "method GET HEAD", paths, _PLAIN_PATH),
        *_handle("open", "request_header @basic -Authorization"),
    ]


def _elsewhere(site: Site) -> list[str]:
    """Basic from another network than those allowed is answered as a wrong one is.

    So is one by way of a proxy that Caddy's own trusted_proxies do not name: its address would stand for everybody's.
    """
    if not site.basic_networks:
        return []
    basic = r"header_regexp Authorization (?i)^\s*basic(\s|$)"
    where = f"not client_ip {' '.join(site.basic_networks)}"
    masked = ["header X-Forwarded-For *", "vars {client_ip} {remote_host}"]
    return [
        *(*_matcher("elsewhere", basic, where), *_handle("elsewhere", *_answer(_REFUSED, "403", REFUSED))),
        *(*_matcher("masked", basic, *masked), *_handle("masked", *_answer(_REFUSED, "403", REFUSED))),
    ]


def _errors() -> list[str]:
    return ["handle_errors {", *_answer(_FAILED, "{err.status_code}", FAILED), "}"]


def _log() -> list[str]:
    headers = [f"request>headers>{name} delete" for name in _SECRET_HEADERS]
    return [
        "log {",
        "format filter {",
        *headers,
        "resp_headers>Set-Cookie delete",
        "resp_headers>Location delete",
        f"request>uri regexp {_SECRET_URI} ${{1}}${{2}}REDACTED",
        "}",
        "}",
    ]


def _answer(body: str, status: str, mark: str) -> list[str]:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", MARK: mark}
    return [*(f"header {name} {value}" for name, value in headers.items()), f"respond `{body}` {status}"]


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
