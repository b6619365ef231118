"""deliver.sh under dash, on a host with a real Caddy: what it does, and what it leaves when something fails."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lab.files import ROOT
from lab.processes import free_port
from lab.system import SHELLCHECK
from providers.caddy.delivery import SCRIPT
from providers.caddy.site import LEAST_VERSION
from tests.caddyfile import import_line
from tests.programs import needed

from .host import Host


def edit(host: Host) -> str:
    """Somebody's change by hand."""
    text = host.file.read_text().replace("one", "by hand")
    host.file.write_text(text)
    return text


def until(condition: Path) -> None:
    deadline = time.monotonic() + 30
    while not condition.exists():
        assert time.monotonic() < deadline, f"{condition} does not appear"
        time.sleep(0.02)


def test_the_script_is_what_shellcheck_takes_for_dash() -> None:
    command = [str(needed(SHELLCHECK)), "--shell=dash", SCRIPT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_a_site_is_delivered_served_replaced_and_removed_and_nothing_else_is_left(host: Host) -> None:
    assert host.served() is None
    for says in ("one", "two"):
        host.deliver(says)
        assert host.served() == says
        assert host.file.read_text() == host.site(says)
        assert host.left() == ["site.caddy"]
        assert host.file.stat().st_mode & 0o777 == 0o644
    assert host.run("remove") == (0, f"host: removed {host.file}\n")
    assert host.served() is None
    assert host.left() == []


GIVEN = {
    "AUTHENTIK_TOKEN": "secret-1",
    "PULUMI_CONFIG_PASSPHRASE": "secret 2",
    "PULUMI_CONFIG_PASSPHRASE_FILE": "/secret-3",
    "PULUMI_ACCESS_TOKEN": "secret-4",
    "PULUMI_CONFIG": '{"a":"secret-5"}',
    "CADDY_SSH_PRIVATE_KEY": "-----BEGIN\nsecret-6=\nDOCKER_HOST=\n-----END",
    "CADDY_SSH_PASSWORD": "secret-7",
}


def test_no_command_and_no_caddyfile_gets_what_pulumi_was_given_for_itself(host: Host) -> None:
    host.environment |= {**GIVEN, "DOCKER_HOST": "unix:///somewhere", "MY_DNS_TOKEN": "kept"}
    had, validate = host.folder / "had", host.target.validate
    host.with_(
        validate=f"env >>{had}; {validate}",
        reload=f"env >>{had}; {host.target.reload}",
        probe=f"env >>{had}; {host.target.probe}",
    )
    host.deliver("{$AUTHENTIK_TOKEN:nothing}{$CADDY_SSH_PASSWORD} of {$MY_DNS_TOKEN}")
    assert host.served() == "nothing of kept"
    assert host.run("remove")[0] == 0
    told = had.read_text()
    assert told.count("DOCKER_HOST=unix:///somewhere") == 6  # three validations, two reloads, one probe
    assert not [name for name in GIVEN if f"{name}=" in told]
    assert "secret" not in told


def test_removing_what_is_gone_is_fine(host: Host) -> None:
    host.deliver("one")
    host.file.unlink()
    assert host.run("remove")[0] == 0
    assert host.served() is None  # Caddy had it still
    shutil.rmtree(host.sites)
    assert host.run("remove")[0] == 0


BROKEN = {
    "an unknown directive": "http://site.test {\n\tno_such_directive\n}\n",
    "an open brace": "http://site.test {\n",
    "the address of somebody else's site": 'http://127.0.0.1:PORT {\n\trespond "shadow"\n}\n',
}


@pytest.mark.parametrize("first", [True, False], ids=["the first", "a later one"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_site_with_which_caddys_configuration_is_not_valid_is_never_put_there(
    host: Host, name: str, first: bool
) -> None:
    if not first:
        host.deliver("one")
    reloads = host.reloads.read_text() if host.reloads.exists() else ""
    code, said = host.run("deliver", host.sealed(BROKEN[name].replace("PORT", str(host.port))))
    assert code == 1
    assert "host: Caddy's configuration with this site in it is not valid: nothing was changed" in said
    assert "Error: adapting config" in said  # Caddy's own words
    assert host.served() == (None if first else "one")
    assert host.left() == ([] if first else ["site.caddy"])
    assert (host.reloads.read_text() if host.reloads.exists() else "") == reloads


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("echo 2.6.2", f". Caddy is 2.6.2 here, and the site needs {LEAST_VERSION} or newer; the packages of Debian"),
        ("echo v2.9.0 h1:abc=", f". Caddy is 2.9.0 here, and the site needs {LEAST_VERSION}"),
        (f"echo v{LEAST_VERSION}", "\n"),
        ("echo v3.0.0-beta.1", "\n"),
        ("echo unknown", f". If Caddy is older than {LEAST_VERSION} here (caddy version), update it: https://"),
        ("false", f". If Caddy is older than {LEAST_VERSION} here"),
        ("", f". If Caddy is older than {LEAST_VERSION} here"),
    ],
)
def test_a_caddy_that_is_too_old_for_the_site_is_named(host: Host, version: str, said: str) -> None:
    host.with_(version=version)
    code, told = host.run("deliver", host.sealed(BROKEN["an unknown directive"]))
    assert code == 1
    assert f"is not valid: nothing was changed{said}" in told


def test_a_caddy_that_takes_a_line_for_another_is_not_reloaded(host: Host) -> None:
    header = "header {\n\t\tmatch status 1xx\n\t\t-Set-Cookie\n\t}"
    site = host.sealed(f"http://site.test:{host.port} {{\n\t{header}\n\trespond two\n}}\n")
    host.deliver("one")
    reloads, adapt = host.reloads.read_text(), host.target.adapt
    # as up to 2.8
    host.with_(adapt=adapt + """ | sed 's/,"require":{"status_code":\\[1\\]}//'""", version="echo v2.8.4 h1:abc=")
    code, said = host.run("deliver", site)
    assert code == 1
    assert "does not understand the site: nothing was changed. Caddy is 2.8.4 here, and the site needs" in said
    assert (host.file.read_text(), host.reloads.read_text()) == (host.site("one"), reloads)
    assert host.left() == ["site.caddy"]
    host.with_(adapt=adapt)
    assert host.run("deliver", site)[0] == 0
    assert host.served() == "two"


def test_a_caddyfile_that_does_not_import_the_site_is_told_the_line(host: Host) -> None:
    text = host.caddyfile.read_text()
    host.caddyfile.write_text(text.replace(import_line(host.target), f"import {host.sites}/*.caddy"))
    code, said = host.run("deliver", host.site("one"))
    assert code == 1
    assert (
        "does not import the site: nothing was changed. Put this line at its top level (with immich:insideSite or "
        "insideHandle: into your site; in a Compose file's own configs with $$ for $):" in said
    )
    assert f"\n\t{import_line(host.target)}\n" in said
    assert host.left() == []
    host.caddyfile.write_text(text)
    host.deliver("one")


@pytest.mark.parametrize("first", [True, False], ids=["the first", "a later one"])
@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"reload": "echo no reload today; false"}, "no reload today\nhost: Caddy did not reload\n"),
        (
            {"probe": "echo no answer; false", "probe_seconds": 1},
            "no answer\nhost: Caddy reloaded, but the site did not",
        ),
    ],
    ids=["reload", "probe"],
)
def test_the_former_site_is_put_back_when_reload_or_probe_fails(
    host: Host, first: bool, broken: dict[str, object], told: str
) -> None:
    if not first:
        host.deliver("one")
    reload = host.target.reload
    if "reload" in broken:  # fails once, so that the way back can be seen
        marker = host.folder / "failed"
        broken = {"reload": f"if [ ! -e {marker} ]; then touch {marker}; {broken['reload']}; else {reload}; fi"}
    host.with_(**broken)
    code, said = host.run("deliver", host.site("two"))
    assert code == 1
    assert told in said
    assert "host: rolled back: the former site serves" in said
    assert host.served() == (None if first else "one")
    assert host.left() == ([] if first else ["site.caddy"])
    if not first:
        assert host.file.read_text() == host.site("one")


