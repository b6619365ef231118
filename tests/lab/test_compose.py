"""examples/: the house of real servers, as far as it can be judged without a container."""

import json
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lab.files import ROOT, TOOLS
from lab.immich.info import VERSION as IMMICH
from lab.toolchain import ensure
from lab.toolchain.versions import CADDY

EXAMPLES = ROOT / "examples"
SCHEMA = Path(__file__).parent / "schemas" / "compose-spec.json"
COMPOSE: dict[str, Any] = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EVERY = pytest.mark.parametrize("name", SERVICES)
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:\?[^}]+)?\}")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY")


def strings(value: Any) -> Iterator[str]:
    """Every text in a part of the file."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


def example() -> dict[str, str]:
    """The variables of env.example with their values."""
    lines = (EXAMPLES / "env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def mounts(service: dict[str, Any]) -> list[str]:
    """What the service's volumes are mounted from."""
    return [each.split(":")[0] if not each.startswith("$") else "" for each in service.get("volumes", [])]


def test_the_file_follows_the_compose_specification() -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(COMPOSE)


def test_the_schema_refuses_what_is_wrong() -> None:
    wrong = COMPOSE | {"services": SERVICES | {"caddy": SERVICES["caddy"] | {"imge": "x"}}}
    with pytest.raises(jsonschema.ValidationError, match="imge"):
        jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(wrong)


def test_the_whole_house_is_there() -> None:
    assert SERVICES.keys() == {
        "caddy",
        *(f"authentik-{part}" for part in ("server", "worker", "database")),
        *(f"immich-{part}" for part in ("server", "machine-learning", "valkey", "database")),
    }


@EVERY
def test_an_image_is_pinned_to_a_release(name: str) -> None:
    tag = SERVICES[name]["image"].rpartition(":")[2]
    assert re.match(r"v?\d+\.\d+(\.\d+)?(-alpine)?$|14-vectorchord\d+\.\d+\.\d+-pgvectors\d+\.\d+\.\d+$", tag), tag


def test_the_versions_are_those_that_the_project_is_made_for() -> None:
    tags = {name: each["image"].rpartition(":")[2] for name, each in SERVICES.items()}
    assert tags["authentik-server"] == tags["authentik-worker"]
    assert tags["authentik-server"].split(".")[:2] == version("authentik-client").split(".")[:2]
    immich = f"v{IMMICH['major']}.{IMMICH['minor']}.{IMMICH['patch']}"
    assert tags["immich-server"] == tags["immich-machine-learning"] == immich
    assert tags["caddy"] == f"{CADDY.modules[0].version}-alpine"


@EVERY
def test_what_a_service_refers_to_is_declared(name: str) -> None:
    service = SERVICES[name]
    named = {each for each in mounts(service) if each and not each.startswith((".", "/"))}
    assert named <= COMPOSE["volumes"].keys()
    assert set(service.get("networks", [])) <= COMPOSE["networks"].keys()
    assert bool(service.get("networks")) != (service.get("network_mode") == "host")
    waits = service.get("depends_on", {})
    assert set(waits) <= SERVICES.keys() - {name}
    for other, how in waits.items() if isinstance(waits, dict) else ():
        assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]
    files = [each for each in mounts(service) if each.startswith("./")]
    assert all((EXAMPLES / each).is_file() for each in files)


def test_nothing_is_declared_that_nobody_uses() -> None:
    used = {each for service in SERVICES.values() for each in mounts(service)}
    assert COMPOSE["volumes"].keys() <= used
    assert COMPOSE["networks"].keys() == {each for service in SERVICES.values() for each in service.get("networks", [])}


@EVERY
def test_a_service_reaches_the_others_that_it_names(name: str) -> None:
    service = SERVICES[name]
    for variable, value in service.get("environment", {}).items():
        if re.search(r"HOST(NAME)?$", variable) and value in SERVICES:
            assert set(service["networks"]) & set(SERVICES[value]["networks"]), variable
            assert value in service["depends_on"], variable


