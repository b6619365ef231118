"""Stacks and their state: several on one Authentik, a changed passphrase, a state that moves house."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.driver import Driver
from lab.files import ROOT, Lab, write_private
from lab.stack import Stack
from tests.proxy import Proxy

OF_PHONES = ("immich:phonesGroup", "immich:serviceAccount")


def cabin(driver: Driver) -> dict[str, str]:
    """What a second Immich must name otherwise, beside its own address."""
    name, port = f"{driver.lab.names['second']}-cabin", driver.lab.immich_url.rpartition(":")[2]
    return {
        "immich:url": f"https://{name}.lab.test:{port}",
        "immich:application": name,
        "immich:applicationName": "Cabin",
        "immich:providerName": f"{name} Forward Auth",
        "immich:phonesGroup": f"{name}-phones",
        "immich:serviceAccount": f"{name}-phone",
    }


@pytest.fixture
def second(driver: Driver, tmp_path: Path) -> Iterator[Stack]:
    """Another stack of the program on the same Authentik and Caddy, with the first one's settings."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    config = tmp_path / "Pulumi.cabin.yaml"
    env = driver.lab.env | {"PULUMI_OPTION_CONFIG_FILE": ""}
    lab = replace(driver.lab, stack="cabin", config_file=str(config), env=env)
    Stack(lab, tmp_path).must("stack", "init")
    stack = Stack(replace(lab, env=lab.env | {"PULUMI_OPTION_CONFIG_FILE": str(config)}))
    settings = driver.stack.settings()
    with Proxy(settings["immich:upstream"]) as immich:  # a second Immich, as far as Caddy can tell
        stack.set({**settings, "immich:upstream": immich.url})
        yield stack
        stack.destroy("--remove")


@pytest.mark.real
def test_two_stacks_share_authentik_outpost_and_caddy_and_one_is_removed_without_the_other(
    driver: Driver, second: Stack
) -> None:
    before, settings, on_outpost = driver.admin.snapshot(), cabin(driver), "providers on the outpost"
    second.set(settings)
    second.up()
    expected = sorted([*before[on_outpost], settings["immich:providerName"]])
    assert driver.admin.snapshot()[on_outpost] == expected
    header = {"Authorization": second.outputs()["headers"]["phone"]}
    there = Driver(replace(driver.lab, immich_url=settings["immich:url"]))
    assert there.until(True, header) is not None
    assert not driver.passes(header), "the cabin's phone enters the other Immich"
    assert not there.passes(driver.header()), "the other Immich's phone enters the cabin's"
    driver.stack.refresh("--skip-preview", "--expect-no-changes")
    second.destroy()
    assert driver.admin.snapshot() == before
    assert driver.until(True, driver.header()) is not None


@pytest.mark.real
@pytest.mark.parametrize(
    ("own", "refusal"),
    [
        ((), "belongs to 'immich/lab/immich-phones' of another Pulumi program"),
        (OF_PHONES, "it exists and is of the stack 'immich/lab', whose group '{phones_group}' is bound"),
    ],
    ids=["all", "all but the phones'"],
)
def test_a_second_stack_with_the_names_of_the_first_is_refused_and_nothing_of_the_first_is_written(
    own: tuple[str, ...], refusal: str, driver: Driver, second: Stack
) -> None:
    before = driver.admin.snapshot()
    second.set({name: cabin(driver)[name] for name in own})
    run = second.run("up", "--yes", "--skip-preview")
    assert run.code != 0
    assert refusal.format(**driver.lab.names) in run.output
    second.destroy()
    assert driver.admin.snapshot() == before
    assert driver.passes(driver.header())


@pytest.fixture
def theirs(driver: Driver) -> Iterator[tuple[str, int]]:
    """The name of a second outpost, which nobody runs, and the primary key of a provider of somebody else's on it."""
    name = f"{driver.lab.names['second']}-outpost"
    with driver.second_application("second.lab.test") as provider:
        body = {"name": name, "type": "proxy", "providers": [provider], "config": {}}
        path = f"/outposts/instances/{driver.admin.call('POST', '/outposts/instances/', body)['pk']}/"
        yield name, provider
        driver.admin.call("DELETE", path)


