"""Caddyfiles as people have them, in a real Caddy: what a delivery does with each, by the preset's own commands."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from lab.files import ROOT
from lab.processes import free_port
from providers.caddy.admin import Admin
from providers.caddy.config import doors_of
from tests.lab.site_world import GOOD, WRONG

from .field import CASES, Field

PHONE, REFUSED = (f"Authorization: {each['Authorization']}" for each in (GOOD, WRONG))
MARK = "x-immich-access: "
Case = Callable[..., Field]


@pytest.fixture
def case(caddy: Path) -> Iterator[Case]:
    """Makes a field of a case. Its folder is short: a socket's path has at most 107 characters."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="field-")))
        yield lambda name, service=None, **settings: stack.enter_context(
            Field(caddy, folder, name, service, **settings)
        )


def delivered(field: Field, **changed: str) -> None:
    code, said = field.run("deliver", **changed)
    assert code == 0, said
    assert said.startswith(f"this machine: delivered {field.file} at ")


def gets_through(field: Field, url: str, at: str) -> None:
    """The phone does, a wrong header and a browser do not."""
    assert MARK not in (passed := field.asked(url, at, PHONE))
    assert "200" in passed.partition("\n")[0]
    assert f"{MARK}refused" in field.asked(url, at, REFUSED)
    assert f"{MARK}login" in field.asked(url, at)


def test_https_port_is_where_the_site_is_asked_for(case: Case) -> None:
    field = case("c03-https-port")
    delivered(field)
    gets_through(field, "https://photos.example.org/", f"127.0.0.1:{field.https}")


def test_the_address_of_default_bind_is_where_the_site_is_asked_for(case: Case) -> None:
    field = case("c04-default-bind")
    field.settings_of["immich:url"] = f"https://photos.example.org:{field.https}"
    delivered(field)
    gets_through(field, f"https://photos.example.org:{field.https}/", f"127.0.0.9:{field.https}")


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ("https://photos.example.org:PORT {\n\trespond theirs\n}\n", "answered 200 without X-Immich-Access"),
        ("", "the site answered 502"),
    ],
    ids=["another site", "an error"],
)
def test_only_the_sites_own_answer_is_one(theirs: str, said: str, case: Case) -> None:
    field = case("c04-default-bind")
    field.settings_of["immich:url"] = f"https://photos.example.org:{field.https}"
    if theirs:  # what the reload brings is not our site
        other = field.folder / "Other"
        line = f"import {{$IMMICH_SITE:{field.sites}/*.caddy}}"
        other.write_text(field.text.replace(line, theirs.replace("PORT", str(field.https))))
        reload = field.target().reload.replace(str(field.caddyfile), str(other))
        code, told = field.run("deliver", caddy_reload=reload, caddy_probeSeconds="1")
    else:
        code, told = field.run("deliver", immich_outpostUrl=f"http://127.0.0.1:{free_port()}", caddy_probeSeconds="1")
    assert code == 1
    assert f"at 127.0.0.9:{field.https}: " in told
    assert said in told
    assert "rolled back" in told
    assert not field.file.exists()


def test_the_other_ways_to_immich_are_seen(case: Case) -> None:
    field = case("c05-http-site-left")
    text = field.caddyfile.read_text().replace("127.0.0.1:32283", field.immich.url.removeprefix("http://"))
    field.caddyfile.write_text(text)
    field.settings_of["immich:url"] = f"https://photos.example.org:{field.https}"
    field.reload()
    delivered(field)
    doors = doors_of(f"http://{field.admin}", field.settings().site.url, field.immich.url, [])
    assert set(doors.found) == {f"photos.example.org:{port}" for port in (field.http, field.https2)}


def test_a_handle_of_a_site_for_many_names_takes_the_form_for_it(case: Case) -> None:
    field = case("c06-wildcard-handle")
    field.settings_of["immich:url"] = f"https://photos.example.org:{field.https}"
    code, said = field.run("deliver", immich_insideSite="true")
    assert code == 1
    assert "immich:insideHandle" in said
    assert field.left() == []
    delivered(field, immich_insideHandle="true")
    at = f"127.0.0.1:{field.https}"
    gets_through(field, f"https://photos.example.org:{field.https}/", at)
    notes = field.asked(f"https://notes.example.org:{field.https}/", at)
    assert notes.endswith("notes")
    assert MARK not in notes


SERVICE = {"ACME_EMAIL": "admin@example.org", "DOMAIN": "example.org", "NOTES_UPSTREAM": "127.0.0.1:9"}
SECRET = "a-secret-of-the-service"


