"""What the demo claims, each seen in real requests: the phone gets through, and nothing else does."""

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

import requests
from websockets.exceptions import InvalidStatus

from lab.authentik.versions import accepts_inactive
from lab.driver import PING, Driver, basic
from lab.files import ROOT
from lab.gateway import counted
from lab.offline import CANNOT
from lab.person import BROWSER, Person
from lab.proof import Proof

UPLOAD_BYTES = 200 * 1024 * 1024
SOCKET = "/api/socket.io/?EIO=4&transport=websocket"
IDENTITY = {"X-Authentik-Username": "akadmin", "X-Authentik-Groups": "authentik Admins"}
Observed = tuple[str, bool]


def prove_preview(proof: Proof, driver: Driver) -> None:
    """A preview needs neither network nor token."""

    def preview() -> Observed:
        bare = {**os.environ, **driver.lab.env}
        bare.pop("AUTHENTIK_TOKEN", None)
        offline = (str(Path(driver.lab.env["VIRTUAL_ENV"]) / "bin" / "python"), "-m", "lab.offline")
        with counted(driver.lab) as calls:
            config = ("--config-file", driver.lab.config_file)
            run = driver.stack.run("preview", *config, env={**bare, "PYTHONPATH": str(ROOT)}, prefix=offline)
            cut = "no network"
            if run.code == CANNOT:
                cut, run = (
                    "the network there, as this system cannot cut it",
                    driver.stack.run("preview", *config, env=bare),
                )
        if run.code != 0:
            return f"exit {run.code}: {run.output[-300:]}", False
        return f"exit 0 in {run.seconds:.1f} s with {cut}, no token, {len(calls)} API calls", len(calls) == 0

    proof.judge("A preview works without network and without a token", "exit 0, no API call", preview)


def prove_access(proof: Proof, driver: Driver) -> None:
    """The header gets through, everything else does not."""
    header = driver.header()
    username = driver.account()["username"]

    def right() -> Observed:
        seconds = driver.until(True, header)
        answer = driver.web.get(PING, header)
        return f"{answer.status} {answer.data.decode()} (outpost ready after {seconds or 0:.1f} s)", seconds is not None

    def login_page() -> Observed:
        with driver.reached() as reached:
            answer = driver.web.get(PING, BROWSER)
        target = answer.headers.get("Location", "").partition("?")[0]
        return (
            f"{answer.status} to {target}",
            answer.status == 302 and "/application/o/authorize" in target and not reached,
        )

    proof.judge(
        "An app without a header is refused as an app",
        "403, Immich's form of an error, Immich sees nothing",
        lambda: _refused(driver, {}),
    )
    proof.judge("The exported header reaches Immich", '200 {"res":"pong"}', right)
    proof.judge(
        "Without a header a browser is sent to the login page", "302 to Authentik, Immich sees nothing", login_page
    )
    password = header["Authorization"]
    strangers = {
        "A wrong password does not reach Immich": basic(username, "wrong"),
        "An unknown user does not reach Immich": basic("nobody-at-all", "wrong"),
        "A spoiled header does not reach Immich": {"Authorization": password[:-6]},
        "Basic without credentials does not reach Immich": {"Authorization": "Basic"},
    }
    for claim, wrong in strangers.items():
        proof.judge(claim, "403, Immich's form of an error, Immich sees nothing", partial(_refused, driver, wrong))
    _prove_people(proof, driver)


