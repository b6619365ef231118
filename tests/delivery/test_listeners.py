"""Where the script asks Caddy for the site: what it reads in a configuration."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.files import ROOT
from providers.caddy.delivery import SCRIPT

from .host import DASH

FUNCTIONS = "".join(re.findall(r"(?ms)^(?:flat|listeners)\(\) \{\n.*?^\}\n", (ROOT / SCRIPT).read_text()))
OURS, WILD, OTHER = ["photos.example.org"], ["*.example.org"], ["notes.example.org"]


def server(listen: list[str], *hosts: list[str]) -> dict[str, Any]:
    return {"listen": listen, "routes": [{"match": [{"host": each}]} if each else {"handle": []} for each in hosts]}


def places(folder: Path, config: str) -> list[str]:
    (folder / "config").write_text(config)
    script = f"""set -eu
SITE_HOST=photos.example.org SITE_PORT=443 SITE_RUNNING='cat "{folder}/config"' SITE_ADAPT=false SITE_REACH=
work={folder} bound_command=9
run() {{ sh -c "$2"; }}
{FUNCTIONS}listeners"""
    done = subprocess.run([DASH, "-c", script], capture_output=True, text=True, check=True, env={"LC_ALL": "C"})
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("listen", "asked"),
    [
        ([":8443"], ["127.0.0.1:8443"]),
        (["127.0.0.9:443", "[fd00::9]:443"], ["127.0.0.9:443", "[fd00::9]:443"]),
        (["0.0.0.0:443", "[::]:443"], ["127.0.0.1:443", "[::1]:443"]),
        (["tcp/10.0.0.2:443", "tcp4/:444", "udp/:443"], ["10.0.0.2:443", "127.0.0.1:444"]),
        (["unix//run/caddy.sock|0222", "{env.ADDRESS}:443", "fd/3", ":8000-8010"], ["127.0.0.1:8000"]),
        (["unix//run/caddy.sock"], ["127.0.0.1:443"]),
    ],
)
def test_an_address_is_one_that_this_host_can_connect_to(listen: list[str], asked: list[str], tmp_path: Path) -> None:
    servers = {"srv0": server(listen, OTHER, OURS), "srv1": server([":80"], OTHER)}
    config = {"apps": {"http": {"servers": servers}}, "listen": [":1"], "host": "photos.example.org"}
    assert places(tmp_path, json.dumps(config)) == asked


@pytest.mark.parametrize(
    ("hosts", "asked"), [(OURS, {1}), (WILD, {1}), ([*OTHER, *OURS], {1}), ([], {1, 2}), (OTHER, {1, 2})]
)
def test_the_servers_are_those_that_name_the_host_or_all(hosts: list[str], asked: set[int], tmp_path: Path) -> None:
    servers = {"one": server([":1"], hosts), "two": server([":2"], ["*.example.net"], ["example.org"])}
    found = places(tmp_path, json.dumps({"apps": {"http": {"servers": servers}}}, indent=1))
    assert {int(each.removeprefix("127.0.0.1:")) for each in found} == asked


@pytest.mark.parametrize("config", ["", "null", "{}", '{"apps":{}}', "<html>"])
def test_where_nothing_can_be_read_it_is_the_public_port(config: str, tmp_path: Path) -> None:
    assert places(tmp_path, config) == ["127.0.0.1:443"]