@pytest.mark.parametrize("name", ["c08-env", "c08b-env-in-address"])
def test_variables_that_only_caddys_service_has_are_read_by_caddy_from_its_file(name: str, case: Case) -> None:
    field = case(name, {**SERVICE, "TOKEN": SECRET})
    field.settings_of["immich:url"] = f"https://photos.example.org:{field.https}"
    before = field.config()
    code, said = field.run("deliver")
    assert code == 1
    assert "nothing was changed" in said
    assert "caddy:envFile" in said
    if name == "c08b-env-in-address":
        assert f"would end: notes.example.org at :{field.https}" in said
    assert field.config() == before
    assert field.left() == []

    env = field.folder / "caddy.env"
    env.write_text("# as systemd has it\n" + "".join(f'{key}="{value}"\n' for key, value in SERVICE.items()))
    with env.open("a") as file:
        file.write(f"TOKEN={SECRET}\n")
    public = name == "c08-env"  # its certificate is to come from a public CA, which there is none of here
    code, said = field.run("deliver", caddy_envFile=str(env), **({"caddy_probe": "true"} if public else {}))
    assert code == 0, said
    assert SECRET not in said
    if not public:
        gets_through(field, f"https://photos.example.org:{field.https}/", f"127.0.0.1:{field.https}")
    assert "notes.example.org" in json.dumps(field.config())


def of_the_docs() -> str:
    """The tunnel's Caddyfile in docs/caddy.md, with a test's ports and directory."""
    found = re.search(r"(?ms)^```\n(\{\n\tauto_https off.*?)^```", (ROOT / "docs" / "caddy.md").read_text())
    assert found is not None
    block = found[1].replace("{\n", "{\n\tadmin @@ADMIN@@\n\thttp_port @@HTTP@@\n", 1)
    return block.replace("/etc/caddy/immich", "@@SITES@@")


@pytest.mark.parametrize(
    ("caddyfile", "proxies"),
    [("c10-tunnel-http", ["private_ranges"]), (of_the_docs(), ["127.0.0.0/8", "::1"])],
    ids=["as people have it", "as the docs have it"],
)
def test_behind_a_tunnel_that_ends_tls_the_http_site_has_ours_inside(
    caddyfile: str, proxies: list[str], case: Case
) -> None:
    field = case(caddyfile, immich_insideSite="true", immich_trustedProxies=json.dumps(proxies))
    delivered(field, immich_basicNetworks='["192.0.2.0/24"]')
    at = f"127.0.0.1:{field.http}"
    home = ("CF-Connecting-IP: 192.0.2.7", "X-Forwarded-For: 192.0.2.7")
    assert "200" in field.asked("http://photos.example.org/", at, PHONE, *home).partition("\n")[0]
    assert {each.headers["x-forwarded-proto"] for each in field.outpost.asked} == {"https"}
    assert f"{MARK}refused" in field.asked("http://photos.example.org/", at, PHONE, "CF-Connecting-IP: 198.51.100.7")
    delivered(field)
    gets_through(field, "http://photos.example.org/", at)


def test_an_admin_api_on_a_socket_is_asked_there(case: Case) -> None:
    field = case("c11b-admin-unix")
    field.settings_of["immich:url"] = f"https://photos.example.org:{field.https}"
    field.settings_of["caddy:admin"] = admin = f"unix/{field.folder}/admin.sock"
    delivered(field)
    gets_through(field, f"https://photos.example.org:{field.https}/", f"127.0.0.1:{field.https}")
    servers, etag = Admin(admin).servers()
    assert "photos.example.org" in json.dumps(servers)
    assert etag