def test_a_caddy_that_is_down_is_told_and_the_file_is_put_back(host: Host) -> None:
    host.deliver("one")
    host.with_(reload=host.target.reload + f" --address 127.0.0.1:{free_port()}")
    code, said = host.run("deliver", host.site("two"))
    assert code == 1
    assert "connection refused" in said
    assert "rolled back, but Caddy did not reload the former site either" in said
    assert host.file.read_text() == host.site("one")
    assert host.left() == ["site.caddy"]


def test_a_removal_that_caddy_does_not_take_puts_the_site_back(host: Host) -> None:
    host.deliver("one")
    host.caddyfile.write_text(host.caddyfile.read_text().replace("/*.caddy}", "/site.caddy}"))
    code, said = host.run("remove")
    assert code == 1
    assert "File to import not found" in said
    assert "its import line must be one that may find nothing" in said
    assert host.file.read_text() == host.site("one")
    assert host.served() == "one"
    assert host.left() == ["site.caddy"]


def test_an_edit_by_hand_is_seen_shown_mended_and_kept(host: Host) -> None:
    host.deliver("one")
    assert host.run("check", host.site("one")) == (0, "")
    edited = edit(host)
    code, said = host.run("check", host.site("one"))
    assert code == 3
    assert '-\trespond "by hand"' in said
    assert '+\trespond "one"' in said
    code, said = host.run("deliver", host.site("one"))
    assert code == 0
    assert '-\trespond "by hand"' in said
    aside, ours = host.left()
    assert ours == "site.caddy"
    assert f"kept as {host.sites / aside}" in said
    assert (host.sites / aside).read_text() == edited
    assert host.served() == "one"
    assert host.run("check", host.site("one")) == (0, "")


