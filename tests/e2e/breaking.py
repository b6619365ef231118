"""Ways to break a lab really, each undone at the end of its with block."""

import base64
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from lab.caddy import http_door
from lab.driver import Driver


class Breaking:
    """Breaks parts of a lab's way from the phone to Immich, in Authentik, in Caddy and in the stack's settings."""

    def __init__(self, driver: Driver) -> None:
        self.driver, self.admin, self.stack = driver, driver.admin, driver.stack

    @contextmanager
    def configured(self, **settings: object) -> Iterator[None]:
        """Settings of immich:* that no up has carried out."""
        before = self.stack.settings()
        self.stack.configure(**settings)
        try:
            yield
        finally:
            self.stack.configure(**{name: before.get(f"immich:{name}") for name in settings})

    @contextmanager
    def carried_out(self, **settings: object) -> Iterator[str]:
        """The same after an up, whose proof must fail; the answer is what the engine printed."""
        with self.configured(**settings):
            run = self.stack.run("up", "--yes", "--skip-preview", "--config-file", self.driver.lab.config_file)
            assert run.code != 0, run.output
            yield run.output
        self.mended()

    def mended(self) -> None:
        """Bring everything back to what is declared, by the program itself, whose proof must succeed."""
        self.stack.up("--refresh", "--skip-preview")

    @contextmanager
    def gone(self, path: str) -> Iterator[None]:
        """Delete an object in Authentik; the program makes it again."""
        self.admin.call("DELETE", path)
        try:
            yield
        finally:
            self.mended()

    @contextmanager
    def object(self, path: str, always: tuple[str, ...] = (), **damage: Any) -> Iterator[None]:
        """Change fields of an object in Authentik. always: fields that must go along."""
        before = self.admin.call("GET", path)
        along = {name: before[name] for name in always}
        self.admin.call("PATCH", path, along | damage)
        try:
            yield
        finally:
            self.admin.call("PATCH", path, along | {name: before[name] for name in damage})
            assert self.driver.until(True, self.driver.header()) is not None

    def provider(self) -> dict[str, Any]:
        """Our proxy provider."""
        found = self.admin.one("/providers/proxy/", name__iexact=self.driver.lab.names["provider"])
        assert found is not None
        return found

    @contextmanager
    def provider_with(self, **damage: Any) -> Iterator[None]:
        """Change our proxy provider, and wait until the outpost has loaded it."""
        with self.object(f"/providers/proxy/{self.provider()['pk']}/", ("mode",), **damage):
            yield

    @contextmanager
    def unattached(self) -> Iterator[None]:
        """Take our provider off the outpost."""
        pk = self.provider()["pk"]
        self.admin.attach(pk, attached=False)
        try:
            yield
        finally:
            self.admin.attach(pk, attached=True)
            assert self.driver.until(True, self.driver.header()) is not None

    @contextmanager
    def more_groups(self) -> Iterator[None]:
        """Put the phone's account into the people's group, too."""
        family = self.admin.group(self.driver.lab.names["people_group"])
        with self.driver.broken({"groups": [*self.driver.account()["groups"], family]}):
            yield

    def application(self) -> str:
        """The primary key of our application."""
        return str(self.admin.call("GET", f"/core/applications/{self.driver.lab.names['application']}/")["pk"])

    def application_with(self, **damage: Any) -> AbstractContextManager[None]:
        """Change our application for a while."""
        return self.object(f"/core/applications/{self.driver.lab.names['application']}/", **damage)

    def people_group_with(self, **damage: Any) -> AbstractContextManager[None]:
        """Change the people's group for a while."""
        return self.object(f"/core/groups/{self.admin.group(self.driver.lab.names['people_group'])}/", **damage)

    @contextmanager
    def bound_to_others(self) -> Iterator[None]:
        """Let another group into our application."""
        name = f"{self.driver.lab.names['phones_group']}-others"
        further = {"target": self.application(), "group": self.admin.group(name), "order": 9}
        self.admin.call("POST", "/policies/bindings/", further)
        try:
            yield
        finally:
            self.admin.remove_group(name)  # and its binding with it

    @contextmanager
    def others_in_the_group(self) -> Iterator[None]:
        """Put another account into the phones' group."""
        name = self.driver.lab.names["phones_group"]
        self.admin.account(f"{name}-other", self.admin.group(name))
        try:
            yield
        finally:
            self.admin.remove_user(f"{name}-other")

    @contextmanager
    def group_of_superusers(self) -> Iterator[None]:
        """Make the phones' group one of superusers."""
        group = self.admin.group(self.driver.lab.names["phones_group"])
        with self.object(f"/core/groups/{group}/", is_superuser=True):
            yield

    @contextmanager
    def another_password(self) -> Iterator[None]:
        """Give the phone's account a further app password."""
        account = self.driver.account()
        identifier = f"{account['username']}-further"
        further = {"identifier": identifier, "user": account["pk"], "intent": "app_password", "expiring": False}
        self.admin.call("POST", "/core/tokens/", further)
        try:
            yield
        finally:
            self.admin.call("DELETE", f"/core/tokens/{identifier}/")

    @contextmanager
    def unbound(self) -> Iterator[None]:
        """Disable the binding of the phones' group."""
        bound = self.admin.call("GET", "/policies/bindings/", query={"target": self.application()})["results"]
        group = self.driver.lab.names["phones_group"]
        (binding,) = (each for each in bound if (each["group_obj"] or {}).get("name") == group)
        path = f"/policies/bindings/{binding['pk']}/"
        self.admin.call("PUT", path, binding | {"enabled": False})
        try:
            yield
        finally:
            self.admin.call("PUT", path, binding)
            assert self.driver.until(True, self.driver.header()) is not None

    def token(self) -> str:
        """The path of the app password."""
        return f"/core/tokens/service-account-{self.driver.account()['username']}-password/"

    @contextmanager
    def expiring(self, after: timedelta) -> Iterator[None]:
        """Let the app password expire, some time from now or before it."""
        path, ours = self.token(), {"user": self.driver.account()["pk"], "intent": "app_password"}
        expires = (datetime.now(UTC) + after).isoformat()
        self.admin.call("PATCH", path, {**ours, "expiring": True, "expires": expires})
        self.driver.forget()
        try:
            yield
        finally:  # without the end that it had: the server would not take one that far away
            try:
                self.admin.call("PATCH", path, {**ours, "expiring": False})
            except requests.HTTPError:  # Authentik's worker deletes expired ones every few minutes
                self.mended()
            assert self.driver.until(True, self.driver.header()) is not None

    @contextmanager
    def rekeyed(self) -> Iterator[None]:
        """Give the account another password."""
        encoded = self.driver.header()["Authorization"].split()[1]
        password = base64.b64decode(encoded).decode().partition(":")[2]
        path = f"{self.token()}set_key/"
        self.admin.call("POST", path, {"key": "another-" + password})
        try:
            yield
        finally:
            self.admin.call("POST", path, {"key": password})
            assert self.driver.until(True, self.driver.header()) is not None

    @contextmanager
    def logins_led_to(self, url: str) -> Iterator[None]:
        """Let the embedded outpost send logins elsewhere."""
        before, self.admin.login_host = self.admin.login_host, url
        try:
            yield
        finally:
            self.admin.login_host = before
            assert self.driver.until(True, self.driver.header()) is not None

    @contextmanager
    def outpost_that_nobody_runs(self, name: str) -> Iterator[None]:
        """Another outpost, which the settings name, with our provider on its list."""
        body = {"name": name, "type": "proxy", "providers": [self.provider()["pk"]], "config": {}}
        made = self.admin.call("POST", "/outposts/instances/", body)
        try:
            with self.configured(outpost=name):
                yield
        finally:
            self.admin.call("DELETE", f"/outposts/instances/{made['pk']}/")

    @contextmanager
    def reloaded(self) -> Iterator[None]:
        """Reload Caddy's own Caddyfile, as an operator does who does not think of our route."""
        caddyfile = Path(self.driver.lab.gateway_log).with_name("Caddyfile").read_bytes()
        load = f"{self.driver.lab.caddy_admin}/load"
        requests.post(load, caddyfile, headers={"Content-Type": "text/caddyfile"}, timeout=30).raise_for_status()
        try:
            yield
        finally:
            self.mended()

    @contextmanager
    def another_provider(self) -> Iterator[None]:
        """Another provider of Immich's host on the outpost; by its name it goes before ours, and does not serve."""
        ours = self.provider()
        kept = ("authorization_flow", "invalidation_flow", "mode", "external_host")
        name = f"- {ours['name']}"
        made = self.admin.call("POST", "/providers/proxy/", {**{each: ours[each] for each in kept}, "name": name})
        self.admin.attach(made["pk"], attached=True)
        try:
            yield
        finally:
            self.admin.attach(made["pk"], attached=False)
            self.admin.call("DELETE", f"/providers/proxy/{made['pk']}/")
            assert self.driver.until(True, self.driver.header()) is not None

    def another_door(self) -> AbstractContextManager[str]:
        """A site over plain http that leads to Immich."""
        lab = self.driver.lab
        return http_door(lab.caddy_admin, lab.immich_url, str(self.stack.settings()["immich:upstream"]))

    @contextmanager
    def without_authorization(self) -> Iterator[None]:
        """Take the header out of every request before our site sees it, as another proxy in front may."""
        path = f"{self.driver.lab.caddy_admin}/id/immich-{self.driver.lab.stack}"
        route = requests.get(path, timeout=30).json()
        cut = {"handler": "headers", "request": {"delete": ["Authorization"]}}
        requests.patch(path, json=route | {"handle": [cut, *route["handle"]]}, timeout=30).raise_for_status()
        try:
            yield
        finally:
            self.mended()

    @contextmanager
    def plain_forward_auth(self) -> Iterator[None]:
        """Put the site that everybody's instructions show in the place of ours."""
        lab = self.driver.lab
        upstream = self.stack.settings()["immich:upstream"]
        site = (
            f"{lab.immich_url} {{\nforward_auth {lab.authentik_url} {{\nuri /outpost.goauthentik.io/auth/caddy\n}}\n"
            f"reverse_proxy {upstream}\n}}"
        )
        headers = {"Content-Type": "text/caddyfile"}
        adapted = requests.post(f"{lab.caddy_admin}/adapt", site.encode(), headers=headers, timeout=30).json()
        (server,) = adapted["result"]["apps"]["http"]["servers"].values()
        route = server["routes"][0] | {"@id": f"immich-{lab.stack}"}
        requests.patch(f"{lab.caddy_admin}/id/immich-{lab.stack}", json=route, timeout=30).raise_for_status()
        try:
            yield
        finally:
            self.mended()
