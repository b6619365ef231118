"""A stand-in for Immich's server: its web interface as a phone and Immich's own npm client use it, on loopback only."""

from lab.immich.server import Settings, StandIn

__all__ = ["Settings", "StandIn"]
