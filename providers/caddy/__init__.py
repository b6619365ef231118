"""The site that Caddy serves, and how it gets there."""