@pytest.mark.real
def test_the_provider_moves_to_another_outpost_and_back_and_stands_on_one_at_a_time(
    driver: Driver, theirs: tuple[str, int]
) -> None:
    name, their = theirs
    our = int((driver.admin.one("/providers/proxy/", name=driver.lab.names["provider"]) or {})["pk"])

    def providers() -> list[set[int]]:
        outposts = driver.admin.outpost(), driver.admin.one("/outposts/instances/", name__iexact=name) or {}
        return [set(outpost["providers"]) & {our, their} for outpost in outposts]

    driver.stack.configure(outpost=name, verify=False)  # nobody runs it, so nobody gets through
    try:
        driver.stack.up()
        assert providers() == [{their}, {our, their}]
    finally:
        driver.stack.configure(outpost=None, verify=None)
        driver.stack.up()
    assert providers() == [{our, their}, {their}]
    assert driver.until(True, driver.header()) is not None


def _with_passphrase(lab: Lab, file: Path) -> Stack:
    return Stack(replace(lab, env=lab.env | {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}))


def _change_passphrase(stack_env: dict[str, str], lab: Lab, new: str) -> None:
    subprocess.run(
        [lab.pulumi, "stack", "change-secrets-provider", "passphrase", "--stack", lab.stack],
        cwd=Path(lab.config_file).parent,  # the command knows no other settings file than the one beside Pulumi.yaml
        env=stack_env,
        input=f"{new}\n{new}\n",
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_changed_passphrase_opens_the_state_and_the_former_one_no_longer_does(driver: Driver, tmp_path: Path) -> None:
    lab, headers = driver.lab, driver.headers()
    former = Path(lab.env["PULUMI_CONFIG_PASSPHRASE_FILE"])
    write_private(tmp_path / "passphrase", "another passphrase")
    changed = _with_passphrase(lab, tmp_path / "passphrase")
    _change_passphrase(driver.stack.env, lab, "another passphrase")
    try:
        assert changed.outputs()["headers"] == headers
        assert driver.stack.run("stack", "output", "headers", "--show-secrets").code != 0
        changed.preview("--expect-no-changes")
    finally:
        _change_passphrase(changed.env, lab, former.read_text())
    assert driver.headers() == headers


def _elsewhere(driver: Driver, folder: Path) -> Stack:
    """The driver's stack, empty, with its state in another backend."""
    (folder / "state").mkdir()
    backend = {"PULUMI_BACKEND_URL": f"{(folder / 'state').as_uri()}?metadata=skip"}
    stack = Stack(replace(driver.lab, env=driver.lab.env | backend))
    stack.must("stack", "init")
    return stack


def test_a_state_moved_to_another_backend_goes_on_there(driver: Driver, tmp_path: Path) -> None:
    driver.stack.must("stack", "export", "--file", str(tmp_path / "stack.json"))
    moved = _elsewhere(driver, tmp_path)
    moved.must("stack", "import", "--file", str(tmp_path / "stack.json"))
    moved.preview("--expect-no-changes")
    moved.refresh("--skip-preview", "--expect-no-changes")
    assert moved.outputs()["headers"] == driver.headers()


def _without_orders(driver: Driver) -> dict[str, list[str]]:
    """What is on the server, without the orders of bindings: the application is made again, and two bind at once."""
    return {
        part: sorted(re.sub(r"'order': \d+, ", "", each) for each in found)
        for part, found in driver.admin.snapshot().items()
    }


@pytest.mark.real
def test_after_the_state_is_lost_an_up_takes_over_what_stands_and_gives_phones_new_headers(
    driver: Driver, tmp_path: Path
) -> None:
    before, former = _without_orders(driver), driver.header()
    fresh = _elsewhere(driver, tmp_path)
    try:
        fresh.up()
    finally:  # the lab goes on with what was made
        fresh.must("stack", "export", "--file", str(tmp_path / "stack.json"))
        driver.stack.must("stack", "import", "--force", "--file", str(tmp_path / "stack.json"))
    assert _without_orders(driver) == before
    assert driver.until(True, driver.header()) is not None
    assert driver.until(False, former) is not None
    driver.stack.refresh("--skip-preview", "--expect-no-changes")
