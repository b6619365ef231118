"""Driver: a running lab in the hands of whoever proves or tests something with it."""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from lab.authentik_admin import Admin
from lab.files import Lab
from lab.stack import Stack
from lab.web import Web

PING = "/api/server/ping"


def basic(username: str, password: str, scheme: str = "Basic") -> dict[str, str]:
    """The header of username and password, made without the program's own code."""
    encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"{scheme} {encoded}"}


class Driver:
    """Asks as a phone would, looks into what reached Immich, and breaks things in Authentik.

    hurried: whether the outpost is made to forget headers where they are waited out otherwise.
    """

    hurried = False

    def __init__(self, lab: Lab) -> None:
        self.lab, self.stack, self.web = lab, Stack(lab), Web(lab)
        self.admin = Admin(lab.authentik_url, lab.authentik_token, lab.own)

    @property
    def version(self) -> str:
        """Authentik's."""
        return str(self.admin.call("GET", "/admin/version/")["version_current"])

    @property
    def pause(self) -> float:
        """Seconds between two requests that wait for something: each that is refused is work for a real Authentik."""
        return 1.0 if self.lab.real else 0.2

    @property
    def timeout(self) -> float:
        """Seconds within which the outpost has forgotten a header and loaded a change, which it may be told late of."""
        return self.lab.cache_seconds + (120 if self.lab.real else 15)

    def headers(self) -> dict[str, str]:
        """The exported header of each phone."""
        found: dict[str, str] = self.stack.outputs()["headers"]
        return found

    def header(self) -> dict[str, str]:
        """The exported header of the first phone, to send."""
        return {"Authorization": next(iter(self.headers().values()))}

    def immich_session(self) -> dict[str, str]:
        """The first phone's header with the session of Immich's owner, who logged in through it."""
        header = self.header()
        login = {"email": self.lab.immich_email, "password": self.lab.immich_password}
        sent = {**header, "Content-Type": "application/json"}
        answer = self.web.request("POST", "/api/auth/login", sent, json.dumps(login).encode())
        return {**header, "x-immich-user-token": answer.json()["accessToken"]}

    def passes(self, header: Mapping[str, str]) -> bool:
        """Whether a request with this header reaches Immich."""
        answer = self.web.get(PING, header)
        return answer.status == 200 and answer.data == b'{"res":"pong"}'

    def until(self, expected: bool, header: Mapping[str, str], within: float | None = None) -> float | None:
        """Seconds until the header passes, or until it no longer does; None if that does not come in time."""
        within = self.timeout if within is None else within
        if self.hurried and not expected:
            self.forget()
        begun = time.monotonic()
        while time.monotonic() - begun < within:
            if self.passes(header) == expected:
                return time.monotonic() - begun
            time.sleep(self.pause)
        return None

    def forget(self) -> None:
        """Let the outpost load anew what is as it was, and so forget, seconds later, the headers that it let in."""
        outpost = self.admin.outpost()
        self.admin.call("PATCH", f"/outposts/instances/{outpost['pk']}/", {"name": outpost["name"]})

    @contextmanager
    def reached(self) -> Iterator[list[dict[str, Any]]]:
        """The requests that reached Immich inside the with block are in the answer once it ends."""
        log = Path(self.lab.immich_log)
        begin = log.stat().st_size if log.exists() else 0
        found: list[dict[str, Any]] = []
        yield found
        if log.exists():
            with log.open() as file:
                file.seek(begin)
                found += [json.loads(line) for line in file]

    def account(self) -> dict[str, Any]:
        """The first phone's account as Authentik has it."""
        username = next(iter(self.stack.outputs()["serviceAccounts"].values()))
        user = self.admin.user(username)
        if user is None:
            raise LookupError(f"Authentik has no account {username!r}")
        return user

    @contextmanager
    def broken(self, damage: Mapping[str, Any]) -> Iterator[None]:
        """Change the first phone's account for a while, and give it back."""
        account = self.account()
        path = f"/core/users/{account['pk']}/"
        self.admin.call("PATCH", path, damage)
        try:
            yield
        finally:
            self.admin.call("PATCH", path, {name: account[name] for name in damage})

    def token_of_provider(self, header: Mapping[str, str]) -> str:
        """A JWT that Authentik issues to the account of a Basic header for the application (client_credentials)."""
        username, _, password = base64.b64decode(header["Authorization"].split()[1]).decode().partition(":")
        provider = self.admin.one("/providers/proxy/", name__iexact=self.lab.names["provider"])
        answer = requests.post(
            f"{self.lab.authentik_url}/application/o/token/",
            data={
                "grant_type": "client_credentials",
                "client_id": (provider or {})["client_id"],
                "username": username,
                "password": password,
                "scope": "openid email profile ak_proxy entitlements",
            },
            timeout=30,
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    @property
    def immich_host(self) -> str:
        """The host of Immich's public address, as the outpost knows it."""
        return urlsplit(self.lab.immich_url).netloc

    def outpost_says(self, host: str, header: Mapping[str, str]) -> int:
        """The status with which the outpost answers a proxy that asks for host."""
        asked = {"X-Forwarded-Host": host, "X-Forwarded-Proto": "https", "X-Forwarded-Uri": "/", **header}
        url = f"{self.lab.authentik_url}/outpost.goauthentik.io/auth/caddy"
        return requests.get(url, headers=asked, allow_redirects=False, timeout=30).status_code

    def outpost_answers(self, host: str, header: Mapping[str, str], expected: int) -> int:
        """The same, as soon as it is the expected one; the last one if that does not come in time."""
        begun = time.monotonic()
        while (status := self.outpost_says(host, header)) != expected and time.monotonic() - begun < self.timeout:
            time.sleep(self.pause)
        return status

    @contextmanager
    def second_application(self, host: str, *, bound: bool = True) -> Iterator[int]:
        """Another application behind the same outpost, bound to the people's group or to nothing, for a while.

        The answer is its provider's primary key.
        """
        name, admin = self.lab.names["second"], self.admin
        flow = {
            each: (admin.one("/flows/instances/", slug=slug) or {})["pk"]
            for each, slug in (
                ("authorization_flow", "default-provider-authorization-implicit-consent"),
                ("invalidation_flow", "default-provider-invalidation-flow"),
            )
        }
        body = {"name": name, "mode": "forward_single", "external_host": f"https://{host}", **flow}
        provider = int(admin.call("POST", "/providers/proxy/", body)["pk"])
        try:
            application = admin.call("POST", "/core/applications/", {"name": name, "slug": name, "provider": provider})
            if bound:
                family = admin.group(self.lab.names["people_group"])
                admin.call("POST", "/policies/bindings/", {"target": application["pk"], "group": family, "order": 0})
            admin.attach(provider, attached=True)
            yield provider
        finally:
            if admin.one("/core/applications/", slug=name, superuser_full_list="true"):
                admin.call("DELETE", f"/core/applications/{name}/")
            admin.attach(provider, attached=False)
            admin.call("DELETE", f"/providers/proxy/{provider}/")
