"""The doctor's look at the site's files: what it asks, and that no secret is in what it runs."""

import asyncio
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from doctor import site_files
from lab.system import SSH_CLIENT
from lab.toolchain.versions import ROOT
from providers.caddy.delivery import Target, command, snippet
from tests.programs import needed

SITE = snippet("https://photos.example.org {\n}\n", "immich/prod/immich-site")


def resource(kind: str, name: str, file: Path, **more: Any) -> dict[str, Any]:
    target = Target(
        name, "x.test", 443, str(file), str(file), "IMMICH_SITE", "true", "true", "true", "true", "true", "", "true", 1
    )
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


@pytest.mark.parametrize("name", ["immich-site", "immich-site-fd00::7", "immich-site-::1"])
def test_a_file_has_the_whole_name_of_its_resource(tmp_path: Path, name: str) -> None:
    (found,) = site_files.delivered(state(resource("local", name, tmp_path / "site.caddy")))
    assert found.name == name


def test_a_machine_without_ssh_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    connection = {"host": "127.0.0.1", "port": 22, "user": "deploy", "hostKey": "x"}
    code, said = site_files.check(site_files.Delivered("x", "true", "", connection))
    assert code == 255
    assert said.startswith("ssh is not on PATH. Install OpenSSH's client (Debian: openssh-client)")


@pytest.mark.parametrize("way", ["here", "ssh"])
def test_no_program_that_the_doctor_runs_gets_what_pulumi_was_given_for_itself(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, had = tmp_path / "ssh", tmp_path / "had"
    program.write_text(f"#!/bin/sh\nenv >{had}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere")
    for name in ("AUTHENTIK_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "CADDY_SSH_PRIVATE_KEY"):
        monkeypatch.setenv(name, f"secret of {name}")
    connection = {"host": "127.0.0.1", "port": 22, "user": "deploy", "hostKey": "x"} if way == "ssh" else None
    assert site_files.check(site_files.Delivered("x", str(program), "", connection))[0] == 0
    assert "DOCKER_HOST=unix:///somewhere" in had.read_text()
    assert "secret of" not in had.read_text()


# --- on a host, whose SSH server is real ---

PASSWORD, PASSPHRASE = "pass word", "a b$c"


STRANGE_KEY = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()


class SshServer(asyncssh.SSHServer):
    """Takes a password; keys are the library's own affair."""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("deploy", PASSWORD)


async def run_it(process: asyncssh.SSHServerProcess[str]) -> None:
    command, stdin = ["/bin/sh", "-c", process.command or ""], await process.stdin.read()
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, input=stdin, capture_output=True, text=True)
    process.stdout.write(done.stdout)
    process.stderr.write(done.stderr)
    process.exit(done.returncode)


@dataclass
class SshHost:
    """Where it is, as a connection without a way to log in, and a key that it takes, in clear and encrypted."""

    connection: dict[str, Any]
    key: str = ""
    encrypted: str = ""

    def check(self, file: Path, **login: str) -> tuple[int, str]:
        connection = {"connection": {"plaintext": json.dumps(self.connection | login)}}
        (found,) = site_files.delivered(state(resource("remote", "immich-site-a", file, **connection)))
        assert not [secret for secret in login.values() if secret in repr(found)]
        return site_files.check(found)


@pytest.fixture(scope="module")
def ssh_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    keygen, folder = needed(SSH_CLIENT), tmp_path_factory.mktemp("ssh")
    key, encrypted = folder / "key", folder / "encrypted"
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    shutil.copy(key, encrypted)
    subprocess.run([keygen, "-q", "-p", "-P", "", "-N", PASSPHRASE, "-f", encrypted], check=True)
    own = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def serve() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            server_factory=SshServer,
            server_host_keys=[own],
            authorized_client_keys=f"{key}.pub",
            process_factory=run_it,
        )

    server = asyncio.run_coroutine_threadsafe(serve(), loop).result(20)
    public = own.export_public_key().decode().strip()
    connection = {"host": "127.0.0.1", "port": float(server.get_port()), "user": "deploy", "hostKey": public}
    yield SshHost(connection, key.read_text(), encrypted.read_text())
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that is as it was delivered."""
    file = tmp_path / "site.caddy"
    file.write_text(SITE)
    return file


@pytest.mark.parametrize("way", ["key", "key without its last line break", "key with a passphrase", "password"])
def test_a_host_is_asked_with_whatever_the_last_up_logged_in_with(way: str, ssh_host: SshHost, file: Path) -> None:
    login = {
        "key": {"privateKey": ssh_host.key},
        "key without its last line break": {"privateKey": ssh_host.key.strip()},
        "key with a passphrase": {"privateKey": ssh_host.encrypted, "privateKeyPassword": PASSPHRASE},
        "password": {"password": PASSWORD},
    }[way]
    assert ssh_host.check(file, **login) == (0, "")
    file.write_text(SITE.replace("photos", "edited"))
    code, said = ssh_host.check(file, **login)
    assert code == 3
    assert "-https://edited.example.org {\n+https://photos.example.org {" in said


@pytest.mark.parametrize(
    ("login", "told"),
    [
        ({"privateKey": STRANGE_KEY}, "with caddy:privateKey as of"),
        ({"password": "another"}, "with caddy:password as of the last `pulumi up`. Run `pulumi up` with what is valid"),
        ({}, "neither caddy:privateKey nor caddy:password.* SSH_AUTH_SOCK"),
    ],
    ids=["key", "password", "nothing"],
)
def test_a_host_that_does_not_let_us_in_is_told_by_the_setting_and_with_no_secret(
    login: dict[str, str], told: str, ssh_host: SshHost, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    code, said = ssh_host.check(file, **login)
    assert code == 255
    assert re.search(f"deploy cannot log in at 127.0.0.1.* {told}", said)
    assert not [secret for secret in login.values() if secret in said]


def test_a_host_with_another_key_than_its_own_is_not_asked(ssh_host: SshHost, file: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    mistaken = SshHost(ssh_host.connection | {"hostKey": other})
    code, said = mistaken.check(file, password=PASSWORD)
    assert code == 255
    assert "Host key verification failed" in said


def test_no_secret_is_in_what_is_run(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ssh"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nenv\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    nowhere = SshHost({"host": "a.example.org", "port": 22.0, "user": "deploy", "hostKey": "ssh-ed25519 AAAA"})
    login = {"privateKey": "a\nkey", "privateKeyPassword": "of the key", "password": "of the user"}
    code, said = nowhere.check(file, **login)
    assert code == 0
    assert "StrictHostKeyChecking=yes" in said
    assert not [secret for secret in login.values() if secret in said]
