"""Where the lab's tools come from. Servers are real and on the loopback; programs are small shell scripts."""

import io
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from lab.toolchain import Progress, ToolchainError, versions
from lab.toolchain.versions import PULUMI, ROOT
from tests.lab.toolchain_world import NOWHERE, WANTED, Quiet, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    (tmp_path / "site").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        made = World(tmp_path, f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("PATH", str(made.bin))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        yield made
        server.shutdown()


def test_what_is_on_path_comes_first_and_nothing_is_made(world: World) -> None:
    pulumi, caddy = world.pulumi(), world.program("caddy", "v2.12.0 h1:abc=")
    tools = world.ensure()
    assert (tools.pulumi.path, tools.caddy.path) == (pulumi, caddy)
    assert (tools.pulumi.origin, tools.caddy.origin) == ("PATH", "PATH")
    assert str(tools.caddy.version) == "2.12.0"
    assert not world.lab.exists()


def test_an_older_caddy_on_path_is_passed_over_and_this_is_said(world: World) -> None:
    world.pulumi()
    old = world.program("caddy", "v2.11.1 h1:abc=")
    world.release()
    caddy = world.ensure().caddy
    assert (caddy.origin, str(caddy.version)) == ("download", WANTED)
    assert f"caddy: {old} is 2.11.1, older than 2.11.2 (GHSA-7r4p-vjf4-gxv4); passed over" in world.said.getvalue()


def test_a_caddy_that_does_not_know_its_version_is_known_by_its_build_information(world: World) -> None:
    world.pulumi()
    built = "build-info) printf 'dep\\tgithub.com/caddyserver/caddy/v2\\tv2.11.3\\th1:x=\\n' ;;"
    world.program("caddy", "unknown", extra=built)
    assert str(world.ensure().caddy.version) == "2.11.3"


def test_a_pulumi_without_its_language_host_is_passed_over(world: World) -> None:
    pulumi = world.program("pulumi", "v3.259.0")
    world.program("caddy", WANTED)
    world.go()
    assert world.ensure().pulumi.origin == "built"
    assert f"pulumi: {pulumi} has no pulumi-language-python beside it" in world.said.getvalue()


def test_a_download_with_the_right_sha512_is_installed_and_found_by_the_next_run(world: World) -> None:
    world.pulumi()
    world.release()
    caddy = world.ensure().caddy
    assert caddy.path == world.lab / "tools" / "caddy" / "bin" / "caddy"
    assert os.access(caddy.path, os.X_OK)
    assert world.ensure(caddy=NOWHERE).caddy == caddy


def test_a_download_with_a_wrong_sha512_is_refused_and_nothing_is_left(world: World) -> None:
    world.pulumi()
    world.release(honest=False)
    with pytest.raises(ToolchainError, match="does not have the sha512 its release names: refused"):
        world.ensure()
    assert not list((world.lab / "tools").rglob("*caddy*"))


def test_what_cannot_be_reached_is_built_instead_and_soon(world: World) -> None:
    world.go()
    began = time.monotonic()
    tools = world.ensure(caddy=NOWHERE)
    assert time.monotonic() - began < 20
    assert (tools.pulumi.origin, tools.caddy.origin) == ("built", "built")
    assert str(tools.caddy.version) == WANTED
    folder = tools.pulumi.path.parent
    assert {path.name for path in folder.iterdir()} == {"pulumi", *PULUMI.companions}
    assert all(os.access(path, os.X_OK) for path in folder.iterdir())
    assert "pulumi: no download: 127.0.0.1" in world.said.getvalue()
    assert "Building Caddy" in world.said.getvalue()


def test_a_second_clone_takes_what_the_first_one_built_and_builds_what_has_another_pin(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.go()
    first, builds = world.ensure(caddy=NOWHERE), world.builds()
    shutil.rmtree(world.lab)
    world.lab = tmp_path / "second"
    second = world.ensure(caddy=NOWHERE)
    assert world.builds() == builds
    for mine, theirs in ((second.pulumi, first.pulumi), (second.caddy, first.caddy)):
        assert (mine.origin, mine.version) == ("built", theirs.version)
        assert mine.path.is_relative_to(world.lab)
    shutil.copytree(versions.MODULES, tmp_path / "modules")
    monkeypatch.setattr(versions, "MODULES", tmp_path / "modules")
    with (tmp_path / "modules" / "caddy" / "go.sum").open("a") as sums:
        sums.write("example.org/new v1.0.0 h1:abc=\n")
    world.lab = tmp_path / "third"
    world.ensure(caddy=NOWHERE)
    assert world.builds() == builds + 1


def test_a_build_in_the_cache_that_does_not_run_is_built_again(world: World) -> None:
    world.pulumi()
    world.go()
    world.ensure(caddy=NOWHERE)
    (kept,) = world.cache.glob("*/caddy-*/bin/caddy")
    kept.write_text("#!/bin/sh\nexit 1\n")
    shutil.rmtree(world.lab)
    for builds in (2, 2):
        assert world.ensure(caddy=NOWHERE).caddy.origin == "built"
        assert world.builds() == builds
        shutil.rmtree(world.lab)


def test_a_cache_that_cannot_be_written_keeps_nobody_from_building(world: World) -> None:
    world.pulumi()
    world.go()
    world.cache.write_text("a file")
    assert world.ensure(caddy=NOWHERE).caddy.origin == "built"


def test_a_release_that_is_not_there_is_built_instead(world: World) -> None:
    world.pulumi()
    world.go()
    assert world.ensure().caddy.origin == "built"
    assert "checksums.txt answered 404" in world.said.getvalue()


def test_pulumi_is_downloaded_by_the_automation_api(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.program("caddy", WANTED)
    package = tmp_path / "python" / "pulumi"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "automation.py").write_text(
        "from pathlib import Path\n"
        "class PulumiCommand:\n"
        "    @staticmethod\n"
        "    def install(root, version):\n"
        "        (Path(root) / 'bin').mkdir()\n"
        f"        for name in {['pulumi', *PULUMI.companions]}:\n"
        "            program = Path(root) / 'bin' / name\n"
        "            program.write_text(f'#!/bin/sh\\necho v{version}\\n')\n"
        "            program.chmod(0o755)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    pulumi = world.ensure(pulumi=world.site_url).pulumi
    assert pulumi.origin == "download"
    assert pulumi.path == world.lab / "tools" / "pulumi" / "bin" / "pulumi"


def test_when_all_ways_fail_each_is_named_with_its_reason_and_what_to_do(world: World) -> None:
    world.program("caddy", "v2.6.2")
    with pytest.raises(ToolchainError) as failure:
        world.ensure(caddy=NOWHERE)
    for tool, path in (("Pulumi ≥ 3.200.0", "none found"), ("Caddy ≥ 2.11.2", "older than 2.11.2")):
        _, _, text = str(failure.value).partition(f"{tool} could not be had. Tried:\n")
        ways = [line.strip() for line in text.splitlines()[:6]]
        assert ways[0].startswith("on PATH: ")
        assert path in ways[0]
        assert ways[1].startswith("left by an earlier run: none in ")
        assert ways[2].startswith("built for another clone: none in ")
        assert ways[3] == f"download: {NOWHERE.removeprefix('http://')} cannot be reached"
        assert ways[4].startswith("build: go is not on PATH (Go ≥ 1.25")
        assert ways[5].startswith("What to do: ")


def test_a_build_that_fails_shows_the_end_of_its_log_and_leaves_nothing(world: World) -> None:
    world.pulumi()
    world.go(middle="echo 'no space left on device' >&2; exit 2")
    with pytest.raises(ToolchainError, match="go build of Caddy failed with exit code 2"):
        world.ensure(caddy=NOWHERE)
    assert "no space left on device" in world.said.getvalue()
    assert not list((world.lab / "tools").glob("*caddy*"))


@pytest.mark.parametrize(("version", "toolchain", "good"), [("1.24.1", "local", False), ("1.24.1", "auto", True)])
def test_a_go_that_is_too_old_is_used_only_if_it_may_fetch_a_newer_one(
    world: World, version: str, toolchain: str, good: bool
) -> None:
    world.pulumi()
    world.go(version=version, toolchain=toolchain)
    if good:
        assert world.ensure(caddy=NOWHERE).caddy.origin == "built"
    else:
        with pytest.raises(ToolchainError, match=r"is Go 1\.24\.1, and lab/tools needs Go ≥ 1\.25"):
            world.ensure(caddy=NOWHERE)


def test_two_runs_at_once_build_once(world: World) -> None:
    world.go(middle="/bin/sleep 0.5")
    sources = {"LAB_CADDY_RELEASES": NOWHERE, "LAB_PULUMI_INSTALLER": NOWHERE}
    command = [sys.executable, "-m", "lab.toolchain", "--lab", str(world.lab)]
    runs = [
        subprocess.Popen(command, cwd=ROOT, env={**os.environ, **sources}, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert outputs[0] == outputs[1]
    assert f"caddy {WANTED} (built): " in outputs[0]
    assert world.builds() == 3


def test_a_changed_pin_rebuilds_and_an_unchanged_one_does_not(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(versions.MODULES, tmp_path / "modules")
    monkeypatch.setattr(versions, "MODULES", tmp_path / "modules")
    world.pulumi()
    world.go()
    for _ in range(2):
        world.ensure(caddy=NOWHERE)
        assert world.builds() == 1
    with (tmp_path / "modules" / "caddy" / "go.sum").open("a") as sums:
        sums.write("example.org/new v1.0.0 h1:abc=\n")
    world.ensure(caddy=NOWHERE)
    assert world.builds() == 2


def test_what_a_killed_run_left_half_made_is_made_anew(world: World) -> None:
    world.pulumi()
    world.go()
    # One was killed while it built, another between its place and the manifest.
    for half in (".caddy.new", "caddy"):
        world.program("caddy", "v2.99.0", folder=world.lab / "tools" / half / "bin")
    assert str(world.ensure(caddy=NOWHERE).caddy.version) == WANTED


def test_the_environment_finds_our_tools_then_our_python_and_moves_nothing_of_path(world: World) -> None:
    world.pulumi()
    world.program("caddy", "v2.6.2")
    world.release()
    tools = world.ensure()
    environment = tools.env()
    expected = [str(tools.caddy.path.parent), str(Path(sys.executable).parent), str(world.bin)]
    assert environment["PATH"].split(os.pathsep) == expected
    assert shutil.which("caddy", path=environment["PATH"]) == str(tools.caddy.path)
    assert environment.get("VIRTUAL_ENV", sys.prefix) == sys.prefix


def test_without_a_terminal_a_long_step_says_so_at_its_start_and_then_from_time_to_time() -> None:
    said = io.StringIO()
    with Progress(Console(file=said), every=0.02).step("Building it", "3 minutes"):
        time.sleep(0.1)
    first, second, *_ = said.getvalue().splitlines()
    assert (first, second) == ("Building it (usually 3 minutes) …", "Building it (usually 3 minutes) … 0:00")
