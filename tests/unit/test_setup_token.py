"""`python -m setup token` and its blueprint."""

import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from lab.files import ROOT
from providers.authentik.api.client import Client
from providers.authentik.api.errors import AuthentikError
from providers.retry import RetryPolicy
from setup import token as module
from setup.blueprint import blueprint
from setup.rights import LOGIN_RIGHTS, RIGHTS
from setup.token import make_token

from .server import Answer, Handler, Server, page, reply

KEY = "the-key-that-authentik-made"
KNOWN = ("authentik_core.add_user", "authentik_core.view_user")


class Loader(yaml.SafeLoader):
    """YAML with the tags of blueprints."""


Loader.add_constructor("!KeyOf", lambda _, node: ("KeyOf", node.value))


def entries_of(text: str) -> list[Any]:
    """The entries of a blueprint."""
    entries: list[Any] = yaml.load(text, Loader)["entries"]  # noqa: S506  # a SafeLoader with one tag more
    return entries


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setattr(module, "APPLYING", 30.0)


@dataclass
class Authentik:
    """What `setup token` asks of Authentik, answered as recorded of 2025.8.1 and 2026.5.0-rc1."""

    superuser: bool = True
    statuses: list[str] = field(default_factory=lambda: ["unknown", "successful"])
    there: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Objects by their list's path."""
    applied: list[str] = field(default_factory=list)
    blueprints: int = 0

    def __call__(self, handler: Handler) -> None:
        self._answer(handler.command, handler.path.removeprefix("/api/v3").partition("?")[0])(handler)

    def _answer(self, method: str, path: str) -> Answer:
        match method, path:
            case "GET", "/core/users/me/":
                return reply(200, {"user": {"is_superuser": self.superuser}})
            case "GET", "/rbac/permissions/":
                rights = (right.split(".") for right in KNOWN)
                return page(*({"app_label": app, "codename": codename} for app, codename in rights))
            case "GET", "/core/tokens/immich-pulumi/":
                token = self.there.get("/core/tokens/")
                return reply(200, token) if token else reply(404, {"detail": "Not found."})
            case "GET", "/core/tokens/immich-pulumi/view_key/":
                return reply(200, {"key": KEY})
            case "POST", "/managed/blueprints/":
                self.blueprints += 1
                return reply(201, {"pk": "b"})
            case "POST", "/managed/blueprints/b/apply/":
                return reply(200, {"pk": "b"})
            case "GET", "/managed/blueprints/b/":
                return reply(200, {"status": self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]})
            case "DELETE", "/managed/blueprints/b/":
                self.blueprints -= 1
                return reply(204)
            case "GET", _:
                return page(*([self.there[path]] if path in self.there else []))
        return reply(500)


def made(authentik: Authentik, url: str, percent: int = 100) -> tuple[str, list[str]]:
    """The key, and what was said."""
    said: list[str] = []
    client = Client(url, "a-superusers-token", RetryPolicy(percent))
    return make_token(client, [*KNOWN, "authentik_core.new_right"], "immich-pulumi", said.append), said


@pytest.mark.parametrize("rights", [RIGHTS, (*RIGHTS, *LOGIN_RIGHTS)], ids=["program", "with the login"])
def test_the_blueprint_gives_the_rights_to_one_account_that_is_no_superuser_and_holds_no_key(
    rights: tuple[str, ...],
) -> None:
    entries = entries_of(blueprint(rights, "mine"))
    role, group, user, token = entries
    assert role["attrs"] == {"permissions": list(rights)}
    assert group["attrs"] == {"roles": [("KeyOf", "role")]}
    assert (user["attrs"]["type"], user["attrs"]["groups"]) == ("service_account", [("KeyOf", "group")])
    assert token["attrs"] == {"user": ("KeyOf", "user"), "intent": "api", "expiring": False}
    assert [list(each["identifiers"].values()) for each in entries] == [["mine"]] * 4


