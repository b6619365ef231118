"""The site that Caddy serves: `immich:url` and what else its Caddyfile is made of, read and checked. Pure."""

from components.settings.reader import Reader
from providers.caddy.rules import file_path, network, open_path, origin, proxies, upstream_url, web_origin
from providers.caddy.site import Site


def read_site(read: Reader, account: str, authentik_url: str) -> Site:
    """The site of the accounts that account begins. authentik_url: where the outpost is, unless it is elsewhere."""
    outpost = read.text("immich:outpostUrl", rule=upstream_url, default=authentik_url)
    outpost_ca = read.optional("immich:outpostCa", rule=file_path)
    if outpost_ca and not outpost.lower().startswith("https://"):
        read.wrong(
            "immich:outpostCa", "expected an outpost over https://, for otherwise there is no certificate to check"
        )
        outpost_ca = ""
    url = read.text("immich:url", rule=web_origin, example="https://photos.example.org").lower()
    immich = read.text("immich:upstream", rule=upstream_url, example="http://localhost:2283")
    immich_ca = read.optional("immich:upstreamCa", rule=file_path)
    if immich_ca and not immich.lower().startswith("https://"):
        read.wrong("immich:upstreamCa", "expected immich:upstream over https://, for otherwise there is no certificate")
        immich_ca = ""
    shares = read.optional("immich:sharesUpstream", rule=upstream_url)
    if shares and origin(shares) in (origin(immich), origin(outpost)):
        read.wrong("immich:sharesUpstream", "expected a server of its own, got Immich's or the outpost's")
        shares = ""
    return Site(
        account=account,
        url=url,
        immich=immich,
        outpost=outpost,
        immich_ca=immich_ca,
        outpost_ca=outpost_ca,
        open_paths=read.texts("immich:openPaths", rule=open_path),
        shares=shares,
        basic_networks=read.texts("immich:basicNetworks", rule=network),
        trusted_proxies=read.texts("immich:trustedProxies", rule=proxies),
        inside=read.flag("immich:insideSite"),
        in_handle=read.flag("immich:insideHandle"),
        access_log=read.flag("immich:accessLog"),
    )