def test_admin_off_is_named(case: Case) -> None:
    field = case("c04-default-bind")
    field.settings_of["immich:url"] = f"https://photos.example.org:{field.https}"
    field.caddyfile.write_text(field.text.replace(f"admin {field.admin}", "admin off"))
    code, said = field.run("deliver", caddy_admin=f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert "Caddy did not reload: its Caddyfile has 'admin off'" in said
    assert not field.file.exists()


def test_a_directory_that_two_lines_import_is_seen_before_the_reload(case: Case) -> None:
    field = case("c20-conf-d")
    field.settings_of["immich:url"] = f"https://photos.example.org:{field.https}"
    reloads = field.folder / "reloads"
    code, said = field.run("deliver", caddy_reload=f"touch {reloads}")
    assert code == 1
    assert f"takes {field.file} in twice: nothing was changed. Another import line takes it in, too" in said
    assert field.left() == []
    assert not reloads.exists()
    field.caddyfile.write_text(field.text.replace(f"import {field.sites}/*.caddy\n", ""))
    delivered(field)


def test_an_immich_behind_a_private_certificate_is_reached_with_its_ca(case: Case) -> None:
    field = case("c22-upstream-tls", immich_upstreamCa="/dev/null")
    text = field.text.replace("127.0.0.1:32283", field.immich.url.removeprefix("http://"))
    field.caddyfile.write_text(text.replace("immich.lan", "localhost"))  # a name that is one here
    field.settings_of |= {
        "immich:url": f"https://photos.example.org:{field.https}",
        "immich:upstream": f"https://localhost:{field.https2}",
        "immich:upstreamCa": str(field.folder / "data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"),
    }
    field.reload()
    delivered(field)
    gets_through(field, f"https://photos.example.org:{field.https}/", f"127.0.0.1:{field.https}")


DOCKER = """\
#!/bin/sh
case $* in
"port caddy-1 "*) PUBLISHED ;;
"inspect caddy-1 --format "*) printf 'ADDRESSES' ;;
"exec "*)
	shift
	if [ "$1" = --env ]; then export "$2"; shift 2; fi
	[ "$1" = caddy-1 ] || exit 1
	shift
	if [ "$1" = wget ]; then exec curl --silent --fail "$5"; fi
	if [ "$2" = reload ]; then exec "$@" --address ADMIN; fi
	exec "$@"
	;;
*) echo "unexpected: $*"; exit 64 ;;
esac
"""
"""What `docker` does, on a machine without it, for a container that has the host's files."""


def put_docker(field: Field, published: str, addresses: str) -> None:
    """published: what `docker port` runs. addresses: what printf makes of it is what `docker inspect` prints."""
    docker = field.folder / "bin" / "docker"
    script = DOCKER.replace("PUBLISHED", published).replace("ADDRESSES", addresses).replace("ADMIN", field.admin)
    docker.write_text(script)
    docker.chmod(0o755)


@pytest.mark.parametrize(
    ("published", "addresses", "at"),
    [
        ("echo 0.0.0.0:4443; echo [::]:4443", "", "127.0.0.1:4443"),
        ("echo 192.0.2.7:4443", "127.0.0.5\\n", "192.0.2.7:4443"),
        ("exit 1", "127.0.0.5\\n", "127.0.0.5:HTTPS"),
        ("exit 1", "\\n", "127.0.0.1:HTTPS"),
    ],
    ids=["published", "published at an address", "in a network", "in the host's network"],
)
def test_a_container_is_asked_where_this_host_reaches_it(published: str, addresses: str, at: str, case: Case) -> None:
    field = case("c03-https-port", caddy_commands="docker", caddy_container="caddy-1")
    put_docker(field, published, addresses)
    asked = field.folder / "asked"
    delivered(field, caddy_probe=f'echo "$SITE_AT" >{asked}')
    assert asked.read_text().strip() == at.replace("HTTPS", str(field.https))
    if "HTTPS" in at:
        delivered(field)


def test_a_caddyfile_in_a_compose_file_needs_two_dollars(case: Case) -> None:
    text = yaml.safe_load((CASES / "compose-inline.yaml").read_text())["configs"]["caddyfile"]["content"]
    line = next(each for each in text.splitlines() if each.startswith("import"))

    def composed(content: str) -> str:
        """As Compose puts its variables in, of which it has none."""
        return re.sub(r"\$(\$|\w+)", lambda found: "$" if found[1] == "$" else "", content)

    assert composed(line) == "import {$IMMICH_SITE:@@SITES@@/*.caddy}"
    field = case(composed(text.replace("$$", "$")))
    code, said = field.run("deliver")
    assert code == 1
    assert "does not import the site: nothing was changed" in said
    assert "in a Compose file's own configs with $$ for $" in said
    field.caddyfile.write_text(field.filled(composed(text)))
    delivered(field)
    gets_through(field, "https://photos.example.org/", f"127.0.0.1:{field.https}")


def test_a_stack_of_portainers_is_delivered_to_by_its_containers_name(case: Case) -> None:
    service = yaml.safe_load((CASES / "portainer-stack.yaml").read_text())["services"]["reverse-proxy"]
    field = case("c03-https-port", caddy_commands="docker", caddy_container=service["container_name"])
    put_docker(field, "exit 1", "127.0.0.5\\n")
    delivered(field)
    gets_through(field, "https://photos.example.org/", f"127.0.0.1:{field.https}")
    here, there = service["volumes"][0].split(":")
    target = field.target(caddy_file=f"{here}/immich/site.caddy", caddy_importPath=f"{there}/immich/site.caddy")
    assert target.import_path.replace(there, here) == target.file


def test_nixos_has_its_caddyfile_elsewhere_and_imports_the_site(case: Case) -> None:
    nix = (CASES / "nixos.nix").read_text()
    options, ours, notes = (found[1] for found in re.finditer(r"(?ms)onfig = ''\n(.*?)^ *'';", nix))
    field = case(f"{{\n{options}}}\n{ours}notes.example.org {{\n{notes}}}\n")
    delivered(field)
    gets_through(field, "https://photos.example.org/", f"127.0.0.1:{field.https}")
