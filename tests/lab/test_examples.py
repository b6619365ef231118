"""The example works in the real Caddy, with our file and without; and a Caddyfile that has a site already."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings import read_settings
from lab.toolchain.versions import CADDY, ROOT
from providers.caddy.site import render_file
from tests.reference import STACK
from tests.unit.test_site import GOLDEN

EXAMPLE = ROOT / "examples" / "caddy"
SETTINGS: dict[str, str] = yaml.safe_load(
    re.findall(r"```yaml\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.DOTALL)[0]
)
MINE = "photos.example.org {\n\theader X-Mine yes\n}\n"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """The example's /etc/caddy, elsewhere."""
    (tmp_path / "immich").mkdir()
    text = (EXAMPLE / "etc" / "Caddyfile").read_text()
    (tmp_path / "Caddyfile").write_text(text.replace("/etc/caddy/", f"{tmp_path}/"))
    return tmp_path


def adapted(caddy: Path, etc: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [caddy, "adapt", "--config", "Caddyfile", "--adapter", "caddyfile"]
    env = {"HOME": str(etc), "PATH": os.environ["PATH"]}
    return subprocess.run(command, cwd=etc, env=env, capture_output=True, text=True, check=False)


def hosts(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    servers: dict[str, Any] = json.loads(done.stdout)["apps"]["http"]["servers"]
    return sorted(route["match"][0]["host"][0] for server in servers.values() for route in server["routes"])


def test_the_examples_caddyfile_takes_our_site_and_works_without_it(caddy: Path, etc: Path) -> None:
    assert hosts(adapted(caddy, etc)) == ["auth.example.org"]
    (etc / "immich" / "site.caddy").write_text((GOLDEN / "file.Caddyfile").read_text())
    assert hosts(adapted(caddy, etc)) == ["auth.example.org", "photos.example.org"]


def test_the_examples_settings_are_right_and_make_a_site_for_its_network(caddy: Path, etc: Path) -> None:
    stack = {**STACK, **SETTINGS}
    settings = read_settings(lambda key: stack.get(key))
    assert settings.site.immich.endswith("//immich-server:2283")
    (etc / "immich" / "site.caddy").write_text(render_file(settings.site, "immich/prod"))
    assert hosts(adapted(caddy, etc)) == ["auth.example.org", "photos.example.org"]


def test_the_examples_caddy_is_the_one_we_know_and_sees_what_we_write() -> None:
    service = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]["caddy"]
    assert service["image"] == f"caddy:{CADDY.minimum}"
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounts["./etc"] == "/etc/caddy"
    written = Path(SETTINGS["caddy:file"]).relative_to(Path(SETTINGS["caddy:composeFile"]).parent / "etc")
    assert SETTINGS["caddy:importPath"] == f"/etc/caddy/{written}"
    assert (EXAMPLE / "etc" / written).parent.is_dir()


def test_caddy_fmt_changes_nothing_of_the_examples_caddyfile(caddy: Path) -> None:
    text = (EXAMPLE / "etc" / "Caddyfile").read_text()
    done = subprocess.run([caddy, "fmt", "-"], input=text, capture_output=True, text=True, check=False)
    assert done.stdout == text


def test_a_caddyfile_that_has_a_site_for_immich_is_not_valid_with_ours_beside_it(caddy: Path, etc: Path) -> None:
    (etc / "immich" / "site.caddy").write_text((GOLDEN / "file.Caddyfile").read_text())
    with (etc / "Caddyfile").open("a") as file:
        file.write(MINE.replace("photos", "https://photos"))
    done = adapted(caddy, etc)
    assert done.returncode != 0
    assert "ambiguous site definition" in done.stderr


def test_a_caddyfile_that_has_a_site_for_immich_takes_our_directives_inside_it(caddy: Path, etc: Path) -> None:
    (etc / "immich" / "site.caddy").write_text((GOLDEN / "inside.Caddyfile").read_text())
    line = (etc / "Caddyfile").read_text().splitlines()[-1]
    (etc / "Caddyfile").write_text(MINE.replace("\n}", f"\n\t{line}\n}}"))
    done = adapted(caddy, etc)
    assert hosts(done) == ["photos.example.org"]
    (etc / "Caddyfile").write_text((GOLDEN / "plain.Caddyfile").read_text())
    merged, whole = json.loads(done.stdout), json.loads(adapted(caddy, etc).stdout)
    assert "X-Mine" in done.stdout
    (server,), (alone,) = (each["apps"]["http"]["servers"].values() for each in (merged, whole))
    assert _directives(server)[1:] == _directives(alone)
    assert server["errors"] == alone["errors"]


def _directives(server: dict[str, Any]) -> list[Any]:
    """The handlers of the directives in a server's one site."""
    return [each for route in server["routes"][0]["handle"][0]["routes"] for each in route["handle"]]