def test_a_file_that_is_no_file_or_cannot_be_read_is_not_called_edited(host: Host) -> None:
    site = host.site("one")
    host.file.mkdir()
    code, said = host.run("check", site)
    assert code == 1
    assert f"host: cannot look at {host.file} (cat: " in said
    host.file.rmdir()
    host.deliver("one")
    if os.geteuid() == 0:  # who may read anything, unless it is taken from them
        host.prefix = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
        if subprocess.run([*host.prefix, "true"], check=False).returncode != 0:
            pytest.skip("this system lets root take nothing from itself")
    for path in (host.file, host.sites):
        mode = path.stat().st_mode
        path.chmod(0)
        code, said = host.run("check", site)
        path.chmod(mode)
        assert code == 1
        assert "Permission denied" in said
        assert "whether this user may enter its folders" in said
    assert host.run("check", site) == (0, "")
    host.file.unlink()
    assert host.run("check", site) == (3, f"host: {host.file} is missing\n")


def test_an_edit_is_kept_when_the_delivery_fails_and_when_the_site_is_removed(host: Host) -> None:
    host.deliver("one")
    edited = edit(host)
    probe = host.target.probe
    host.with_(probe="false", probe_seconds=1)
    assert host.run("deliver", host.site("two"))[0] == 1
    assert host.file.read_text() == edited
    assert host.left() == ["site.caddy"]
    host.with_(probe=probe)
    assert host.run("remove")[0] == 0
    (aside,) = host.left()
    assert (host.sites / aside).read_text() == edited
    assert host.served() is None


