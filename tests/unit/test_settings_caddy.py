"""The settings caddy:*: what is taken, for all hosts and for one, and what is told when they are wrong."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arguments import Delivery
from components.settings import SettingsError, read_settings
from components.settings.caddy_options import CADDY
from tests.reference import STACK

KEY = "ssh-ed25519 " + "A" * 68
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"


def delivery(hosts: Any = None, **changed: str) -> Delivery:
    stack = {**STACK, **{f"caddy:{name}": value for name, value in changed.items()}}
    if hosts is not None:
        stack |= {"caddy:delivery": "ssh", "caddy:hosts": hosts if isinstance(hosts, str) else json.dumps(hosts)}
    return read_settings(stack.get).delivery


def failures(hosts: Any = None, **changed: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        delivery(hosts, **changed)
    return str(caught.value).split("\n")[1:]


def read_failures(stack: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings(stack.get)
    return str(caught.value).split("\n")[1:]


def test_a_file_is_delivered_to_where_debians_package_would_have_it() -> None:
    target = delivery(delivery="file").target
    assert target is not None
    assert (target.file, target.import_path) == ("/etc/caddy/immich/site.caddy",) * 2
    assert target.validate == "caddy validate --config /etc/caddy/Caddyfile --adapter caddyfile"
    assert target.reload == "systemctl reload caddy"
    assert (target.host, target.port, target.probe) == ("photos.example.org", 443, "")
    assert (target.variable, target.probe_seconds) == ("IMMICH_SITE", 30)


def test_the_version_is_asked_of_the_caddy_that_is_known() -> None:
    for name, version in (("reload", "caddy version"), ("validate", "")):
        target = delivery(delivery="file", **{name: "true"}).target
        assert target is not None
        assert target.version == version


def test_a_container_has_its_variables_and_sockets_itself() -> None:
    docker = {"delivery": "file", "commands": "docker"}
    assert failures(**docker, envFile="/etc/caddy/env") == [
        "caddy:envFile: expected none with caddy:commands docker: a container has its variables itself"
    ]
    assert failures(**docker, admin="unix//run/caddy/admin.sock") == [
        "caddy:admin: expected http://… with caddy:commands docker: wget in it cannot ask a socket"
    ]


def test_each_command_can_be_another_and_the_others_stay_the_presets() -> None:
    for name in ("validate", "reload", "adapt", "probe"):
        plain, changed = delivery(delivery="file").target, delivery(delivery="file", **{name: "true"}).target
        others = {"validate", "reload", "adapt", "running", "probe"} - {name}
        assert getattr(changed, name) == "true"
        assert all(getattr(changed, each) == getattr(plain, each) for each in others)


def test_a_host_is_as_the_settings_say_for_all_but_for_what_it_says_itself() -> None:
    one, two = delivery(
        [
            {"host": "a.example.org", "hostKey": KEY},
            {
                "host": "b.example.org",
                "hostKey": KEY,
                "port": 2222,
                "user": "deploy",
                "sudo": True,
                "commands": "docker-compose",
                "composeFile": "/opt/compose.yaml",
                "file": "/opt/b.caddy",
                "importPath": "/etc/caddy/b.caddy",
                "probeSeconds": 5,
                "caddyfile": "/etc/caddy/B",
            },
        ],
        caddyfile="/etc/caddy/All",
        probeSeconds="7",
    ).hosts
    assert (one.name, one.address, one.port, one.user, one.host_key) == (
        "a.example.org",
        "a.example.org",
        22,
        "root",
        KEY,
    )
    assert (one.target.where, one.target.probe_seconds, one.target.reload) == (
        "a.example.org",
        7,
        "systemctl reload caddy",
    )
    assert "/etc/caddy/All" in one.target.validate
    assert (two.name, two.port, two.user, two.target.probe_seconds) == ("b.example.org:2222", 2222, "deploy", 5)
    assert (two.target.file, two.target.import_path) == ("/opt/b.caddy", "/etc/caddy/b.caddy")
    assert two.target.reload.startswith("sudo -n docker compose --file /opt/compose.yaml exec -T caddy caddy reload")
    assert "/etc/caddy/B" in two.target.reload


def test_secrets_are_in_no_representation_of_the_settings() -> None:
    read = delivery([{"host": "a", "hostKey": KEY}], privateKey=PRIVATE, privateKeyPassword="hush", password="shush")
    assert (read.private_key, read.private_key_password, read.password) == (PRIVATE, "hush", "shush")
    assert not re.search("c2VjcmV0|hush", repr(read))


def test_a_private_key_that_is_none_is_refused_without_telling_it() -> None:
    (line,) = failures([{"host": "a", "hostKey": KEY}], privateKey="c2VjcmV0")
    assert line.startswith("caddy:privateKey: expected the contents of a private key's file")
    assert "c2VjcmV0" not in line


def test_a_site_inside_the_operators_own_takes_a_file() -> None:
    (line,) = read_failures({**STACK, "immich:insideSite": "true"})
    assert line.startswith("immich:insideSite: expected false, because caddy:delivery admin")
    for kind in ("file", "none"):
        assert read_settings({**STACK, "immich:insideSite": "true", "caddy:delivery": kind}.get).site.inside


HOSTILE_PATHS = ["site.caddy", "/", "/a/../site.caddy", "/a b/site.caddy", "/a'/site.caddy", "/$(x)/site.caddy", "/a\n"]
HOSTILE: list[tuple[str, str]] = [
    *[("delivery", each) for each in ("scp", "Admin", "file ", "file\n")],
    *[("file", each) for each in (*HOSTILE_PATHS, "/etc/caddy/site.conf", "/etc/caddy/.caddy", "/site.caddy/")],
    *[("importPath", each) for each in HOSTILE_PATHS],
    *[("caddyfile", each) for each in ("Caddyfile", "/a;b", "/a\0", "/a/")],
    *[("importVariable", each) for each in ("immich", "A-B", "1A", "A}", "A:b")],
    *[("commands", each) for each in ("podman", "systemctl")],
    *[(name, each) for name in ("composeService", "container") for each in ("-it", "a b", "a;b")],
    *[("envFile", each) for each in ("env", "/a b", "/a;b", "/a/../b")],
    *[("sudo", each) for each in ("yes", "True", "1")],
    *[(name, each) for name in ("validate", "reload", "probe") for each in ("a\nb", " a", "x" * 2001)],
    *[("probeSeconds", each) for each in ("0", "601", "-1", "1.5", "٣", "x")],
    ("redeliver", "a\nb"),
    ("commands", "docker-compose"),
]


@pytest.mark.parametrize(("name", "value"), HOSTILE, ids=lambda value: repr(value)[:40])
def test_a_hostile_value_is_refused_in_one_line_that_names_its_setting_alone(name: str, value: str) -> None:
    stack = {"delivery": "file", name: value}
    (line,) = failures(**stack)
    assert line.startswith(f"caddy:{'composeFile' if value == 'docker-compose' else name}: ")
    assert len(line) < 300
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)


GOOD = {"host": "a.example.org", "hostKey": KEY}
HOSTILE_HOSTS: list[Any] = [
    *("", "{}", "[]", "[7]", '["a.example.org"]', "no"),
    *([{"hostKey": KEY}], [{"host": "a.example.org"}], [GOOD, GOOD], [{**GOOD, "secret": "c2VjcmV0"}]),
    *[[{**GOOD, "host": each}] for each in ("a b", "-o", "a;b", "a\n", "", "a" * 300, "$(x)")],
    *[[{**GOOD, "port": each}] for each in (0, 65536, "x", -1, 22.5)],
    *[[{**GOOD, "user": each}] for each in ("-l", "a b", "a;b")],
    *[[{**GOOD, "hostKey": each}] for each in ("AAAA", "ssh-ed25519", "ssh-dss " + "A" * 68, "SHA256:" + "A" * 43)],
    *[[{**GOOD, "file": each}] for each in HOSTILE_PATHS],
    *[[{**GOOD, name: value}] for name, value in (("sudo", "yes"), ("name", "a b"), ("delivery", "file"))],
]


@pytest.mark.parametrize("hosts", HOSTILE_HOSTS, ids=lambda value: repr(value)[:60])
def test_hosts_that_are_wrong_are_refused_in_lines_that_name_them(hosts: Any) -> None:
    told = failures(hosts)
    assert all(line.startswith("caddy:hosts: ") and len(line) < 400 for line in told)
    assert "c2VjcmV0" not in str(told)


def test_a_hosts_failure_names_the_host_and_what_of_it_is_wrong() -> None:
    assert failures([GOOD, {"host": "b.example.org"}]) == [
        "caddy:hosts: host 'b.example.org': hostKey: is missing. "
        "The host's public key, such as ssh-ed25519 AAAA…; see ssh-keyscan."
    ]
    assert failures([{**GOOD, "file": "site"}]) == [
        "caddy:hosts: host 'a.example.org': file: expected an absolute path that ends in .caddy"
    ]


def test_two_caddys_on_one_host_are_told_apart_by_names() -> None:
    hosts = delivery([GOOD, {**GOOD, "name": "second", "file": "/etc/second/site.caddy"}]).hosts
    assert [host.name for host in hosts] == ["a.example.org", "second"]


ANY = (
    st.none()
    | st.text(max_size=30)
    | st.sampled_from(["file", "ssh", "true", json.dumps([GOOD]), "/a/b.caddy", PRIVATE])
)


@given(st.fixed_dictionaries({f"caddy:{name}": ANY for name in CADDY}))
def test_any_settings_are_taken_or_refused_by_one_message(stack: dict[str, str | None]) -> None:
    told = ""
    try:
        read_settings((stack | STACK).get)
    except SettingsError as error:
        told = str(error)
    assert set(re.findall(r"(?m)^(\w+:\w+): ", told)) <= stack.keys()
