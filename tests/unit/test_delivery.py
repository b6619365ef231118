"""What a delivery writes and runs, as text."""

import hashlib
import re
import shlex
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.files import ROOT
from providers.caddy.delivery import CONTAINERS, PRESETS, SCRIPT, Commands, Target, command, preset, snippet
from providers.caddy.site import LEAST_VERSION, VERDICT_HEADER

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


def commands(name: str, **changed: Any) -> Commands:
    given = {
        "caddyfile": "/etc/caddy/Caddyfile",
        "variable": "IMMICH_SITE",
        "admin": "http://localhost:2019",
        "compose_file": "/opt/caddy/compose.yaml",
        "compose_service": "proxy",
        "container": "caddy-1",
    }
    return preset(name, **(given | changed))


CONFIG = "--config /etc/caddy/Caddyfile --adapter caddyfile"
CURL = "curl --silent --show-error --fail --noproxy '*'"
HERE = {
    "validate": f"caddy validate {CONFIG}",
    "adapt": f"caddy adapt {CONFIG}",
    "running": f"{CURL} --max-time 10 http://localhost:2019/config/",
    "version": "caddy version",
}
AS_CADDY = f"sudo -n -u caddy --preserve-env=IMMICH_SITE caddy validate {CONFIG}"
BY_SYSTEMD = {"reload": "systemctl reload caddy"}
BY_ADMIN = {"reload": f"caddy reload {CONFIG} --address localhost:2019"}
ENV = "--envfile /etc/caddy/env"
SOCKET = f"{CURL} --max-time 10 --unix-socket /run/caddy/admin.sock http://127.0.0.1/config/"
PIPED = (
    f"config=$(caddy adapt {CONFIG} {ENV}) && printf '%s' \"$config\" | "
    f"{CURL} --header 'Content-Type: application/json' --data-binary @- http://localhost:2019/load"
)
EXPECTED: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("systemd", {}, HERE | BY_SYSTEMD),
    ("systemd", {"sudo": True}, HERE | {"validate": AS_CADDY, "reload": "sudo -n systemctl reload caddy"}),
    (
        "systemd",
        {"env_file": "/etc/caddy/env"},
        HERE | BY_SYSTEMD | {name: f"{HERE[name]} {ENV}" for name in ("validate", "adapt")},
    ),
    (
        "systemd",
        {"env_file": "/etc/caddy/env", "sudo": True},
        HERE
        | {"validate": f"{AS_CADDY} {ENV}", "adapt": f"sudo -n -u caddy {HERE['adapt']} {ENV}"}
        | {"reload": "sudo -n systemctl reload caddy"},
    ),
    ("admin-api", {}, HERE | BY_ADMIN),
    (
        "admin-api",
        {"admin": "unix//run/caddy/admin.sock"},
        HERE | {"reload": f"caddy reload {CONFIG} --address unix//run/caddy/admin.sock", "running": SOCKET},
    ),
    (
        "admin-api",
        {"env_file": "/etc/caddy/env"},
        HERE | {"reload": PIPED} | {name: f"{HERE[name]} {ENV}" for name in ("validate", "adapt")},
    ),
]


@pytest.mark.parametrize(("name", "changed", "expected"), EXPECTED)
def test_a_preset_is_the_commands_an_operator_would_type(
    name: str, changed: dict[str, Any], expected: dict[str, str]
) -> None:
    assert name in PRESETS
    assert commands(name, **changed) == Commands(**expected)


@pytest.mark.parametrize("sudo", ["", "sudo -n "])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_caddy_in_a_container_is_told_there(name: str, sudo: str) -> None:
    by_name = f"{sudo}docker", "exec", "caddy-1", "caddy-1"
    compose = f"{sudo}docker compose --file /opt/caddy/compose.yaml"
    docker, run, own, id_ = (
        by_name if name == "docker" else (compose, "exec -T", "proxy", f'"$({compose} ps --quiet proxy)"')
    )
    inside = f"{docker} {run} {own}"
    address = "'{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}'"
    assert commands(name, sudo=bool(sudo)) == Commands(
        validate=f'{docker} {run} --env IMMICH_SITE="$IMMICH_SITE" {own} caddy validate {CONFIG}',
        reload=f"{inside} caddy reload {CONFIG}",
        adapt=f"{inside} caddy adapt {CONFIG}",
        running=f"{inside} wget -q -O - http://127.0.0.1:2019/config/",
        version=f"{inside} caddy version",
        reach=f'{docker} port {own} "$SITE_CONTAINER_PORT" 2>/dev/null || '
        f'{sudo}docker inspect {id_} --format {address} | sed "/./!d; s/$/:$SITE_CONTAINER_PORT/"',
    )


def test_the_script_looks_for_the_mark_of_the_site() -> None:
    assert f"'^{VERDICT_HEADER.lower()}:'" in (ROOT / SCRIPT).read_text()


def test_the_sudo_rule_of_the_docs_allows_just_these_commands() -> None:
    rule = re.search(r"^```\n(Cmnd_Alias .*?)^```", (ROOT / "docs" / "caddy.md").read_text(), re.DOTALL | re.MULTILINE)
    assert rule
    alias, keep, validate, reload = rule[1].splitlines()
    wanted = commands("systemd", sudo=True)
    name, _, allowed = alias.removeprefix("Cmnd_Alias ").partition(" = ")
    assert f"sudo -n -u caddy --preserve-env=IMMICH_SITE {allowed.removeprefix('/usr/bin/')}" == wanted.validate
    assert keep == f'Defaults!{name} env_keep += "IMMICH_SITE"'
    assert validate == f"deploy ALL=(caddy) NOPASSWD: {name}"
    assert reload == f"deploy ALL=(root) NOPASSWD: /usr/bin/{wanted.reload.removeprefix('sudo -n ')}"


NAMES = (
    *("SITE_OWNER", "SITE_WHERE", "SITE_HOST", "SITE_FILE", "SITE_IMPORT", "SITE_VARIABLE", "SITE_VALIDATE"),
    *("SITE_RELOAD", "SITE_ADAPT", "SITE_RUNNING", "SITE_VERSION", "SITE_REACH", "SITE_PROBE", "SITE_ACCEPT"),
    *("SITE_PROBE_SECONDS", "SITE_PORT", "SITE_LEAST"),
)
"""Of the words below, one after the other."""


def _target(words: list[str], probe_seconds: int) -> Target:
    names = [each.name for each in fields(Target) if each.type is not int]
    return Target(**dict(zip(names, words, strict=True)), probe_seconds=probe_seconds, port=443)


@given(st.lists(WORDS, min_size=14, max_size=14), st.integers(1, 600))
def test_whatever_the_words_a_shell_hands_exactly_them_to_the_script(words: list[str], probe_seconds: int) -> None:
    assignments = shlex.split(command("deliver", _target(words[1:], probe_seconds), words[0]))
    *environment, shell, _, action = assignments
    assert (shell, action) == ("sh", "deliver")
    assert dict(each.split("=", 1) for each in environment) == dict(
        zip(NAMES, [*words, str(probe_seconds), "443", LEAST_VERSION], strict=True)
    )


@given(st.text(max_size=200))
def test_the_first_line_has_the_digest_of_the_others_and_the_owner(caddyfile: str) -> None:
    first, _, rest = snippet(caddyfile, "immich/prod/immich-site").partition("\n")
    assert rest == caddyfile
    assert (
        first
        == f"# sha256 {hashlib.sha256(caddyfile.encode()).hexdigest()} of the lines below, from immich/prod/immich-site"
    )