def test_a_file_of_somebody_elses_is_left_alone(host: Host) -> None:
    host.file.write_text("# mine\n")
    code, said = host.run("deliver", host.site("one"))
    assert code == 1
    assert f"{host.file} was not written by this program: nothing was changed" in said
    assert host.run("remove") == (0, f"host: {host.file} was not written by this program: left as it is\n")
    assert host.file.read_text() == "# mine\n"
    host.file.unlink()
    host.file.symlink_to(host.caddyfile)
    assert "is a link or no file at all" in host.run("deliver", host.site("one"))[1]
    assert host.left() == ["site.caddy"]


def test_an_empty_file_is_a_place_to_deliver_to(host: Host) -> None:
    host.file.touch()
    host.deliver("one")
    assert host.served() == "one"


def test_a_site_that_arrives_incomplete_is_not_taken(host: Host) -> None:
    for part in ("", host.site("one")[:-3], host.site("one")[:50]):
        code, said = host.run("deliver", part)
        assert (code, "arrived incomplete" in said) == (1, True)
    assert host.left() == []


@pytest.mark.parametrize("place", ["validate", "reload"], ids=["between stage and swap", "between swap and reload"])
@pytest.mark.parametrize("edited", [False, True], ids=["as delivered", "edited"])
def test_the_next_run_clears_up_after_one_that_was_killed(host: Host, place: str, edited: bool) -> None:
    host.deliver("one")
    changed = edit(host) if edited else ""
    here, kept = host.folder / "here", getattr(host.target, place)
    host.with_(**{place: f"touch {here}; sleep 60"})
    process = host.start("deliver", host.site("two"))
    until(here)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    assert ".site.caddy.delivery" in host.left()
    assert host.served() == "one"  # nothing was reloaded
    host.with_(**{place: kept})
    code, said = host.run("deliver", host.site("three"))
    assert code == 0, said
    assert host.served() == "three"
    *aside, ours = host.left()
    assert ours == "site.caddy"
    assert [(host.sites / name).read_text() for name in aside[:1]] == ([changed] if edited else [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_one_that_is_told_to_end_puts_the_former_site_back(host: Host, number: signal.Signals) -> None:
    host.deliver("one")
    here = host.folder / "here"
    host.with_(probe=f"touch {here}; sleep 1; false", probe_seconds=60)
    process = host.start("deliver", host.site("two"))
    until(here)
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    assert host.served() == "one"
    assert host.left() == ["site.caddy"]


BUSYBOX_FLOCK = """\
#!/bin/sh
case $1 in -*[!sxun]*) echo "flock: unrecognized option: $1" >&2; exit 1 ;; esac
exec /usr/bin/flock "$@"
"""


def put_program(host: Host, name: str, script: str) -> None:
    """A program that the script finds before the system's own of that name."""
    folder = host.folder / "programs"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)
    if not host.environment["PATH"].startswith(f"{folder}:"):
        host.environment["PATH"] = f"{folder}:{host.environment['PATH']}"


def test_a_delivery_waits_two_minutes_for_another_and_then_changes_nothing(host: Host) -> None:
    tries, clock = host.folder / "tries", host.folder / "clock"
    put_program(host, "flock", f"#!/bin/sh\necho x >>{tries}\nexit 1\n")
    put_program(host, "sleep", f"#!/bin/sh\necho x >>{clock}\n")  # a sleep that takes 20 seconds of the clock's
    put_program(host, "date", f"#!/bin/sh\ntouch {clock}\necho $((1000000000 + 20 * $(wc -l <{clock})))\n")
    code, said = host.run("deliver", host.site("one"))
    assert (code, said) == (
        1,
        f"host: another delivery to {host.sites} has been at work for two minutes. Run the command again\n",
    )
    assert len(tries.read_text().split()) == 7  # at 0, 20, ... and 120 seconds
    assert host.left() == []


@pytest.mark.parametrize("busybox", [False, True], ids=["GNU", "BusyBox"])
def test_two_deliveries_to_one_host_do_not_interleave(host: Host, busybox: bool) -> None:
    if busybox:
        put_program(host, "flock", BUSYBOX_FLOCK)
    log = host.folder / "log"
    host.with_(validate=f"echo in >>{log}; {host.target.validate}", probe=f"sleep 0.2; echo out >>{log}")
    running = [host.start("deliver", host.site(f"{number}")) for number in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    # Validations of the site, of what must not be valid and of the site in place, then the probe: never mixed.
    assert log.read_text().split() == ["in", "in", "in", "out"] * 3
    assert host.served() in {"0", "1", "2"}
    assert host.left() == ["site.caddy"]


def test_another_stacks_file_is_neither_overwritten_nor_removed(host: Host) -> None:
    host.deliver("one")
    host.owner = "immich/cabin/immich-site"
    code, said = host.run("deliver", host.site("two"))
    assert code == 1
    assert "is of the stack immich/prod: nothing was changed" in said
    code, said = host.run("remove")
    assert (code, host.served()) == (0, "one")
    assert "left as it is" in said


def test_a_resource_of_another_name_takes_the_file_over_and_the_former_ones_removal_leaves_it(host: Host) -> None:
    host.deliver("one")
    former, host.owner = host.owner, "immich/prod/immich-site-proxy"
    host.deliver("two")
    host.owner = former
    assert host.run("remove")[0] == 0
    assert host.served() == "two"
    host.owner = "immich/prod/immich-site-proxy"
    assert host.run("remove")[0] == 0
    assert host.served() != "two"
    assert host.left() == []


def test_a_full_disk_changes_nothing(host: Host) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k,nr_inodes=48,mode=755", "tmpfs", host.sites],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("this system lets nobody mount a small file system")
    try:
        host.deliver("one")
        subprocess.run(["dd", "if=/dev/zero", f"of={host.sites}/ballast", "bs=1k"], capture_output=True, check=False)
        code, said = host.run("deliver", host.site("two"))
        assert (code, "nothing was changed" in said) == (1, True), said
        assert host.file.read_text() == host.site("one")
        assert host.served() == "one"
        assert host.left() == ["ballast", "site.caddy"]
        (host.sites / "ballast").unlink()
        host.deliver("two")
        assert host.served() == "two"
    finally:
        subprocess.run(["umount", host.sites], check=True)


def test_a_directory_that_is_missing_is_told(host: Host) -> None:
    host.sites.rmdir()
    code, said = host.run("deliver", host.site("one"))
    assert code == 1
    assert f"host: no directory {host.sites} for the site's file. Make it" in said


def served_meanwhile(host: Host, running: "subprocess.Popen[str]") -> list[str | None]:
    answers = []
    while running.poll() is None:
        answers.append(host.served())
    return answers


def test_no_request_fails_while_a_broken_site_is_refused(host: Host) -> None:
    host.deliver("one")
    host.with_(validate=f"sleep 1; {host.target.validate}")
    running = host.start("deliver", host.sealed("http://site.test {\n\tno_such_directive\n}\n"))
    answers = served_meanwhile(host, running)
    assert running.wait() == 1
    assert set(answers) == {"one"}
    assert len(answers) > 20


def test_no_request_fails_while_a_site_that_does_not_work_is_rolled_back(host: Host) -> None:
    host.deliver("one")
    host.with_(probe="false", probe_seconds=1)
    running = host.start("deliver", host.site("two"))
    answers = served_meanwhile(host, running)
    assert running.wait() == 1
    assert set(answers) <= {"one", "two"}
    assert host.served() == "one"
    assert len(answers) > 20


OF_ANOTHER_USER = 12345


@pytest.mark.parametrize(
    ("mode", "owner", "group", "told"),
    [
        (0o777, 0, 0, "chmod go-w"),
        (0o1777, 0, 0, "chmod go-w"),
        (0o775, 0, OF_ANOTHER_USER, "chmod go-w"),
        (0o2775, 0, OF_ANOTHER_USER, "chmod go-w"),
        (0o755, OF_ANOTHER_USER, 0, "chown 0"),
    ],
    ids=["everybody", "everybody, sticky", "a group", "a group, inherited", "another user's"],
)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_that_others_may_write_to_is_refused(
    host: Host, mode: int, owner: int, group: int, told: str
) -> None:
    host.deliver("one")
    os.chown(host.sites, owner, group)
    host.sites.chmod(mode)
    for action, stdin in (("deliver", host.site("two")), ("remove", "")):
        code, said = host.run(action, stdin)
        assert code == 1
        assert f"could change the site: nothing was changed. Run: {told} " in said
        assert str(host.sites) in said
    assert host.served() == "one"
    assert host.left() == ["site.caddy"]


@pytest.mark.parametrize(("mode", "group"), [(0o775, 0), (0o2750, OF_ANOTHER_USER), (0o700, 0), (0o755, 0)])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_that_others_may_only_read_or_that_our_own_group_may_write_to_will_do(
    host: Host, mode: int, group: int
) -> None:
    os.chown(host.sites, 0, group)
    host.sites.chmod(mode)
    host.deliver("one")


SOON = '#!/bin/sh\ncase $1 in -k) shift 2 ;; esac\nshift\nexec /usr/bin/timeout -k 1 1 "$@"\n'
"""A `timeout` that takes any time for a second."""
OLD_BUSYBOX = (
    '#!/bin/sh\ncase $1 in -*) exit 1 ;; esac\nshift\n/usr/bin/timeout 1 "$@"\nc=$?\n[ $c != 124 ] || c=143\nexit $c\n'
)
"""The same, as BusyBox had it before it knew -k, with its exit code."""


@pytest.mark.parametrize("program", [SOON, OLD_BUSYBOX], ids=["GNU", "BusyBox"])
@pytest.mark.parametrize(
    ("hangs", "told"),
    [
        ("validate", "could not be validated in time: nothing was changed"),
        ("reload", "Caddy did not reload"),
        ("probe", "the site did not answer the probe within 2 seconds"),
    ],
)
def test_a_command_that_never_ends_is_ended_and_the_former_site_serves(
    host: Host, hangs: str, told: str, program: str
) -> None:
    host.deliver("one")
    put_program(host, "timeout", program)
    marker = host.folder / "hung"
    once = f"if [ ! -e {marker} ]; then touch {marker}; sleep 100; fi; {getattr(host.target, hangs)}"
    host.with_(**{hangs: "sleep 100" if hangs == "probe" else once})
    began = time.monotonic()
    code, said = host.run("deliver", host.site("two"))
    assert code == 1
    assert time.monotonic() - began < 30
    assert told in said
    assert "it did not end within" in said
    assert host.served() == "one"
    assert host.left() == ["site.caddy"]


def test_a_validation_of_the_broken_site_that_hangs_is_not_taken_for_a_refusal(host: Host) -> None:
    put_program(host, "timeout", SOON)
    host.with_(validate=f"case $IMMICH_SITE in */broken) sleep 100 ;; esac; {host.target.validate}")
    code, said = host.run("deliver", host.site("one"))
    assert (code, "could not be validated in time: nothing was changed" in said) == (1, True)
    assert host.served() is None
    assert host.left() == []


def test_without_a_timeout_program_it_delivers_all_the_same(host: Host) -> None:
    put_program(host, "timeout", "#!/bin/sh\nexit 127\n")
    host.deliver("one")


def test_what_goes_in_place_is_what_was_validated(host: Host) -> None:
    host.deliver("one")
    host.with_(validate=f'{host.target.validate}; code=$?; echo "# more" >>"$IMMICH_SITE"; exit $code')
    code, said = host.run("deliver", host.site("two"))
    assert code == 1
    assert "the site was changed while it was delivered" in said
    assert host.file.read_text() == host.site("one")
    assert host.served() == "one"