def prove_header_ends_at_caddy(proof: Proof, driver: Driver) -> None:
    """Basic never reaches Immich and never yields a session; what Immich needs does reach it."""
    header = driver.header()
    encoded = header["Authorization"].split()[1]

    def letter_case() -> Observed:
        schemes = ("Basic", "basic", "BASIC", "bAsIc")
        with driver.reached() as reached:
            answers = [driver.web.get(PING, {**IDENTITY, "Authorization": f"{each} {encoded}"}) for each in schemes]
        seen = json.dumps(reached)
        cookies = [answer for answer in answers if "authentik" in answer.headers.get("Set-Cookie", "")]
        leaked = encoded in seen or "x-authentik" in seen.lower()
        fine = len(reached) == 4 and all(answer.status == 200 for answer in answers) and not cookies and not leaked
        return (
            f"{len(reached)} requests at Immich, {'some' if leaked else 'none'} with it, {len(cookies)} cookies",
            fine,
        )

    def outpost_paths() -> Observed:
        paths = [f"/outpost.goauthentik.io/{path}" for path in ("auth/caddy", "auth/nginx", "start")]
        answers = [driver.web.get(path, {**header, "X-Forwarded-Uri": "/"}) for path in paths]
        told = [name for answer in answers for name in answer.headers if name.lower().startswith("x-authentik")]
        return f"{[answer.status for answer in answers]}, {told or 'no'} identity", not told

    def bought() -> Observed:
        token = driver.token_of_provider(header)
        tried = [{"Authorization": f"Bearer {token}"}, basic("goauthentik.io/token", token)]
        with driver.reached() as reached:
            answers = [driver.web.get(PING, each) for each in tried]
        seen = [answer.status for answer in answers]
        return f"{seen}, {len(reached)} requests at Immich", seen == [403, 403] and not reached

    def passing() -> Observed:
        with driver.reached() as reached:
            driver.web.get("/api/users/me", {**header, "Cookie": "immich_access_token=abc", "x-api-key": "def"})
        sent = [each["headers"] for each in reached]
        got = [(each.get("cookie"), each.get("x-api-key")) for each in sent]
        fine = got == [("immich_access_token=abc", "def")]
        return f"{len(sent)} requests at Immich, {'with' if fine else 'not with'} what was sent", fine

    proof.judge(
        "Basic in any letter case ends at Caddy and yields no session",
        "200, no Basic at Immich, no cookie",
        letter_case,
    )
    proof.judge("The outpost's own paths tell nothing for Basic", "no identity header", outpost_paths)
    proof.judge("A token that the app password buys opens nothing", "403 as Bearer and as a password", bought)
    proof.judge("Cookie and x-api-key reach Immich untouched", "each as it was sent", passing)


def prove_big_and_long(proof: Proof, driver: Driver) -> None:
    """A big upload and a websocket pass."""
    session = driver.immich_session()

    def upload() -> Observed:
        form = {**session, "Content-Type": "multipart/form-data; boundary=lab"}
        with tempfile.TemporaryFile() as body:  # never in memory as a whole
            digest = _multipart(body, UPLOAD_BYTES)
            answer = driver.web.request("POST", "/api/assets", form, body)
        if answer.status != 201:
            return f"{answer.status} {answer.data[:200].decode(errors='replace')}", False
        asset = driver.web.get(f"/api/assets/{answer.json()['id']}", session).json()
        return f"201, checksum {'equal' if asset['checksum'] == digest else 'DIFFERENT'}", asset["checksum"] == digest

    def websocket() -> Observed:
        with driver.web.websocket(SOCKET, session) as socket:
            opened = str(socket.recv(timeout=10))
            socket.send("40")
            joined = str(socket.recv(timeout=10))
        return f"opened ({opened[:8]}…), joined ({joined[:8]}…)", opened.startswith("0{") and joined.startswith("40")

    def closed_websocket() -> Observed:
        try:
            driver.web.websocket(SOCKET, basic("nobody-at-all", "wrong")).close()
        except InvalidStatus as refused:
            return f"{refused.response.status_code}", refused.response.status_code == 403
        return "opened", False

    def as_app(era: str) -> Observed:
        token = {"x-immich-user-token": session["x-immich-user-token"]}
        cookies = "immich_access_token={}; immich_auth_type=password; immich_is_authenticated=true"
        sent = {
            "token header": {"User-Agent": "Dart/3.8 (dart:io)", **token},
            "cookies": {"User-Agent": "immich-android/2.6.0", "Cookie": cookies.format(*token.values())},
        }[era]
        header = driver.header()
        me = [driver.web.get("/api/users/me", {**sent, **each}) for each in (header, basic("nobody", "wrong"), {})]
        marks = [answer.headers.get("X-Immich-Access", "") for answer in me]
        email = me[0].json().get("email")
        fine = [answer.status for answer in me] == [200, 403, 403] and marks == ["", "refused", "header-missing"]
        return f"{[answer.status for answer in me]}, {marks[1:]}", fine and email == driver.lab.immich_email

    for era in ("token header", "cookies"):
        claim = f"The app that logs in by {era} is known to Immich, and without the right header refused as an app"
        proof.judge(claim, "200, 403 refused, 403 header-missing", partial(as_app, era))
    proof.judge("An upload of 200 MB passes", "201 and the same checksum", upload)
    proof.judge("The websocket passes", "open and joined", websocket)
    proof.judge("The websocket does not open for a wrong header", "403", closed_websocket)


