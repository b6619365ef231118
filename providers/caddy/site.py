"""Site: what Caddy is to do for one Immich, and its Caddyfile. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

OUTPOST_PATH = "/outpost.goauthentik.io"
"""Where an Authentik outpost answers on every host."""

_HOST = r"[A-Za-z0-9](?:[-A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"(?:{_HOST}\.)*{_HOST}")
_UPSTREAM_HOST = re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")

# A refused phone gets Immich's own form of an error. No WWW-Authenticate: no browser shall ask for a password.
_UNAUTHORIZED = (
    '{"message":"The proxy refused the Authorization header of this app","error":"Unauthorized","statusCode":401}'
)


@dataclass(frozen=True)
class Site:
    """One Immich behind forward auth.

    url: what browsers and phones call, https://host[:port]. immich, outpost: where Caddy reaches the two,
    http(s)://host[:port]. Raises ValueError that names the attribute and what it expected.
    """

    url: str
    immich: str
    outpost: str

    def __post_init__(self) -> None:
        for name, rule in (("url", web_origin), ("immich", upstream_url), ("outpost", upstream_url)):
            if expected := rule(getattr(self, name)):
                raise ValueError(f"{name}: {expected}")

    @property
    def host(self) -> str:
        """The host name, in lower case."""
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def port(self) -> int:
        """The port that Caddy serves it on."""
        return urlsplit(self.url).port or 443


def render(site: Site) -> str:
    """The site as `caddy fmt` would write it.

    Basic is asked about and ends here, in any letter case; anything else goes the browser's way. What a Basic request
    earns (a session cookie, identity headers) never leaves Caddy, and a client's own identity headers never pass.
    """
    url, immich, outpost = site.url.lower(), site.immich.lower(), site.outpost.lower()
    return f"""\
{url} {{
	route {{
		request_header -X-Authentik-*
		request_header {OUTPOST_PATH}/* -Authorization
		reverse_proxy {OUTPOST_PATH}/* {outpost}{_block(_host_of(outpost), 2)}
		@basic header_regexp Authorization (?i)^\\s*basic(\\s|$)
		handle @basic {{
			reverse_proxy {outpost} {{
				method GET
				rewrite {OUTPOST_PATH}/auth/caddy
{_lines(_host_of(outpost), 4)}\
				header_up X-Forwarded-Method {{method}}
				header_up X-Forwarded-Uri {{uri}}
				header_up -Cookie
				header_up -Connection
				header_up -Upgrade
				@good status 2xx
				handle_response @good {{
					request_header -Authorization
				}}
				@refused status 3xx 401 403
				handle_response @refused {{
					header Content-Type application/json
					respond `{_UNAUTHORIZED}` 401
				}}
			}}
		}}
		handle {{
			forward_auth {outpost} {{
				uri {OUTPOST_PATH}/auth/caddy
{_lines(_host_of(outpost), 4)}\
			}}
		}}
		reverse_proxy {immich} {{
{_lines(_host_of(immich), 3)}\
			stream_close_delay 5m
		}}
	}}
}}
"""


def _host_of(upstream: str) -> list[str]:
    """An upstream over TLS is asked for by its own name; the outpost goes by X-Forwarded-Host all the same."""
    return ["header_up Host {upstream_hostport}"] if upstream.startswith("https://") else []


def _lines(lines: list[str], depth: int) -> str:
    return "".join("\t" * depth + line + "\n" for line in lines)


def _block(lines: list[str], depth: int) -> str:
    return f" {{\n{_lines(lines, depth + 1)}{chr(9) * depth}}}" if lines else ""


def web_origin(value: str) -> str | None:
    """A rule: https://host[:port], what browsers and phones call. Answers what was expected, or None."""
    expected = "expected https://host or https://host:port, such as https://photos.example.org"
    host = _host_in(value)
    if host is None or not value.lower().startswith("https://") or not _HOST_NAME.fullmatch(host) or len(host) > 253:
        return f"{expected}; no user, path, query or slash at the end"
    if value.endswith(":443"):
        return f"{expected}; without :443, which browsers leave out, so that the outpost would not know the host"
    return None


def upstream_url(value: str) -> str | None:
    """A rule: http(s)://host[:port], where Caddy reaches a server. Answers what was expected, or None."""
    host = _host_in(value)
    if host is None or not _UPSTREAM_HOST.fullmatch(host):
        return "expected http(s)://host or http(s)://host:port; no user, path, query or slash at the end"
    return None


def _host_in(value: str) -> str | None:
    """The host of http(s)://host[:port], or None if value is anything else."""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if not value.isascii() or (parts.scheme, port) in (("http", 443), ("https", 80)):
        return None  # the Kelvin sign is a k in lower case; the ports Caddy would refuse
    bare = f"[{host}]" if ":" in host else host
    whole = f"{parts.scheme}://{bare}" + (f":{port}" if port is not None else "")
    return bare if parts.scheme in ("http", "https") and host and port != 0 and value.lower() == whole else None
