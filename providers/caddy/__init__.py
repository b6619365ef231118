"""The site that Caddy serves, and how it gets there."""

from providers.caddy.config import CaddyConfig
from providers.caddy.site import Site, render, render_file

__all__ = ["CaddyConfig", "Site", "render", "render_file"]
