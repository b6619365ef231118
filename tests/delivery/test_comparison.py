"""A reload replaces all of Caddy: what runs is compared with the Caddyfile before, and no other site is changed."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.files import ROOT
from lab.processes import free_port
from providers.caddy.delivery import SCRIPT

from .host import DASH, Host

TOKEN = "a-token-in-a-configuration"


def loaded(host: Host, *, name: str) -> str:
    """Bring another site into the running Caddy, past its Caddyfile. The answer is where."""
    config, port = host.config(), free_port()
    says = [{"handler": "static_response", "body": TOKEN}]
    route = {"match": [{"host": [name]}], "handle": says}
    config["apps"]["http"]["servers"]["more"] = {"listen": [f":{port}"], "routes": [route]}
    requests.post(f"http://{host.admin}/load", json=config, timeout=5).raise_for_status()
    return f"{name} at :{port}"


def refused(host: Host, action: str = "deliver", site: str = "") -> tuple[str, str]:
    """What the script says that changes nothing, and the digest that would let it."""
    before, file = host.config(), host.file.read_text() if host.file.exists() else None
    code, said = host.run(action, site or host.site("another"))
    assert code == 1, said
    assert host.config() == before
    assert (host.file.read_text() if host.file.exists() else None) == file
    assert TOKEN not in said
    digest = re.search(r"pulumi config set caddy:acceptOtherChanges ([0-9a-f]{8})$", said.strip())
    assert digest is not None, said
    return said, digest[1]


def edit(host: Host, old: str, new: str) -> None:
    text = host.caddyfile.read_text()
    assert old in text
    host.caddyfile.write_text(text.replace(old, new))


def reload(host: Host, **environment: str) -> None:
    subprocess.run(["sh", "-c", host.target.reload], check=True, capture_output=True, env=os.environ | environment)


@pytest.mark.parametrize("first", [True, False], ids=["the first", "a later one"])
def test_a_site_that_the_caddyfile_does_not_have_is_not_taken_off_the_air_unless_that_is_accepted(
    host: Host, first: bool
) -> None:
    if not first:
        host.deliver("one")
    site = loaded(host, name="cloud.test")
    said, digest = refused(host)
    assert f"would end: {site}\n" in said
    assert "Caddy runs a configuration that differs from its Caddyfile" in said
    host.with_(accept="00000000")
    assert refused(host)[1] == digest
    host.with_(accept=f"00000000 {digest}")
    host.deliver("two")
    assert "more" not in host.config()["apps"]["http"]["servers"]
    loaded(host, name="wiki.test")
    assert refused(host)[1] != digest  # what was accepted is that one difference


def test_a_removal_takes_no_other_site_off_the_air(host: Host) -> None:
    host.deliver("one")
    site = loaded(host, name="cloud.test")
    assert f"would end: {site}\n" in refused(host, "remove")[0]
    assert host.served() == "one"


def test_a_caddyfile_that_was_edited_and_not_reloaded_is_told_apart(host: Host) -> None:
    port = free_port()
    edit(host, "http://127", f'http://new.test:{port} {{\n\trespond "new"\n}}\nhttp://127')
    said, _ = refused(host)
    assert f"would begin: new.test at :{port}\n" in said
    assert "the Caddyfile has sites that Caddy does not run yet, so it was edited but not reloaded" in said
    reload(host)
    host.deliver("one")


@pytest.mark.parametrize("changed", ["site", "settings"])
def test_what_would_change_is_told_without_what_it_says(host: Host, changed: str) -> None:
    if changed == "site":
        edit(host, 'respond "theirs"', f'respond "{TOKEN}"')
        part = f"127.0.0.1 at :{host.port}"
    else:
        edit(host, "level ERROR", "level WARN")
        part = "the settings logging/logs"
    assert f"would change: {part}\n" in refused(host)[0]


def test_a_variable_that_only_caddys_service_has_is_no_way_to_lose_a_site(host: Host) -> None:
    edit(host, "http://127", 'http://{$THEIRS:theirs.test}:{$THEIR_PORT:81} {\n\trespond "theirs"\n}\nhttp://127')
    port = free_port()
    reload(host, THEIRS="family.test", THEIR_PORT=str(port))
    said, _ = refused(host)
    assert f"would end: family.test at :{port}\n" in said
    assert "would begin: theirs.test at :81\n" in said
    host.with_(adapt=f"THEIRS=family.test THEIR_PORT={port} {host.target.adapt}")
    host.deliver("one")


@pytest.mark.parametrize("why", ["closed", "no JSON", "no program"])
def test_where_nothing_can_be_compared_it_says_so_and_delivers(host: Host, why: str) -> None:
    if why == "closed":
        host.with_(running=f"curl --silent --show-error --fail http://127.0.0.1:{free_port()}/config/")
    elif why == "no JSON":
        host.with_(running="echo '<html>a page of another server</html>'")
    else:
        host.with_(adapt="no-such-caddy adapt")
    code, said = host.run("deliver", host.site("one"))
    assert code == 0
    assert (
        "host: could not compare what Caddy runs with its Caddyfile: this reload may have changed other sites" in said
    )
    assert {"closed": "curl: (7)", "no JSON": "", "no program": "not found"}[why] in said
    assert host.served() == "one"


WILDCARD = """\
http://*.test:{port} {{
	@cloud host cloud.test
	handle @cloud {{
		respond "{says}"
	}}
	{line}
}}
"""


@pytest.fixture
def inside(host: Host) -> Host:
    """The same host, whose site is imported into a site for many names."""
    line = next(line for line in host.caddyfile.read_text().splitlines() if line.startswith("import"))
    edit(host, line, WILDCARD.format(port=host.port, says="cloud", line=line))
    reload(host)
    return host


def handled(host: Host, says: str) -> str:
    return host.sealed(f'@own host site.test\nhandle @own {{\n\trespond "{says}"\n}}\n')


@pytest.mark.parametrize("left", ["an edit by hand", "a killed run", "nothing"])
def test_a_site_inside_another_is_delivered_also_where_caddy_does_not_run_the_file_as_it_stands(
    inside: Host, left: str
) -> None:
    assert inside.run("deliver", handled(inside, "one"))[0] == 0
    if left == "an edit by hand":
        inside.file.write_text(inside.file.read_text().replace("one", "by hand"))
    elif left == "a killed run":
        inside.file.write_text(handled(inside, "never loaded"))
        (inside.sites / ".site.caddy.delivery").mkdir()
    else:
        inside.file.unlink()
    code, said = inside.run("deliver", handled(inside, "two"))
    assert code == 0, said
    assert inside.served() == "two"


def test_a_change_of_a_site_that_ours_is_in_is_seen(inside: Host) -> None:
    assert inside.run("deliver", handled(inside, "one"))[0] == 0
    edit(inside, 'respond "cloud"', 'respond "changed"')
    assert f"would change: *.test at :{inside.port}\n" in refused(inside, site=handled(inside, "two"))[0]


# --- the comparison itself ---

FUNCTIONS = "".join(re.findall(r"(?ms)^(?:flat|parts)\(\) \{\n.*?^\}\n", (ROOT / SCRIPT).read_text()))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text('ab"\\/{}[],:=\t\n é', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"/\\:,{', max_size=3), inner, max_size=3),
    max_leaves=8,
)
HOSTS = st.lists(st.sampled_from(["a.test", "b.test", "*.test"]), max_size=2, unique=True)


def route(hosts: list[str], value: Any) -> dict[str, Any]:
    return {"handle": [{"handler": "some", "value": value}], **({"match": [{"host": hosts}]} if hosts else {})}


def parts(folder: Path, config: Any, **how: Any) -> list[str]:
    (folder / "config").write_text(json.dumps(config, **how))
    script = f"SITE_HOST=own.test unloaded=\n{FUNCTIONS}parts '{folder / 'config'}'"
    done = subprocess.run([DASH, "-c", script], capture_output=True, text=True, check=True, env={"LC_ALL": "C"})
    *lines, end = done.stdout.splitlines()
    assert end == "~"
    return lines


@given(st.lists(st.tuples(HOSTS, VALUES), max_size=3), VALUES, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_configurations_are_the_same_parts_just_where_they_are_the_same_json(
    tmp_path: Path, routes: list[tuple[list[str], Any]], other: Any, random: Any
) -> None:
    def config(routes: list[Any], other: Any) -> dict[str, Any]:
        server = {"listen": [":443"], "routes": [route(*each) for each in routes]}
        return {"apps": {"http": {"servers": {"srv0": server}}, "other": other}}

    first = parts(tmp_path, config(routes, other))
    assert parts(tmp_path, config(routes, other), sort_keys=True, indent=1) == first
    assert parts(tmp_path, config(routes, [other, "more"])) != first
    assert parts(tmp_path, config([([], [1, 2])], other)) != parts(tmp_path, config([([], [2, 1])], other))
    own = route(["own.test"], other)
    mixed = config(routes, other)
    mixed["apps"]["http"]["servers"]["srv0"]["routes"].insert(random.randint(0, len(routes)), own)
    if routes:
        assert parts(tmp_path, mixed) == first
        at = random.randrange(len(routes))
        changed = [*routes]
        changed[at] = (routes[at][0], [routes[at][1], "more"])
        said = parts(tmp_path, config(changed, other))
        names = ", ".join(sorted(routes[at][0])) or "any host"
        assert {line.partition("\t")[0] for line in {*first} ^ {*said}} == {f"{names} at :443"}
