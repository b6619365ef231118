"""What the lab does in Authentik beside the program: people, a second application, and breaking things."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from setup.rights import RIGHTS

SETTLE = 1.0
"""Seconds within which others that read the outpost's list of providers before our write have written it."""


class Admin:
    """Authentik's API with a token that may do everything the lab needs. Raises requests.HTTPError.

    own: what the names of the lab's own objects have in them, beside which others may come and go; "" for any name.
    """

    def __init__(self, url: str, token: str, own: str = "") -> None:
        self._own = own
        self._base = f"{url}/api/v3"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._session.trust_env = False
        # A connection that stood idle may be closed by the server just as the next call goes out.
        self._session.headers["Connection"] = "close"

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> Any:
        """One call; the answer's JSON, or None where it has none."""
        for _ in range(5):
            response = self._session.request(method, self._base + path, json=body, params=query, timeout=30)
            if (method, response.status_code) == ("DELETE", 405):
                continue  # it failed on an account that was in use, and left it
            if method == "POST" or response.status_code < 500:
                break
            time.sleep(SETTLE)  # a real server recycles a worker now and then
        response.raise_for_status()
        return response.json() if response.content else None

    def one(self, path: str, **query: str) -> dict[str, Any] | None:
        """The one object of a list that is as the query says, or None.

        A server answers a filter that it does not know with everything, and what is found may be deleted.
        """
        wanted = {name.partition("__")[0]: value for name, value in query.items()}
        for each in self.call("GET", path, query=query | {"page_size": "100"})["results"]:
            if all(name not in each or str(each[name]).lower() == value.lower() for name, value in wanted.items()):
                found: dict[str, Any] = each
                return found
        return None

    def group(self, name: str) -> str:
        """The primary key of the group, made if it is missing."""
        found = self.one("/core/groups/", name=name) or self.call("POST", "/core/groups/", {"name": name})
        return str(found["pk"])

    def account(self, username: str, group: str) -> str:
        """Make an account anew in group; the answer is its app password."""
        self.remove_user(username)
        made = self.call(
            "POST", "/core/users/service_account/", {"name": username, "create_group": False, "expiring": False}
        )
        self.call("PATCH", f"/core/users/{made['user_pk']}/", {"groups": [group]})
        return str(made["token"])

    def user(self, username: str) -> dict[str, Any] | None:
        """The user of that name, or None."""
        return self.one("/core/users/", username=username)

    def remove_user(self, username: str) -> None:
        """Delete a user and all tokens of it, if it exists."""
        if user := self.user(username):
            self.call("DELETE", f"/core/users/{user['pk']}/")

    def remove_group(self, name: str) -> None:
        """Delete a group, if it exists."""
        if group := self.one("/core/groups/", name=name):
            self.call("DELETE", f"/core/groups/{group['pk']}/")

    @contextmanager
    def operating(self, username: str, rights: Iterable[str]) -> Iterator[str]:
        """The API token of a user with these rights, who is there inside the with block alone."""
        try:
            yield self.operator(username, rights)
        finally:
            self.remove_operator(username)

    def remove_operator(self, username: str) -> None:
        """Delete what operator() made, as far as it is there."""
        self.remove_user(username)
        self.remove_group(username)
        if role := self.one("/rbac/roles/", name=username):
            self.call("DELETE", f"/rbac/roles/{role['pk']}/")

    def operator(self, username: str, rights: Iterable[str] = RIGHTS) -> str:
        """Make the least-privilege user that runs the program; the answer is its API token."""
        self.remove_operator(username)  # what a killed run left
        role = self.call("POST", "/rbac/roles/", {"name": username})["pk"]
        self.call("POST", f"/rbac/permissions/assigned_by_roles/{role}/assign/", {"permissions": list(rights)})
        group = self.call("POST", "/core/groups/", {"name": username, "roles": [role]})["pk"]
        user = self.call("POST", "/core/users/", {"username": username, "name": username, "groups": [group]})["pk"]
        token = {"identifier": username, "user": user, "intent": "api", "expiring": False}
        self.call("POST", "/core/tokens/", token)
        return str(self.call("GET", f"/core/tokens/{username}/view_key/")["key"])

    def outpost(self) -> dict[str, Any]:
        """The embedded outpost."""
        found = self.one("/outposts/instances/", managed__iexact="goauthentik.io/outposts/embedded")
        if found is None:
            raise LookupError("this Authentik has no embedded outpost")
        return found

    @property
    def login_host(self) -> str:
        """Where the embedded outpost sends who must log in, or "" where nobody told it."""
        return str(self.outpost()["config"].get("authentik_host") or "").rstrip("/")

    @login_host.setter
    def login_host(self, url: str) -> None:
        outpost = self.outpost()
        config = outpost["config"] | {"authentik_host": url}
        self.call("PATCH", f"/outposts/instances/{outpost['pk']}/", {"config": config})

    def attach(self, provider: int, *, attached: bool) -> None:
        """Put a provider on the embedded outpost, or take it off; the others stay.

        Others write the list, too, and may undo our change, so it is read again.
        """
        while (provider in (outpost := self.outpost())["providers"]) != attached:
            others = [each for each in outpost["providers"] if each != provider]
            providers = [*others, provider] if attached else others
            began = time.monotonic()
            self.call("PATCH", f"/outposts/instances/{outpost['pk']}/", {"providers": providers})
            if self._own:
                time.sleep(max(SETTLE, 3 * (time.monotonic() - began)) * random.uniform(1, 1.5))  # noqa: S311  # no secret

    def snapshot(self) -> dict[str, list[str]]:
        """What there is of the lab's own, of the kinds that the program makes, by their natural keys."""
        applications = self.every("/core/applications/", superuser_full_list="true")
        slugs = {each["pk"]: each["slug"] for each in applications}
        bindings = [_bound(each, slugs) for each in self.every("/policies/bindings/")]
        attached = [each["name"] for each in self.outpost()["providers_obj"]]
        proxies = self._all("/providers/proxy/", "name")
        found = {
            "groups": self._all("/core/groups/", "name"),
            "users": self._all("/core/users/", "username"),
            "applications": list(slugs.values()),
            "proxy providers": proxies,
            # Among which a real server lists each proxy provider, too: it is one that has more.
            "OAuth2 providers": [each for each in self._all("/providers/oauth2/", "name") if each not in proxies],
            "bindings": bindings,
            "providers on the outpost": attached,
        }
        return {part: sorted(key for key in keys if self._own in key) for part, keys in found.items()}

    def every(self, path: str, **query: str) -> list[dict[str, Any]]:
        """All objects of a list, over its pages."""
        found, page = [], 1
        while page:
            answer = self.call("GET", path, query={**query, "page": str(page), "page_size": "100"})
            found += answer["results"]
            page = int(answer["pagination"]["next"])
        return found

    def _all(self, path: str, key: str) -> list[str]:
        return [str(each[key]) for each in self.every(path)]


def _bound(binding: Mapping[str, Any], slugs: Mapping[str, str]) -> str:
    """A binding by what it binds to what; its primary key says nothing of it."""
    kinds = [each for each in ("group", "user", "policy") if binding[each] is not None]
    bound: Mapping[str, Any] = binding[f"{kinds[0]}_obj"] if kinds else {}
    how = {name: binding[name] for name in ("order", "negate", "enabled", "timeout", "failure_result")}
    return f"{slugs.get(binding['target'], binding['target'])}: {bound.get('username') or bound.get('name')} {how}"
