"""The operator's part of a Caddyfile."""

from providers.caddy.delivery import Target


def import_line(target: Target) -> str:
    """The line that imports a target's file, as the documents have it and as the script asks for it."""
    return f"import {{${target.variable}:{target.import_path.rpartition('/')[0]}/*.caddy}}"
