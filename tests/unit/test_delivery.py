"""What a delivery writes and runs, as text."""

import hashlib
import re
import shlex
import subprocess
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.files import ROOT
from providers.caddy.delivery import PRESETS, Commands, Target, command, preset, probe, snippet

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


def commands(name: str, *, sudo: bool = False) -> Commands:
    return preset(
        name,
        caddyfile="/etc/caddy/Caddyfile",
        variable="IMMICH_SITE",
        admin="http://localhost:2019",
        compose_file="/opt/caddy/compose.yaml",
        compose_service="caddy",
        sudo=sudo,
    )


CONFIG = "--config /etc/caddy/Caddyfile --adapter caddyfile"
COMPOSE = "docker compose --file /opt/caddy/compose.yaml exec -T"
LOOK = (
    f"caddy adapt {CONFIG}",
    "curl --silent --show-error --fail --noproxy '*' --max-time 10 http://localhost:2019/config/",
)
LOOK_IN = f"caddy caddy adapt {CONFIG}", "caddy wget -q -O - http://127.0.0.1:2019/config/"
EXPECTED = {
    ("systemd", False): Commands(f"caddy validate {CONFIG}", "systemctl reload caddy", *LOOK),
    ("systemd", True): Commands(
        f"sudo -n -u caddy --preserve-env=IMMICH_SITE caddy validate {CONFIG}", "sudo -n systemctl reload caddy", *LOOK
    ),
    ("admin-api", False): Commands(
        f"caddy validate {CONFIG}", f"caddy reload {CONFIG} --address localhost:2019", *LOOK
    ),
    ("docker-compose", False): Commands(
        f'{COMPOSE} --env IMMICH_SITE="$IMMICH_SITE" caddy caddy validate {CONFIG}',
        f"{COMPOSE} caddy caddy reload {CONFIG}",
        *(f"{COMPOSE} {each}" for each in LOOK_IN),
    ),
    ("docker-compose", True): Commands(
        f'sudo -n {COMPOSE} --env IMMICH_SITE="$IMMICH_SITE" caddy caddy validate {CONFIG}',
        f"sudo -n {COMPOSE} caddy caddy reload {CONFIG}",
        *(f"sudo -n {COMPOSE} {each}" for each in LOOK_IN),
    ),
}


@pytest.mark.parametrize(("name", "sudo"), EXPECTED)
def test_a_preset_is_the_commands_an_operator_would_type(name: str, sudo: bool) -> None:
    assert name in PRESETS
    assert commands(name, sudo=sudo) == EXPECTED[name, sudo]


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
    *("SITE_RELOAD", "SITE_ADAPT", "SITE_RUNNING", "SITE_PROBE", "SITE_ACCEPT", "SITE_PROBE_SECONDS"),
)
"""Of the words below, one after the other."""


def _target(words: list[str], probe_seconds: int) -> Target:
    names = [each.name for each in fields(Target) if each.type is not int]
    return Target(**dict(zip(names, words, strict=True)), probe_seconds=probe_seconds)


@given(st.lists(WORDS, min_size=12, max_size=12), st.integers(1, 600))
def test_whatever_the_words_a_shell_hands_exactly_them_to_the_script(words: list[str], probe_seconds: int) -> None:
    assignments = shlex.split(command("deliver", _target(words[1:], probe_seconds), words[0]))
    *environment, shell, _, action = assignments
    assert (shell, action) == ("sh", "deliver")
    assert dict(each.split("=", 1) for each in environment) == dict(
        zip(NAMES, [*words, str(probe_seconds)], strict=True)
    )


@given(st.text(max_size=200))
def test_the_first_line_has_the_digest_of_the_others_and_the_owner(caddyfile: str) -> None:
    first, _, rest = snippet(caddyfile, "immich/prod/immich-site").partition("\n")
    assert rest == caddyfile
    assert (
        first
        == f"# sha256 {hashlib.sha256(caddyfile.encode()).hexdigest()} of the lines below, from immich/prod/immich-site"
    )


@pytest.mark.parametrize(
    ("curl", "code", "said"),
    [
        ("echo 302", 0, ""),
        ("echo 401", 0, ""),
        ("echo 502", 1, "it answered 502\n"),
        ("echo refused >&2; printf 000; false", 7, "refused\n"),
    ],
)
def test_the_probe_takes_any_answer_but_an_error_of_the_proxys_own(curl: str, code: int, said: str) -> None:
    asked = f"curl() {{ {curl}; }}; {probe('photos.example.org', 443)}"
    done = subprocess.run(
        ["dash", "-c", asked], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert (bool(done.returncode), done.stdout) == (bool(code), said)


def test_the_probe_asks_this_machine_for_the_public_address() -> None:
    asked = f"curl() {{ printf '%s\\n' \"$@\" >&2; }}; {probe('photos.example.org', 8443)}"
    done = subprocess.run(["dash", "-c", asked], capture_output=True, text=True, check=False)
    words = done.stderr.splitlines()
    assert "https://photos.example.org:8443/" in words
    assert words[words.index("--connect-to") + 1] == "photos.example.org:8443:127.0.0.1:8443"
