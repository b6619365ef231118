"""The site that Caddy serves: `immich:url` and what else its Caddyfile is made of, read and checked. Pure."""

from components.settings.reader import Reader
from providers.caddy.rules import file_path, network, open_path, proxies, upstream_url, web_origin
from providers.caddy.site import Site


def read_site(read: Reader, authentik_url: str) -> Site:
    """The site. authentik_url: where the outpost is, unless it is said to be elsewhere."""
    outpost = read.text("immich:outpostUrl", rule=upstream_url, default=authentik_url)
    outpost_ca = read.optional("immich:outpostCa", rule=file_path)
    if outpost_ca and not outpost.lower().startswith("https://"):
        read.wrong(
            "immich:outpostCa", "expected an outpost over https://, for otherwise there is no certificate to check"
        )
        outpost_ca = ""
    return Site(
        url=read.text("immich:url", rule=web_origin, example="https://photos.example.org").lower(),
        immich=read.text("immich:upstream", rule=upstream_url, example="http://localhost:2283"),
        outpost=outpost,
        outpost_ca=outpost_ca,
        open_paths=read.texts("immich:openPaths", rule=open_path),
        shares=read.optional("immich:sharesUpstream", rule=upstream_url),
        basic_networks=read.texts("immich:basicNetworks", rule=network),
        trusted_proxies=read.texts("immich:trustedProxies", rule=proxies),
        inside=read.flag("immich:insideSite"),
        access_log=read.flag("immich:accessLog"),
    )
