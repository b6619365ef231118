"""Make the program's own token in Authentik, by a blueprint that a superuser's token applies once."""

import time
from collections.abc import Callable, Collection
from typing import Any

from providers.authentik.api.client import Client
from providers.authentik.api.errors import AuthentikError, Call, NotFound
from providers.authentik.api.queries import is_superuser
from providers.authentik.model.lookups import GROUP, ROLE, USER
from setup.blueprint import blueprint

BLUEPRINTS = "/managed/blueprints/"
APPLYING = 600.0
"""Seconds for a worker of Authentik to apply a blueprint: 2 to 20, and over 120 where it was behind with other work."""
SAID_AFTER = 15.0
"""Seconds after which the wait is explained."""
PAUSE = 1.0
_SUPERUSER = "a superuser's token"


def make_token(client: Client, wanted: Collection[str], name: str, say: Callable[[str], None]) -> str:
    """The key of the token of that name, or "" if it existed and only its rights were brought up to date.

    client: with a superuser's token. wanted: rights as app.codename. say: takes a line of progress. Raises
    AuthentikError, before anything is written where something else has the name.
    """
    if not is_superuser(client):
        raise AuthentikError(
            "cannot create the token: the token that was given is not a superuser's. Create one in Authentik as an "
            "administrator (Directory, Tokens and App passwords, intent API), and delete it afterwards."
        )
    existed = _exists(client, name)
    known = _known(client, wanted)
    for right in wanted:
        if right not in known:
            say(f"this version of Authentik has no right {right}, so it is left out")
    _apply(client, blueprint(known, name), name, say)
    if existed:
        return ""
    viewing = Call(f"read the key of token {name!r}", _SUPERUSER)
    return str(client.get(f"/core/tokens/{name}/view_key/", viewing)["key"])


def _exists(client: Client, name: str) -> bool:
    """Whether an earlier run made the token. Raises AuthentikError where the name is in use for something else."""
    found: dict[str, dict[str, Any] | None] = {}
    for lookup in (ROLE, GROUP, USER):
        ((parameter, field),) = lookup.by
        listed = client.find(lookup.path, {parameter: name}, _call(lookup.what, name))
        found[lookup.what] = next((each for each in listed if each[field] == name), None)
    try:
        found["token"] = client.get(f"/core/tokens/{name}/", _call("token", name))
    except NotFound:
        found["token"] = None
    there = [what for what, each in found.items() if each is not None]
    user, token = found["user"] or {}, found["token"] or {}
    ours = (
        token.get("intent") == "api" and token.get("user") == user.get("pk") and user.get("type") == "service_account"
    )
    made = ours and len(there) == len(found)
    if there and not made:
        raise AuthentikError(
            f"cannot create the token: Authentik already has the {', '.join(there)} {name!r}, and not the rest of what "
            "an earlier run would have made. Nothing was written. Delete it, or choose another name with --name."
        )
    return made


def _known(client: Client, wanted: Collection[str]) -> list[str]:
    """The rights among those wanted that this version of Authentik has: an unknown one fails a whole blueprint."""
    listed = client.find("/rbac/permissions/", {}, Call("list the rights of this version of Authentik", _SUPERUSER))
    every = {f"{each['app_label']}.{each['codename']}" for each in listed}
    return [right for right in wanted if right in every]


def _apply(client: Client, content: str, name: str, say: Callable[[str], None]) -> None:
    """Apply a blueprint and remove it again: what it made stays."""
    doing = f"apply the blueprint {name!r}"
    call = Call(doing, _SUPERUSER)
    made = client.post(BLUEPRINTS, {"name": name, "content": content, "enabled": True}, call)
    path = f"{BLUEPRINTS}{made['pk']}/"
    try:
        client.post(f"{path}apply/", {}, call)
        bound = client.policy.scaled(APPLYING)
        began, explained = time.monotonic(), False
        while (status := client.get(path, call)["status"]) not in ("successful", "error", "warning"):
            waited = time.monotonic() - began
            if waited > client.policy.scaled(SAID_AFTER) and not explained:
                explained = True
                say(f"waiting up to {bound:.0f} seconds for Authentik's worker, which does its other tasks first")
            if waited > bound:
                raise AuthentikError(
                    f"cannot {doing}: Authentik has not applied it within {bound:.0f} seconds. Check that its worker "
                    "runs, and run the command again."
                )
            time.sleep(PAUSE)
        if status != "successful":
            raise AuthentikError(f"cannot {doing}: Authentik ended with {status!r}. Look into its worker's log.")
    finally:
        client.delete(path, Call(f"delete the blueprint {name!r}", _SUPERUSER))


def _call(what: str, name: str) -> Call:
    return Call(f"look for {what} {name!r}", _SUPERUSER)
