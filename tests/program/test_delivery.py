"""How the site is declared for each delivery, seen by the whole program."""

import json
import re

import pytest

from lab.files import ROOT
from providers.caddy.delivery import SCRIPT, snippet
from providers.caddy.site import Site, render_file
from tests.reference import STACK

from .engine import Registered, Run, Secret, good

KEYS = [f"ssh-ed25519 {letter * 68}" for letter in "AB"]
HOSTS = json.dumps(
    [
        {"host": "a.example.org", "hostKey": KEYS[0]},
        {"host": "b.example.org", "hostKey": KEYS[1], "user": "deploy", "port": 2222, "file": "/opt/b/site.caddy"},
    ]
)
FILE = STACK | {"caddy:delivery": "file"}
SSH = STACK | {"caddy:delivery": "ssh", "caddy:hosts": HOSTS}
SITE = Site("immich-mobile-service", "https://photos.example.org", "http://localhost:2283", "https://auth.example.org")


def of_the_site(done: Run) -> dict[str, str]:
    return {
        name: each.type for name, each in done.resources.items() if name.startswith(("immich-site", "immich-caddy"))
    }


def connection(of: Registered) -> dict[str, object]:
    """How a resource logs in: as a whole secret."""
    wrapped = of.inputs["connection"]
    assert isinstance(wrapped, Secret)
    return dict(wrapped.value)


def test_a_file_is_one_command_on_this_machine() -> None:
    done = good(FILE)
    assert of_the_site(done) == {"immich-caddy": "immich:index:CaddySite", "immich-site": "command:local:Command"}
    inputs = done.named("immich-site").inputs
    assert inputs["stdin"] == snippet(render_file(SITE, "immich/prod"), "immich/prod/immich-site")
    assert inputs["create"].endswith(f" sh {SCRIPT} deliver")
    assert inputs["delete"].endswith(f" sh {SCRIPT} remove")
    assert "SITE_FILE=/etc/caddy/immich/site.caddy " in inputs["create"]
    assert inputs["addPreviousOutputInEnv"] is False


def test_without_a_delivery_the_site_is_an_output_and_the_proof_stands_on_it() -> None:
    done = good(STACK | {"caddy:delivery": "none"})
    assert of_the_site(done) == {"immich-caddy": "immich:index:CaddySite"}
    assert done.exports["caddySite"] == render_file(SITE, "immich/prod")
    proof = done.named("immich-proof").inputs
    assert proof["caddy_admin"] == ""
    other = good(STACK | {"caddy:delivery": "none", "immich:upstream": "http://immich:2283"})
    assert other.named("immich-proof").inputs["subject"] != proof["subject"]
    inside = good(STACK | {"caddy:delivery": "none", "immich:insideSite": "true", "caddy:admin": "http://caddy:2019"})
    assert "https://photos.example.org {" not in inside.exports["caddySite"]


def test_the_site_is_an_output_only_where_nothing_else_delivers_it(reference: Run) -> None:
    assert "caddySite" not in reference.exports


def test_the_script_stands_where_the_state_of_users_says() -> None:
    # What pulumi destroy runs stands in the state: moving the script would leave the site on every proxy.
    assert SCRIPT == "providers/caddy/deliver.sh"
    assert (ROOT / SCRIPT).read_text().startswith("#!/bin/sh\n")


