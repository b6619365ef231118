"""What the workflows of pull requests run, on the lab's stack: the preview and the nightly look for drift."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from lab import stack
from lab.driver import Driver
from lab.files import ROOT
from lab.gateway import counted
from setup.rights import RIGHTS

WORKFLOWS = ROOT / ".github" / "workflows"
DRIFT = ROOT / ".github" / "scripts" / "drift.sh"
CHANGED = re.compile(r"^ +([-+~]+) +\S*?(?:dynamic/\w+:(\w+)|index:(\w+)) +(\S+)", re.MULTILINE)
"""A line of the engine's about a resource that changes: how, its type, its name."""
PROVED = {("immich-proof", sign) for sign in ("+-", "++", "--")}
"""Whatever changes, access is proved anew at the end."""
GH = """\
#!/bin/sh
# What the script asks of GitHub; one issue is open if the file open is there.
echo "$*" >>"$0.asked"
case "$1 $2" in
"issue list") [ ! -e "$0.open" ] || echo 7 ;;
"issue create" | "issue comment") while [ "$1" != --body-file ]; do shift; done; cat "$2" >"$0.body" ;;
esac
"""


def arguments() -> list[str]:
    """How the action calls the engine, of what preview.yml says to it."""
    steps = yaml.safe_load((WORKFLOWS / "preview.yml").read_text())["jobs"]["preview"]["steps"]
    (said,) = (step["with"] for step in steps if step.get("uses", "").startswith("pulumi/actions@"))
    switches = {name: said[name] for name in ("diff", "refresh", "expect-no-changes") if name in said}
    assert not {"config-map", "suppress-outputs", "show-secrets"} & said.keys()
    return [said["command"], "--color", said["color"], *(f"--{name}={value}" for name, value in switches.items())]


@contextmanager
def unwritten(driver: Driver) -> Iterator[None]:
    """Nothing is written to the stack's backend inside the with block, not even a lock: to read it is enough."""
    backend = Path(urlsplit(driver.lab.env["PULUMI_BACKEND_URL"]).path)

    def times() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (backend, *backend.rglob("*"))}

    before = times()
    assert len(before) > 3
    yield
    assert times() == before


@pytest.fixture(scope="module")
def reader(driver: Driver) -> Iterator[str]:
    """The key of a token that may view what the program makes, and no more."""
    rights = [right for right in RIGHTS if ".view_" in right]
    with driver.admin.operating(f"{driver.lab.names['second']}-reader", rights) as key:
        yield key


def previewed(driver: Driver) -> str:
    """What the workflow's preview prints; without a token, and it asks Authentik nothing."""
    env = {name: value for name, value in {**os.environ, **driver.lab.env}.items() if name != "AUTHENTIK_TOKEN"}
    with unwritten(driver), counted(driver.lab) as calls:
        run = driver.stack.must(*arguments(), "--config-file", driver.lab.config_file, env=env)
    assert calls.made == []
    return run.output


def changes(output: str) -> set[tuple[str, str]]:
    """The resources that the output says will change, and how."""
    return {(name, sign) for sign, _, _, name in CHANGED.findall(output)}


@pytest.fixture
def secrets(driver: Driver) -> Iterator[list[str]]:
    """What must stand in no output, with the settings given back afterwards."""
    headers = driver.headers()
    state = json.loads(driver.stack.must("stack", "export", "--show-secrets").output)
    keys = [each["outputs"]["key"] for each in state["deployment"]["resources"] if "key" in each.get("outputs", {})]
    plain = [json.loads(key["plaintext"]) if isinstance(key, dict) else key for key in keys]
    passphrase = Path(driver.lab.env["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text()
    before = driver.stack.settings()
    yield [*headers.values(), *(each.split()[1] for each in headers.values()), *plain, passphrase]
    driver.stack.set({**dict.fromkeys(driver.stack.settings()), **before})


def test_the_preview_of_an_unchanged_branch_says_so(driver: Driver) -> None:
    output = previewed(driver)
    assert changes(output) == set()
    assert re.search(r"^ +\d+ unchanged$", output, re.MULTILINE)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"enabled": False}, {("immich-phone.g1", "~")}),
        (
            {"phones": [{"name": "phone"}, {"name": "anna"}]},
            {("immich-anna.g1", "+"), ("immich-isolation", "~"), ("immich-members", "~")},
        ),
        ({"applicationName": "Photos"}, {("immich-application", "~")}),
    ],
    ids=["a phone switched off", "a phone added", "a name changed"],
)
def test_the_preview_of_a_changed_setting_names_the_changed_resources_alone_and_no_secret(
    driver: Driver, secrets: list[str], setting: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    driver.stack.configure(**setting)
    output = previewed(driver)
    assert changes(output) == expected | PROVED
    assert len(secrets) > 3
    assert not [secret for secret in secrets if secret in output]


def look(driver: Driver, folder: Path, **changed: str) -> tuple[int, list[str], str]:
    """The exit code of the nightly look, what it asked of GitHub, and the body that it wrote there."""
    gh = folder / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    asked, body = folder / "gh.asked", folder / "gh.body"
    for left in (asked, body):
        left.unlink(missing_ok=True)
    path = os.pathsep.join([str(folder), str(Path(driver.lab.pulumi).parent), driver.lab.env["PATH"]])
    env = {**os.environ, **driver.lab.env, "PATH": path, "PULUMI_STACK": driver.lab.stack, **changed}
    with unwritten(driver):
        done = subprocess.run(
            [DRIFT], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    lines = asked.read_text().splitlines() if asked.exists() else []
    return done.returncode, lines, body.read_text() if body.exists() else ""


@pytest.mark.real
def test_without_drift_the_nightly_look_is_well_and_opens_nothing(driver: Driver, tmp_path: Path, reader: str) -> None:
    code, asked, body = look(driver, tmp_path, AUTHENTIK_TOKEN=reader)
    if driver.lab.real and code == stack.DRIFTED and {*stack.CHANGED.findall(body)} == {"immich-isolation"}:
        code, asked, body = look(driver, tmp_path, AUTHENTIK_TOKEN=reader)  # another stack's application, not bound yet
    assert (code, asked, body) == (0, [], "")


@pytest.mark.real
def test_drift_ends_the_nightly_look_with_seven_and_opens_one_issue_that_names_it(
    driver: Driver, tmp_path: Path, secrets: list[str], reader: str
) -> None:
    with driver.broken({"is_active": False}):
        code, asked, body = look(driver, tmp_path, AUTHENTIK_TOKEN=reader)
        assert code == 7
        assert [" ".join(each.split()[:2]) for each in asked] == ["label create", "issue list", "issue create"]
        (tmp_path / "gh.open").touch()
        code, asked, _ = look(driver, tmp_path, AUTHENTIK_TOKEN=reader)
        assert code == 7
        assert asked[-1].startswith("issue comment 7 ")
    assert "immich-phone" in body
    assert "immich-application" not in body
    assert not [secret for secret in secrets if secret in body]


def test_where_it_could_not_look_it_is_red_and_tells_of_no_drift(driver: Driver, tmp_path: Path) -> None:
    code, asked, _ = look(driver, tmp_path, AUTHENTIK_TOKEN="wrong")
    assert code not in (0, 7)
    assert asked == []