def prove_only_immich(proof: Proof, driver: Driver) -> None:
    """The phone's account enters Immich and no other application."""
    person, password = next(iter(driver.lab.people.items()))
    host = f"{driver.lab.names['second']}.lab.test"

    def second() -> Observed:
        with driver.second_application(host):
            people = driver.outpost_answers(host, basic(person, password), 200)
            phone = driver.outpost_says(host, driver.header())
        return f"phone {phone}, person {people}", phone == 302 and people == 200

    proof.judge("The phone's account cannot enter a second, bound application", "phone 302, person 200", second)


def prove_off_switches(proof: Proof, driver: Driver) -> None:
    """Each way to take the phone's access away does so within the outpost's cache time."""
    header = driver.header()

    def cut_by(damage: Mapping[str, Any]) -> Observed:
        driver.passes(header)  # so that the outpost remembers it
        with driver.broken(damage):
            seconds = driver.until(False, header)
            observed = _refused(driver, header) if seconds is not None else ("still passes", False)
        back = driver.until(True, header)
        return f"{observed[0]} after {seconds or 0:.1f} s, passes again when undone", observed[1] and back is not None

    def still_in() -> Observed:
        with driver.broken({"is_active": False}):
            seconds = driver.until(False, header, remembered := driver.lab.cache_seconds + 15)
        return "refused" if seconds is not None else f"passes after {remembered:.0f} s", seconds is None

    def revoked() -> Observed:
        driver.passes(header)
        token = f"/core/tokens/service-account-{driver.account()['username']}-password/"
        driver.admin.call("DELETE", token)
        seconds = driver.until(False, header)
        observed = _refused(driver, header) if seconds is not None else ("still passes", False)
        driver.stack.up("--replace", driver.stack.urns()["immich-phone.g1"])
        renewed = driver.until(True, driver.header())
        old = driver.passes(header)
        fine = observed[1] and renewed is not None and not old
        return f"{observed[0]} after {seconds or 0:.1f} s; a new up makes a new one, the old one stays out", fine

    def switched_off() -> Observed:
        driver.stack.configure(enabled=False)
        try:
            driver.stack.up()
            seconds = driver.until(False, driver.header())
        finally:
            driver.stack.configure(enabled=None)
            driver.stack.up()
        back = driver.until(True, driver.header())
        return f"refused after {seconds or 0:.1f} s, passes again when on", seconds is not None and back is not None

    within = f"403 within {driver.lab.cache_seconds:.0f} s of cache"
    version = driver.version
    if accepts_inactive(version):
        late = f"200 for as long as asked: Authentik {version} accepts the app password"
        proof.judge("A deactivated account alone is not kept out by an old Authentik", late, still_in)
    else:
        proof.judge("A deactivated account does not reach Immich", within, lambda: cut_by({"is_active": False}))
    proof.judge("An account out of its group does not reach Immich", within, lambda: cut_by({"groups": []}))
    proof.judge("A revoked password does not reach Immich", within, revoked)
    proof.judge("immich:enabled false switches every phone off in one up", within, switched_off)