@pytest.mark.parametrize(
    ("server", "prefix"), [("authentik-server", "AUTHENTIK_POSTGRESQL__"), ("immich-server", "DB_")]
)
def test_a_server_has_the_key_of_its_own_database(server: str, prefix: str) -> None:
    told = {key.removeprefix(prefix): value for key, value in SERVICES[server]["environment"].items()}
    host = str(told.get("HOST") or told["HOSTNAME"])
    made = SERVICES[host]["environment"]
    assert told["PASSWORD"] == made["POSTGRES_PASSWORD"]
    assert (told.get("USER") or told["USERNAME"]) == made["POSTGRES_USER"]
    assert (told.get("NAME") or told["DATABASE_NAME"]) == made["POSTGRES_DB"]


def test_every_variable_must_be_given_and_env_example_tells_of_it() -> None:
    text = (EXAMPLES / "compose.yaml").read_text()
    found = VARIABLE.findall("\n".join(line.split(" #")[0] for line in text.splitlines() if line.strip()[:1] != "#"))
    assert {name for name, _ in found} == example().keys()
    assert all(must for _, must in found)


def test_no_secret_stands_in_any_file_of_the_examples() -> None:
    assert [name for name, value in example().items() if SECRET.search(name) and value] == []
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            assert not SECRET.search(variable) or VARIABLE.fullmatch(value), variable
    assert subprocess.run(["git", "check-ignore", "-q", "examples/.env"], cwd=ROOT, check=False).returncode == 0


@EVERY
def test_only_caddy_is_reached_from_outside(name: str) -> None:
    service = SERVICES[name]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert (service.get("network_mode") == "host") == (name == "caddy")
    assert not service.get("privileged")
    assert "/var/run/docker.sock" not in " ".join(strings(service.get("volumes", [])))


def test_the_two_houses_do_not_see_each_other_and_trust_caddy_alone() -> None:
    for house, variable in (
        ("authentik", "AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS"),
        ("immich", "IMMICH_TRUSTED_PROXIES"),
    ):
        (net,) = COMPOSE["networks"][house]["ipam"]["config"]
        assert SERVICES[f"{house}-server"]["environment"][variable].removesuffix("/32") == net["gateway"]
        inside = {name for name, each in SERVICES.items() if house in each.get("networks", [])}
        assert all(name.startswith(house) for name in inside)


def test_caddy_takes_its_file_and_serves_authentik_where_it_listens() -> None:
    caddy = ensure(TOOLS).caddy.path
    env = {"AUTHENTIK_HOST": "auth.example.org", "ACME_EMAIL": "you@example.org"}
    command = [str(caddy), "adapt", "--config", str(EXAMPLES / "Caddyfile"), "--adapter", "caddyfile", "--validate"]
    done = subprocess.run(command, env=env | {"HOME": "/nonexistent"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (port,) = SERVICES["authentik-server"]["ports"]
    assert port.rpartition(":")[0] in done.stdout
    assert "auth.example.org" in done.stdout


def test_the_settings_that_the_readme_gives_fit_the_house() -> None:
    text = (EXAMPLES / "README.md").read_text()
    config = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])["config"]  # type: ignore[index]
    (authentik,), (immich,) = (SERVICES[f"{name}-server"]["ports"] for name in ("authentik", "immich"))
    assert config["authentik:url"].removeprefix("http://localhost:") == authentik.split(":")[1]
    assert config["immich:upstream"].removeprefix("http://localhost:") == immich.split(":")[1]
    known = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"].keys() | {"authentik:url"}
    assert config.keys() <= known


def test_make_e2e_wants_to_know_which_authentik() -> None:
    env = {"PATH": "/usr/bin:/bin"}
    command = ["make", "e2e", "--old-file=tools", "--old-file=packages", "--old-file=setup"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "set LAB_AUTHENTIK_URL and LAB_AUTHENTIK_TOKEN" in done.stderr
