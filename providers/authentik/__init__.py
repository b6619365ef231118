"""Authentik's objects as Pulumi resources, a file for each kind."""