def test_the_token_is_made_with_the_rights_that_this_version_has_and_the_blueprint_is_removed() -> None:
    authentik = Authentik()
    with Server(authentik) as server:
        key, said = made(authentik, server.url)
        (posted,) = [each.body for each in server.asked if each.path.endswith("/managed/blueprints/")]
    assert key == KEY
    assert said == ["this version of Authentik has no right authentik_core.new_right, so it is left out"]
    assert entries_of(posted["content"])[0]["attrs"]["permissions"] == list(KNOWN)
    assert posted["enabled"] is True  # a disabled one is not applied
    assert authentik.blueprints == 0


def test_a_token_that_an_earlier_run_made_keeps_its_key_and_only_its_rights_are_brought_up_to_date() -> None:
    user: dict[str, Any] = {"pk": 7, "username": "immich-pulumi", "type": "service_account"}
    named: dict[str, Any] = {"name": "immich-pulumi"}
    there = {"/core/users/": user, "/core/groups/": named, "/rbac/roles/": named}
    authentik = Authentik(there={**there, "/core/tokens/": {"user": 7, "intent": "api"}})
    with Server(authentik) as server:
        assert made(authentik, server.url)[0] == ""
        assert not [each for each in server.asked if "view_key" in each.path]
        assert len([each for each in server.asked if each.path.endswith("/apply/")]) == 1


@pytest.mark.parametrize(
    ("there", "named"),
    [
        ({"/core/users/": {"pk": 7, "username": "immich-pulumi", "type": "internal"}}, "the user"),
        ({"/core/groups/": {"name": "immich-pulumi"}, "/rbac/roles/": {"name": "immich-pulumi"}}, "the role, group"),
        ({"/core/tokens/": {"user": 1, "intent": "app_password"}}, "the token"),
    ],
)
def test_what_else_has_the_name_is_never_written_over(there: dict[str, dict[str, Any]], named: str) -> None:
    authentik = Authentik(there=there)
    with Server(authentik) as server:
        with pytest.raises(AuthentikError, match=f"already has {named} 'immich-pulumi'.*Nothing was written.*--name"):
            made(authentik, server.url)
        assert {each.method for each in server.asked} == {"GET"}


def test_another_token_than_a_superusers_is_refused_before_anything_is_written() -> None:
    authentik = Authentik(superuser=False)
    with Server(authentik) as server:
        with pytest.raises(AuthentikError, match="is not a superuser's"):
            made(authentik, server.url)
        assert {each.method for each in server.asked} == {"GET"}


@pytest.mark.parametrize(
    ("statuses", "percent", "reason"),
    [(["unknown", "error"], 100, "ended with 'error'.*worker's log"), (["unknown"], 1, "has not applied it within")],
)
def test_a_blueprint_that_is_not_applied_is_said_with_where_to_look_and_removed(
    statuses: list[str], percent: int, reason: str
) -> None:
    authentik = Authentik(statuses=statuses)
    with Server(authentik) as server, pytest.raises(AuthentikError, match=reason):
        made(authentik, server.url, percent)
    assert authentik.blueprints == 0


def test_a_wait_for_a_busy_worker_is_said_once() -> None:
    said: list[str] = []
    authentik = Authentik(statuses=["unknown"])
    with Server(authentik) as server, pytest.raises(AuthentikError):
        make_token(Client(server.url, "a-superusers-token", RetryPolicy(1)), KNOWN, "immich-pulumi", said.append)
    assert [each for each in said if "waiting" in each] == [
        "waiting up to 0 seconds for Authentik's worker, which does its other tasks first"
    ]


def test_the_command_prints_the_key_alone_and_repeats_no_secret() -> None:
    with Server(Authentik()) as server:
        command = [sys.executable, "-m", "setup", "token", "--url", server.url]
        done = subprocess.run(
            command, cwd=ROOT, input="a-superusers-token\n", capture_output=True, text=True, check=False, timeout=60
        )
    assert (done.returncode, done.stdout) == (0, f"{KEY}\n")
    assert KEY not in done.stderr
    assert "superusers" not in done.stderr
    assert "delete the superuser's token now" in done.stderr


def test_no_token_at_all_is_said_and_nothing_is_asked() -> None:
    with Server(Authentik()) as server:
        command = [sys.executable, "-m", "setup", "token", "--url", server.url]
        done = subprocess.run(command, cwd=ROOT, input="", capture_output=True, text=True, check=False, timeout=60)
        assert server.asked == []
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: no token was given.")
