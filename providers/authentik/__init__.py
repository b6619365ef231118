"""Authentik's objects as Pulumi resources."""

from providers.authentik.application import Application
from providers.authentik.exclusive_bindings import ExclusiveBindings
from providers.authentik.exclusive_members import ExclusiveMembers
from providers.authentik.group import Group
from providers.authentik.isolation import Isolation
from providers.authentik.oauth2_provider import OAuth2Provider
from providers.authentik.outpost_attachment import OutpostAttachment
from providers.authentik.policy_binding import PolicyBinding
from providers.authentik.proxy_provider import ProxyProvider
from providers.authentik.service_account import ServiceAccount
from providers.authentik.user import User

__all__ = [
    "Application",
    "ExclusiveBindings",
    "ExclusiveMembers",
    "Group",
    "Isolation",
    "OAuth2Provider",
    "OutpostAttachment",
    "PolicyBinding",
    "ProxyProvider",
    "ServiceAccount",
    "User",
]