def test_over_ssh_each_host_has_the_script_and_a_command() -> None:
    done = good(SSH)
    assert of_the_site(done) == {
        "immich-caddy": "immich:index:CaddySite",
        "immich-site-a.example.org-script-removal": "command:remote:Command",
        "immich-site-a.example.org-script": "command:remote:CopyToRemote",
        "immich-site-a.example.org": "command:remote:Command",
        "immich-site-b.example.org:2222-script-removal": "command:remote:Command",
        "immich-site-b.example.org:2222-script": "command:remote:CopyToRemote",
        "immich-site-b.example.org:2222": "command:remote:Command",
    }
    command, copy = done.named("immich-site-b.example.org:2222"), done.named("immich-site-b.example.org:2222-script")
    owner = "immich/prod/immich-site-b.example.org:2222"
    assert command.inputs["stdin"] == snippet(render_file(SITE, "immich/prod"), owner)
    assert f"SITE_OWNER={owner} " in command.inputs["create"]
    assert f"SITE_OWNER={owner} " in command.inputs["delete"]
    other = done.named("immich-site-a.example.org-script").inputs["remotePath"]
    assert other != copy.inputs["remotePath"], "the removal at one place would take the script of another"
    assert command.inputs["create"].endswith(f" sh {copy.inputs['remotePath']} deliver")
    assert "SITE_FILE=/opt/b/site.caddy " in command.inputs["create"]
    assert "SITE_WHERE=b.example.org:2222 " in command.inputs["create"]
    removal = done.named("immich-site-b.example.org:2222-script-removal").inputs
    assert removal["delete"] == f"rm -f {copy.inputs['remotePath']}"
    assert "create" not in removal
    for each in (command, copy, done.named("immich-site-b.example.org:2222-script-removal")):
        assert {name: connection(each)[name] for name in ("host", "port", "user", "hostKey")} == {
            "host": "b.example.org",
            "port": 2222,
            "user": "deploy",
            "hostKey": KEYS[1],
        }


@pytest.mark.parametrize("stack", [STACK, FILE, SSH], ids=["admin", "file", "ssh"])
def test_no_site_stands_before_everything_is_guarded(stack: dict[str, str]) -> None:
    done = good(stack)
    sites = [
        name
        for name, type_ in of_the_site(done).items()
        if type_.endswith(("Command", "Config")) and "removal" not in name
    ]
    assert sites
    for name in sites:
        assert "immich-outpost" in done.named(name).dependencies


@pytest.mark.parametrize("stack", [FILE, SSH], ids=["file", "ssh"])
def test_the_proof_comes_after_every_file(stack: dict[str, str]) -> None:
    done = good(stack)
    sites = {name for name in of_the_site(done) if name != "immich-caddy"}
    assert done.named("immich-proof").dependencies >= sites


def test_hosts_do_not_wait_for_each_other_and_the_script_is_there_before_and_after_the_site() -> None:
    done = good(SSH)
    for host in ("a.example.org", "b.example.org:2222"):
        site = f"immich-site-{host}"
        assert done.named(site).dependencies == {"immich-outpost", f"{site}-script"}
        assert done.named(f"{site}-script").dependencies == {f"{site}-script-removal"}


def test_another_file_or_another_host_takes_the_former_away_and_another_command_does_not() -> None:
    before, after = good(SSH), good(SSH | {"caddy:reload": "true", "caddy:redeliver": "now $(x)"})
    name = "immich-site-a.example.org"
    assert before.named(name).inputs["triggers"] == after.named(name).inputs["triggers"]
    assert before.named(name).inputs["create"] != after.named(name).inputs["create"]
    assert after.named(name).inputs["create"].startswith("SITE_DELIVERY='now $(x)' ")
    moved = good(SSH | {"caddy:file": "/opt/a/site.caddy"})
    assert before.named(name).inputs["triggers"] != moved.named(name).inputs["triggers"]


def test_keys_and_passwords_are_secret_inputs_and_nowhere_else() -> None:
    private = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"
    done = good(SSH | {"caddy:privateKey": private, "caddy:privateKeyPassword": "hush", "caddy:password": "shush"})
    command = done.named("immich-site-a.example.org")
    assert connection(command)["privateKey"] == private
    assert connection(command)["password"] == "shush"
    assert not re.search("c2VjcmV0|hush", str([{**each.inputs, "connection": ""} for each in done.resources.values()]))
    assert not re.search("c2VjcmV0|hush", str(done.outputs))


def test_they_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDY_SSH_PASSWORD", "shush")
    assert "shush" in str(good(SSH).named("immich-site-a.example.org").inputs["connection"])
    assert "shush" not in str(good(FILE).named("immich-site").inputs)
