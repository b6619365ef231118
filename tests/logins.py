"""A lab whose stack has Immich's own login up, and an Immich that was told of it."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import urllib3

from lab.driver import Driver
from lab.gateway import Calls, counted
from lab.immich.oidc import challenge_of
from lab.person import Person, as_the_app_reads
from setup.rights import LOGIN_RIGHTS

MOBILE_CALLBACK = "app.immich:///oauth-callback"
SETTINGS = ("login", "authentikUrl", "loginApplication", "loginName", "loginMobileOverride")


@dataclass
class Login:
    """Immich's own login in the lab, for as long as the with block of login_up runs."""

    driver: Driver
    application: str
    header: dict[str, str]
    before: dict[str, list[str]]
    """What there was in Authentik before it."""
    calls: Calls = field(default_factory=Calls)
    """What putting it up asked of Authentik."""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """A call to Immich by the phone, whose header opens the door."""
        sent = {**self.header, "Content-Type": "application/json", **headers}
        content = json.dumps(body).encode() if body is not None else None
        return self.driver.web.request(method, f"/api{path}", sent, content)

    def owner(self) -> dict[str, str]:
        """The header of a session of Immich's owner."""
        lab = self.driver.lab
        answer = self.ask("POST", "/auth/login", {"email": lab.immich_email, "password": lab.immich_password})
        return {"x-immich-user-token": str(answer.json()["accessToken"])}

    def paste(self, config: Mapping[str, Any]) -> None:
        """Set a section of Immich's system configuration."""
        owner = self.owner()
        whole = self.ask("GET", "/system-config", **owner).json()
        answer = self.ask("PUT", "/system-config", {**whole, **config}, **owner)
        assert answer.status == 200, answer.data

    def person(self) -> Person:
        """Somebody new of the people's group."""
        lab, admin = self.driver.lab, self.driver.admin
        group = admin.group(lab.names["people_group"])
        return Person(admin, lab.authentik_url, f"lab-person-{secrets.token_hex(3)}", group)

    def by_app(self, person: Person) -> urllib3.BaseHTTPResponse:
        """What the app on a phone does to log somebody in who is logged in at Authentik."""
        state, verifier = secrets.token_urlsafe(), secrets.token_urlsafe(48)
        asked = {"redirectUri": MOBILE_CALLBACK, "state": state, "codeChallenge": challenge_of(verifier)}
        started = self.ask("POST", "/oauth/authorize", asked)
        assert started.status == 201, started.data
        back = as_the_app_reads(person.follow(str(started.json()["url"])))
        if back.startswith(self.driver.lab.immich_url):  # the override: Immich's own address leads on to the app
            moved = self.ask("GET", back.removeprefix(f"{self.driver.lab.immich_url}/api"))
            assert moved.status == 307, moved.data
            back = moved.headers["Location"]
        assert back.startswith(f"{MOBILE_CALLBACK}?"), back.partition("?")[0]
        return self.ask("POST", "/oauth/callback", {"url": back, "state": state, "codeVerifier": verifier})


def name_of(driver: Driver) -> str:
    """What the login's provider and application are called in the lab."""
    return f"{driver.lab.names['application']}-login"


def declare(driver: Driver) -> None:
    """Set the stack's settings of the login."""
    name = name_of(driver)
    driver.stack.configure(login=True, authentikUrl=driver.lab.authentik_url, loginApplication=name, loginName=name)


@contextmanager
def login_up(driver: Driver) -> Iterator[Login]:
    """Put the login up and tell Immich of it; afterwards neither is left."""
    application = name_of(driver)
    login = Login(driver, application, driver.header(), driver.admin.snapshot())
    with login_rights(driver):
        declare(driver)
        try:
            with counted(driver.lab) as login.calls:
                driver.stack.up()
            login.paste(json.loads(driver.stack.outputs()["immichSystemConfig"]))
            yield login
        finally:
            login.paste(login.ask("GET", "/system-config/defaults", **login.owner()).json())
            driver.stack.configure(**dict.fromkeys(SETTINGS))
            driver.stack.up()


@contextmanager
def login_rights(driver: Driver) -> Iterator[None]:
    """What the login takes beyond the reference stack's rights."""
    role = driver.admin.one("/rbac/roles/", name=driver.lab.names["operator"])
    assert role is not None
    path, rights = f"/rbac/permissions/assigned_by_roles/{role['pk']}", {"permissions": list(LOGIN_RIGHTS)}
    driver.admin.call("POST", f"{path}/assign/", rights)
    try:
        yield
    finally:
        driver.admin.call("PATCH", f"{path}/unassign/", rights)
