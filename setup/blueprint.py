"""An Authentik blueprint of a role with the rights, its group, a service account in it, and the account's API token.

Authentik makes the key, so the blueprint holds no secret. Pure.
"""

from collections.abc import Iterable
from typing import Final

NAME: Final = "immich-pulumi"
"""What role, group, account and token are called, unless said otherwise."""


def blueprint(rights: Iterable[str], name: str = NAME) -> str:
    """The blueprint as YAML. name: letters, digits, hyphens and underscores."""
    permissions = "\n".join(f"        - {right}" for right in rights)
    return f"""\
version: 1
metadata:
  name: {name}
entries:
  - model: authentik_rbac.role
    id: role
    identifiers:
      name: {name}
    attrs:
      permissions:
{permissions}
  - model: authentik_core.group
    id: group
    identifiers:
      name: {name}
    attrs:
      roles:
        - !KeyOf role
  - model: authentik_core.user
    id: user
    identifiers:
      username: {name}
    attrs:
      name: {name}
      type: service_account
      path: goauthentik.io/service-accounts
      groups:
        - !KeyOf group
  - model: authentik_core.token
    identifiers:
      identifier: {name}
    attrs:
      user: !KeyOf user
      intent: api
      expiring: false
"""
