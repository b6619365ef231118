"""State that an earlier version wrote keeps working: it is read, brought up to date and destroyed."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.claims import inventory
from lab.driver import Driver
from lab.files import write_private
from lab.gateway import counted
from lab.house import _kept, build, quiet, tear_down

FIXTURES = Path(__file__).parents[1] / "fixtures"
"""For each version a folder: stack.json (the exported stack of two phones), authentik.sql (what the stand-in held),
kept.json (ports and throw-away secrets of that lab). The passphrase is `fixture`."""


CLOSED = ("immich-phones", "immich-phone.g1", "immich-anna.g1", "immich-provider", "immich-application")
"""What that version let stand open: their fields that nobody declared were in no state. One update each declares them
empty; an update that is left out where the server has them empty now would leave them out of the state, too."""


def _moved(text: str, ports: dict[str, str]) -> str:
    """A text of the old lab with the ports of the new one."""
    return re.sub(r"\b\d{5}\b", lambda port: ports.get(port[0], port[0]), text)


def _with_digest(state: str) -> dict[str, Any]:
    """A state whose route was moved, with the digest of the route as it is now."""
    deployment: dict[str, Any] = json.loads(state)
    for resource in deployment["deployment"]["resources"]:
        if resource["type"].endswith(":CaddyConfig"):
            outputs = resource["outputs"]
            outputs["applied"] = hashlib.sha256(outputs["route"].encode()).hexdigest()
    return deployment


@pytest.fixture(params=sorted(path.name for path in FIXTURES.glob("state-*")))
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """A lab as the earlier version left it, at ports of its own; Caddy has lost its route meanwhile.

    Always on the stand-in: at another Authentik the primary keys of that state are somebody else's objects.
    """
    for part in ("URL", "TOKEN"):
        monkeypatch.delenv(f"LAB_AUTHENTIK_{part}", raising=False)
    fixture, folder = FIXTURES / str(request.param), tmp_path / "lab"
    then, now = json.loads((fixture / "kept.json").read_text()), _kept(folder)
    ports = {str(then[name]): now[name] for name in now if name.startswith("port_of_")}
    tokens = {name: value for name, value in then.items() if not name.startswith("port_of_")}
    write_private(folder / "kept.json", now | tokens)
    write_private(folder / "passphrase", "fixture")
    (folder / "authentik").mkdir()
    with sqlite3.connect(folder / "authentik" / "state") as database:
        database.executescript(_moved((fixture / "authentik.sql").read_text(), ports))
    database.close()
    try:
        driver = Driver(build(folder, quiet))
        assert not driver.lab.real
        driver.stack.configure(phones=[{"name": "phone"}, {"name": "anna"}], verify=False)
        write_private(tmp_path / "stack.json", _with_digest(_moved((fixture / "stack.json").read_text(), ports)))
        driver.stack.must("stack", "import", "--file", str(tmp_path / "stack.json"))
        yield driver
    finally:
        tear_down(folder, quiet)


def test_an_earlier_state_is_read_kept_up_to_date_and_destroyed(old: Driver) -> None:
    headers = old.headers()
    assert set(headers) == {"phone", "anna"}
    with counted(old.lab) as calls:
        planned = json.loads(old.stack.preview("--json").output)
    assert calls.made == []
    changes = {step["urn"].rpartition("::")[2]: step["op"] for step in planned["steps"] if step["op"] != "same"}
    assert changes.items() >= dict.fromkeys(CLOSED, "update").items()
    # The site's own lines may be newer than that state; so are its component, and what looks at who may enter what.
    newer = {("immich-site", "update")} | {
        (f"immich-{name}", "create") for name in ("caddy", "bindings", "members", "isolation")
    }
    assert {(name, op) for name, op in changes.items() if name not in CLOSED} <= newer
    old.stack.configure(verify=None)  # the proof is newer than that state
    with counted(old.lab) as calls:
        old.stack.up("--refresh")
    written = [f"{method} {path.split('/')[2]}" for method, path in calls.made if method != "GET"]
    assert sorted(written) == ["PATCH applications", "PATCH groups", "PATCH proxy", "PATCH users", "PATCH users"]
    with counted(old.lab) as calls:
        old.stack.up()
    assert calls.made == []
    assert any("view_user_applications" in each for each in old.stack.outputs()["untold"])  # a right of later versions
    assert old.headers() == headers
    for header in headers.values():
        assert old.until(True, {"Authorization": header}) is not None
    bindings = {each["id"] for each in _resources(old) if each["type"].endswith(":PolicyBinding")}
    (route,) = (each["id"] for each in _resources(old) if each["type"].endswith(":CaddyConfig"))
    there = inventory(old)
    assert bindings
    assert bindings <= {*there["bindings"]}
    assert old.lab.names["phones_group"] in there["groups"]
    assert f"'{route}'" in str(there["Caddy's configuration"])
    old.stack.destroy()
    left = inventory(old)
    assert left["applications"] == left["proxy providers"] == left["providers on the outpost"] == []
    assert not [user for user in left["users"] if user.startswith("immich-")]
    assert not bindings & {*left["bindings"]}
    assert [*there["groups"]] == sorted([*left["groups"], old.lab.names["phones_group"]])
    assert f"'{route}'" not in str(left["Caddy's configuration"])


def _resources(driver: Driver) -> list[dict[str, Any]]:
    return list(driver.stack.export()["deployment"]["resources"])
