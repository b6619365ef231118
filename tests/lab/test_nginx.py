"""The nginx configuration of docs/caddy.md, in a real nginx: who gets through."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.files import ROOT
from lab.processes import free_port
from providers.caddy.credentials import credentials_of
from tests.answering import answers
from tests.reference import STACK
from tests.unit.server import Handler, Server, hang, reply

from .site_world import BROWSER, SESSION

ACCOUNT = STACK["immich:serviceAccount"]
GOOD = {"Authorization": "Basic aW1taWNoLW1vYmlsZS1zZXJ2aWNlOmdvb2Q="}
WRONG = {"Authorization": "Basic aW1taWNoLW1vYmlsZS1zZXJ2aWNlOndyb25n"}
OTHER = {"Authorization": "Basic YWthZG1pbjpnb29k"}
APP = {"User-Agent": "Immich_Android_2.6.0"}
ASKED = "/outpost.goauthentik.io/auth/nginx"


def outpost(handler: Handler) -> None:
    """Answers as an outpost answers nginx: 401 to whom it does not let in."""
    let_in = handler.headers.get("Authorization") == GOOD["Authorization"]
    let_in |= "authentik_proxy_1=session" in handler.headers.get("Cookie", "")
    if handler.path != ASKED:
        reply(200, {"from": "outpost"})(handler)
    else:
        reply(200 if let_in else 401, Set_Cookie="authentik_proxy_1=new")(handler)


@dataclass
class Nginx:
    url: str
    outpost: Server
    immich: Server

    def ask(self, *headers: dict[str, str], path: str = "/api/server/ping") -> requests.Response:
        sent: dict[str, Any] = {"Accept-Encoding": "identity"}
        for each in (BROWSER, *headers):
            sent |= each
        return requests.get(self.url + path, headers=sent, allow_redirects=False, timeout=20)


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("nginx is not installed")
    block = re.search(r"(?ms)^```nginx\n(.*?)^```", (ROOT / "docs" / "caddy.md").read_text())
    assert block is not None
    port = free_port()
    with Server(outpost) as asked, Server(reply(200, {"from": "immich"}, X_Immich_Access="refused")) as immich:
        text = re.sub(r"\n\tssl_certificate.*", "", block[1]).replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
        text = text.replace("http://127.0.0.1:2283", immich.url).replace("http://127.0.0.1:9000", asked.url)
        temporary = "".join(
            f"{each}_temp_path {tmp_path}/{each};\n" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (tmp_path / "nginx.conf").write_text(
            f"daemon off;\npid {tmp_path}/pid;\nerror_log {tmp_path}/error.log;\nuser root;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}{text}}}\n"
        )
        with subprocess.Popen([program, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log"]) as process:
            try:
                assert answers(process, f"http://127.0.0.1:{port}/immich-asked"), (tmp_path / "error.log").read_text()
                for server in (asked, immich):
                    server.asked.clear()
                yield Nginx(f"http://127.0.0.1:{port}", asked, immich)
            finally:
                process.terminate()


def test_the_pattern_is_that_of_the_default_account() -> None:
    assert f'"~{credentials_of(ACCOUNT)}"' in (ROOT / "docs" / "caddy.md").read_text()


def test_the_phone_gets_through_and_nothing_of_it_reaches_immich_or_earns_a_session(nginx: Nginx) -> None:
    answer = nginx.ask(GOOD, SESSION)
    assert (answer.status_code, answer.json()) == (200, {"from": "immich"})
    assert not {"x-immich-access", "set-cookie"} & {name.lower() for name in answer.headers}
    assert "authorization" not in nginx.immich.asked[0].headers
    (asked,) = nginx.outpost.asked
    assert (asked.path, asked.headers["authorization"]) == (ASKED, GOOD["Authorization"])
    assert asked.headers["x-original-url"] == "https://photos.example.org/api/server/ping"
    assert "cookie" not in asked.headers


@pytest.mark.parametrize(
    ("sent", "status", "mark"),
    [
        (WRONG, 403, "refused"),
        (OTHER, 403, "refused"),
        (WRONG | SESSION, 403, "refused"),
        (OTHER | SESSION, 403, "refused"),
        ({"Authorization": "bAsIc x"}, 403, "refused"),
        (APP, 403, "header-missing"),
        ({"User-Agent": "okhttp/4"}, 403, "header-missing"),
        ({}, 302, "login"),
        ({"Authorization": "Bearer x"}, 302, "login"),
    ],
)
def test_nobody_else_does(sent: dict[str, str], status: int, mark: str, nginx: Nginx) -> None:
    answer = nginx.ask(sent)
    assert (answer.status_code, answer.headers["X-Immich-Access"]) == (status, mark)
    assert nginx.immich.asked == []
    assert {each.headers.get("authorization") for each in nginx.outpost.asked} <= {None, WRONG["Authorization"]}
    if status == 302:
        start = "https://photos.example.org/outpost.goauthentik.io/start?rd="
        assert answer.headers["Location"] == f"{start}https://photos.example.org/api/server/ping"
    else:
        assert json.loads(answer.text)["statusCode"] == 403
        assert "set-cookie" not in {name.lower() for name in answer.headers}


def test_a_browser_with_a_session_passes_with_what_immich_lets_it_in_by(nginx: Nginx) -> None:
    answer = nginx.ask(SESSION, {"Authorization": "Bearer of-immich"})
    assert answer.status_code == 200
    assert nginx.immich.asked[0].headers["authorization"] == "Bearer of-immich"
    assert "authorization" not in nginx.outpost.asked[0].headers
    assert nginx.ask(path="/outpost.goauthentik.io/start?rd=x").json() == {"from": "outpost"}


@pytest.mark.parametrize("fault", [reply(500), reply(404), hang], ids=["500", "404", "down"])
def test_an_outpost_that_cannot_say_yes_lets_nobody_in(fault: Any, nginx: Nginx) -> None:
    nginx.outpost.script.answers[:] = [fault]
    for who in (GOOD, SESSION, {}):
        answer = nginx.ask(who)
        assert (answer.status_code, answer.headers["X-Immich-Access"]) == (502, "failed")
        assert answer.json()["statusCode"] == 502
    assert nginx.immich.asked == []
