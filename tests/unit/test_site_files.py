"""The doctor's look at the site's files: what it asks, and that no secret is in what it runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from doctor import site_files
from providers.caddy.delivery import Target, command, snippet

SITE = snippet("https://photos.example.org {\n}\n", "immich/prod/immich-site")
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"
CONNECTION = {
    "host": "a.example.org",
    "port": 2222.0,
    "user": "deploy",
    "hostKey": "ssh-ed25519 AAAA",
    "privateKey": KEY,
}


def resource(kind: str, name: str, file: Path, **more: Any) -> dict[str, Any]:
    target = Target(name, str(file), str(file), "IMMICH_SITE", "true", "true", "true", 1)
    inputs = {"create": command("deliver", target, f"immich/prod/{name}"), "stdin": SITE, **more}
    return {"type": f"command:{kind}:Command", "urn": f"urn:pulumi:prod::immich::x::{name}", "inputs": inputs}


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    others = [
        {"type": "pulumi:pulumi:Stack", "urn": "urn:x::y"},
        {"type": "command:remote:Command", "urn": "urn::script-removal", "inputs": {"delete": "rm -f x"}},
    ]
    return {"deployment": {"resources": [*others, *resources]}}


def test_a_stack_without_files_has_none() -> None:
    assert list(site_files.delivered({})) == []
    assert list(site_files.delivered(state())) == []


@pytest.mark.parametrize(
    ("there", "code", "said"),
    [
        (SITE, 0, ""),
        (SITE.replace("photos", "edited"), 3, "-https://edited.example.org {\n+https://photos.example.org {"),
        (None, 3, "is missing"),
    ],
)
def test_a_file_here_is_compared_with_what_was_delivered(
    tmp_path: Path, there: str | None, code: int, said: str
) -> None:
    file = tmp_path / "site.caddy"
    if there is not None:
        file.write_text(there)
    (found,) = site_files.delivered(state(resource("local", "immich-site", file)))
    answered = site_files.check(found)
    assert answered[0] == code
    assert said in answered[1]


def test_a_host_is_asked_with_its_own_key_checked_and_no_secret_in_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What ssh would be called with; that it works is shown with a real one.
    ssh = tmp_path / "ssh"
    ssh.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@"\nfor each; do case $each in *Known*=/tmp/*|*Known*=/*hosts) '
        'cat "${each#*=}";; IdentityFile=*) stat -c %a "${each#*=}";; esac; done\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    wrapped = {"connection": {"plaintext": json.dumps(CONNECTION)}}
    (found,) = site_files.delivered(state(resource("remote", "immich-site-a", Path("/etc/caddy/a.caddy"), **wrapped)))
    code, said = site_files.check(found)
    assert code == 0
    assert "c2VjcmV0" not in said + repr(found)
    assert "StrictHostKeyChecking=yes" in said
    assert "[a.example.org]:2222 ssh-ed25519 AAAA" in said
    assert said.rstrip().endswith("600")
    assert "\n2222\n-l\ndeploy\n--\na.example.org\n" in said
    assert found.command.endswith(" check")
