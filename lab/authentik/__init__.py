"""A stand-in for Authentik: its API, its embedded outpost and its login, held to a recording of a real server."""

from lab.authentik.standin import StandIn

__all__ = ["StandIn"]