def prove_idempotency(proof: Proof, driver: Driver) -> None:
    """A second up has nothing to do and asks nothing; a refresh sees nothing changed."""

    def second_up() -> Observed:
        with counted(driver.lab) as calls:
            run = driver.stack.up()
        return f"{len(calls)} API calls in {run.seconds:.1f} s", len(calls) == 0 and "unchanged" in run.output

    def refresh() -> Observed:
        with counted(driver.lab) as calls:
            run = driver.stack.run(
                *("refresh", "--preview-only", "--expect-no-changes", "--config-file", driver.lab.config_file)
            )
        reads = all(method == "GET" for method, _ in calls.made)
        observed = f"exit {run.code}, {len(calls)} API calls ({calls.by_method()}) in {run.seconds:.1f} s"
        return observed, run.code == 0 and len(calls) > 0 and reads

    proof.judge("A second up makes no API call", "0 API calls, all unchanged", second_up)
    proof.judge("A refresh sees no drift where there is none", "exit 0, only reads", refresh)


def prove_nothing_left(proof: Proof, driver: Driver, before: Mapping[str, Any]) -> None:
    """After a destroy Authentik, the outpost's list and Caddy are as they were."""

    def destroyed() -> Observed:
        header = driver.header()
        with counted(driver.lab) as calls:
            run = driver.stack.destroy()
        after = inventory(driver)
        changed = [part for part in before if before[part] != after[part]]
        passes = _reaches(driver, header)
        shown = f"{len(calls)} API calls in {run.seconds:.1f} s; changed: {', '.join(changed) or 'nothing'}"
        return f"{shown}; the header {'still passes' if passes else 'is dead'}", not changed and not passes

    proof.judge("After destroy nothing is left", "Authentik, outpost and Caddy as before, header dead", destroyed)


def inventory(driver: Driver) -> dict[str, Any]:
    """What there is in Authentik and in Caddy."""
    caddy = requests.get(f"{driver.lab.caddy_admin}/config/", timeout=10).json()
    return {**driver.admin.snapshot(), "Caddy's configuration": caddy}


def _prove_people(proof: Proof, driver: Driver) -> None:
    group = driver.admin.group(driver.lab.names["people_group"])

    def enters() -> Observed:
        name = f"{driver.lab.names['person']}-browser"
        with Person(driver.admin, driver.lab.authentik_url, name, group) as person:
            session = person.enter(driver.web)
            with driver.reached() as reached:
                answer = driver.web.get(PING, session)
        seen = [each["headers"] for each in reached]
        leaked = "authentik" in json.dumps(seen).lower()
        return f"{answer.status}, {len(seen)} requests at Immich", answer.status == 200 and bool(seen) and not leaked

    proof.judge("A person of the people's group logs in and enters", "200, Authentik's cookie ends at Caddy", enters)


def _refused(driver: Driver, header: Mapping[str, str]) -> Observed:
    with driver.reached() as reached:
        answer = driver.web.get(PING, header)
    plain = answer.status == 403 and answer.json().get("statusCode") == 403 and "WWW-Authenticate" not in answer.headers
    return f"{answer.status}{'' if plain else ' in another form'}, Immich saw {len(reached)}", plain and not reached


def _reaches(driver: Driver, header: Mapping[str, str]) -> bool:
    with driver.reached() as reached:
        try:
            driver.web.get(PING, header)
        except Exception:  # noqa: BLE001  # with the site gone there may be no certificate for its name either
            return bool(reached)
    return bool(reached)


def _multipart(file: IO[bytes], size: int) -> str:
    """Write an upload of size bytes as Immich's app sends it; the answer is the base64 of their SHA-1."""
    digest = hashlib.sha1(usedforsecurity=False)
    fields = {
        "deviceAssetId": "lab-1",
        "deviceId": "lab",
        "fileCreatedAt": "2026-01-01T00:00:00.000Z",
        "fileModifiedAt": "2026-01-01T00:00:00.000Z",
    }
    for name, value in fields.items():
        file.write(f'--lab\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    head = 'Content-Disposition: form-data; name="assetData"; filename="lab.jpg"\r\nContent-Type: image/jpeg'
    file.write(f"--lab\r\n{head}\r\n\r\n".encode())
    for _ in range(size // 2**20):
        chunk = os.urandom(2**20)
        digest.update(chunk)
        file.write(chunk)
    file.write(b"\r\n--lab--\r\n")
    file.seek(0)
    return base64.b64encode(digest.digest()).decode()
