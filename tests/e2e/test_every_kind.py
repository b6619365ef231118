"""The lifecycle of every kind with the real engine: create, no-op, update in place, destroy."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.driver import Driver
from lab.files import ROOT
from lab.gateway import Calls, counted

pytestmark = pytest.mark.real

PROGRAM = Path(__file__).parent / "every_kind"
KINDS = 8
TYPES = {
    "authentik:Application",
    "authentik:Group",
    "authentik:OAuth2Provider",
    "authentik:OutpostAttachment",
    "authentik:PolicyBinding",
    "authentik:ProxyProvider",
    "authentik:ServiceAccount",
    "authentik:User",
}


class EveryKind:
    """The stack of tests/e2e/every_kind, in a folder of its own, with a superuser's token."""

    def __init__(self, driver: Driver, folder: Path) -> None:
        self._driver, self._folder = driver, folder
        shutil.copytree(PROGRAM, folder, dirs_exist_ok=True)
        env = {name: value for name, value in driver.lab.env.items() if name != "PULUMI_OPTION_CONFIG_FILE"}
        own = {"AUTHENTIK_TOKEN": driver.lab.authentik_token, "PYTHONPATH": str(ROOT)}
        self._env = {**os.environ, **env, **own}
        self.run("stack", "init")
        gateway = next(
            line.split()[1] for line in Path(driver.lab.config_file).read_text().splitlines() if "authentik:url" in line
        )
        self.configure("authentik:url", gateway)
        self.configure("suffix", driver.lab.names["second"])

    def run(self, *arguments: str) -> str:
        """Run the engine; it must succeed."""
        done = subprocess.run(
            [self._driver.lab.pulumi, *arguments, "--stack", "every", "--non-interactive"],
            cwd=self._folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def configure(self, key: str, value: str) -> None:
        """Set a setting of the program."""
        self.run("config", "set", key, value)

    def counted(self, *arguments: str) -> tuple[str, Calls]:
        """Run the engine and count its calls."""
        with counted(self._driver.lab) as calls:
            output = self.run(*arguments)
        return output, calls

    def resources(self) -> dict[str, dict[str, Any]]:
        """The kinds' resources by the end of their types."""
        resources = json.loads(self.run("stack", "export"))["deployment"].get("resources", [])
        return {each["type"].rpartition("/")[2]: each for each in resources if "dynamic/" in each["type"]}


@pytest.fixture(scope="module")
def every(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EveryKind]:
    """The stack, not up yet; destroyed at the end."""
    stack = EveryKind(driver, tmp_path_factory.mktemp("every"))
    yield stack
    stack.run("destroy", "--yes", "--remove")


def test_every_kind_is_created_and_read_back_without_a_change(every: EveryKind) -> None:
    every.run("up", "--yes")
    assert set(every.resources()) == TYPES
    output, calls = every.counted("up", "--yes")
    assert calls.made == []
    assert f"{KINDS + 1} unchanged" in output
    every.run("refresh", "--yes", "--expect-no-changes")
    output, calls = every.counted("up", "--yes")
    assert calls.made == []
    assert f"{KINDS + 1} unchanged" in output


def test_every_kind_is_updated_in_place_and_the_server_has_it(every: EveryKind, driver: Driver) -> None:
    before = every.resources()
    every.configure("second", "true")
    every.run("up", "--yes")
    after = every.resources()
    assert {kind: each["id"] for kind, each in before.items()} == {kind: each["id"] for kind, each in after.items()}
    application = driver.admin.call("GET", f"/core/applications/{after['authentik:Application']['outputs']['slug']}/")
    assert application["policy_engine_mode"] == "all"
    assert application["meta_description"] == ""  # its line was removed
    provider = driver.admin.call("GET", f"/providers/proxy/{after['authentik:ProxyProvider']['id']}/")
    assert provider["skip_path_regex"] == "^/open$\n^/health$"
    assert provider["access_token_validity"] == "hours=2"
    openid = driver.admin.one("/propertymappings/provider/scope/", scope_name="openid")
    assert openid is not None
    assert openid["pk"] in provider["property_mappings"]
    binding = driver.admin.call("GET", f"/policies/bindings/{after['authentik:PolicyBinding']['id']}/")
    assert (binding["negate"], binding["timeout"]) == (True, 32)
    user = driver.admin.call("GET", f"/core/users/{after['authentik:User']['id']}/")
    assert (user["name"], user["email"], user["path"]) == ("User 2", "2@lab.test", "every/2")
    login = driver.admin.call("GET", f"/providers/oauth2/{after['authentik:OAuth2Provider']['id']}/")
    assert login["sub_mode"] == "user_email"
    assert "app.every2:///oauth-callback" in [each["url"] for each in login["redirect_uris"]]
    assert driver.admin.call("GET", f"/core/users/{after['authentik:ServiceAccount']['id']}/")["is_active"] is False


def test_secrets_stay_secret_after_update_and_refresh(every: EveryKind) -> None:
    every.run("refresh", "--yes")
    resources = every.resources()
    assert "ciphertext" in resources["authentik:ServiceAccount"]["outputs"]["key"]
    assert "ciphertext" in resources["authentik:OAuth2Provider"]["outputs"]["client_secret"]


def test_a_settled_stack_has_nothing_to_do(every: EveryKind) -> None:
    output, calls = every.counted("preview", "--expect-no-changes")
    assert calls.made == []
    assert f"{KINDS + 1} unchanged" in output


def test_destroy_removes_every_kind_with_one_write_each(every: EveryKind, driver: Driver) -> None:
    before = driver.admin.snapshot()
    _, calls = every.counted("destroy", "--yes")
    writes = [method for method, _ in calls.made if method != "GET"]
    assert sorted(writes) == sorted(["DELETE"] * (KINDS - 1) + ["PATCH"])
    after = driver.admin.snapshot()
    assert not [each for part in after.values() for each in part if "every" in each]
    assert {part: len(before[part]) - len(after[part]) for part in before} == {
        "groups": 1,
        "users": 2,
        "applications": 1,
        "proxy providers": 1,
        "OAuth2 providers": 1,
        "bindings": 1,
        "providers on the outpost": 1,
    }
