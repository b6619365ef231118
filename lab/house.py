"""The house: Authentik, Immich and Caddy on the loopback, and the program's stack on top."""

import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import requests
import yaml

from lab.authentik_admin import Admin
from lab.files import ROOT, TOOLS, Lab, write_private
from lab.processes import JsonLine, ProcessError, Processes, free_port
from lab.proxies import DIRECTORIES_OF_HOSTS, PORTS_OF_HOSTS, Proxies
from lab.stack import Stack, StackError
from lab.toolchain import Toolchain, ensure

STACK = "lab"
DIRECTORY_OF_STACK = "stack"
STAND_IN_CACHE_SECONDS = 2.0
"""The real outpost remembers a header for 60 s; the stand-in for less, so that a demo is short."""
REAL_CACHE_SECONDS = 60.0
PEOPLE = "lab-family"
LOGINS = "lab-logins"
"""The group in a real Authentik that tells where its embedded outpost sent logins before the labs on it."""
MADE_UP = ("bootstrap_token", "bootstrap_password", "immich_password")

Say = Callable[[str], None]


def quiet(_: str) -> None:
    """Progress that nobody reads."""


def build(folder: Path, say: Say, delivery: str = "") -> Lab:
    """Start what is not running, and write lab.json; the stack is there but not up. Safe to run again.

    delivery: how the site gets to Caddy, of DELIVERIES; as the lab was built, or admin, if empty.
    """
    real = _real_authentik(folder)
    tools = ensure(TOOLS)
    kept = _kept(folder, delivery)
    processes = Processes(folder)
    say("Starting Immich's stand-in")
    immich = _immich(folder, processes, kept)
    if real:
        authentik, token = real
        say(f"Using the Authentik at {urlsplit(authentik).netloc}")
    else:
        say("Starting Authentik's stand-in with its outpost")
        authentik, token = _authentik(folder, processes, kept), kept["bootstrap_token"]
    say("Starting Caddy with a certificate authority of its own")
    names = _names(kept["id"] if real else "")
    host = f"immich{'-' + kept['id'] if real else ''}.lab.test"
    proxies = _proxies(folder, kept, authentik)
    proxies.start(processes, tools, _environment())
    lab = Lab(
        immich_url=f"https://{host}:{kept['port_of_caddy']}",
        ca=str(folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"),
        address=f"127.0.0.1:{kept['port_of_caddy']}",
        authentik_url=authentik,
        authentik_token=token,
        caddy_admin=f"http://127.0.0.1:{kept['port_of_admin']}",
        immich_log=str(folder / "immich" / "requests.jsonl"),
        pulumi=str(tools.pulumi.path),
        env=_engine_env(folder, tools) | proxies.secrets(),
        stack=STACK,
        config_file=str(folder / DIRECTORY_OF_STACK / f"Pulumi.{STACK}.yaml"),
        gateway_log=str(folder / "caddy" / "gateway.jsonl"),
        cache_seconds=REAL_CACHE_SECONDS if real else STAND_IN_CACHE_SECONDS,
        names=names,
        people={},
        immich_email="owner@lab.test",
        immich_password=kept["immich_password"],
        real=bool(real),
        own=kept["id"] if real else "",
    )
    lab.save(folder)  # before anything is made in Authentik, so that tear_down knows where to look
    admin = Admin(authentik, token, lab.own)
    family = admin.group(names["people_group"])
    if real:
        _lead_logins(admin, authentik)
    operator = _operator(admin, names["operator"], kept, folder)
    people = {names["person"]: admin.account(names["person"], family)}
    lab = replace(lab, people=people, env={**lab.env, "AUTHENTIK_TOKEN": operator})
    proxies.prepare(tools, {**_environment(), **lab.env})
    _stack(folder, lab, immich, f"http://127.0.0.1:{kept['port_of_gateway']}", proxies.settings())
    lab.save(folder)
    return lab


def tear_down(folder: Path, say: Say) -> None:
    """Destroy the stack, remove the lab's own objects, end the servers. What is gone already is fine."""
    processes = Processes(folder)
    if (described := _described(folder)) and described.real and not _answers(described.authentik_url):
        for name in processes.stop_all():
            say(f"Ended {name}")
        raise ProcessError(
            f"the Authentik at {described.authentik_url}, on which this lab was built, does not answer. What the lab "
            f"made there is still there, named …{described.own}: run make lab-down again once it answers, or delete it "
            f"there and remove {folder / 'lab.json'}."
        )
    if described:
        lab = build(folder, say)  # destroying takes the servers, and one may have died
        try:
            _empty(lab, say)
        except StackError:
            if lab.real:
                raise
            say("The stack does not let itself be destroyed; what it made goes with the stand-ins")
    for name in processes.stop_all():
        say(f"Ended {name}")
    for leftover in ("lab.json", "lab.env", "kept.json"):
        (folder / leftover).unlink(missing_ok=True)
    for directory in ("authentik", "immich", *DIRECTORIES_OF_HOSTS, "state", DIRECTORY_OF_STACK):
        shutil.rmtree(folder / directory, ignore_errors=True)


def _empty(lab: Lab, say: Say) -> None:
    """Take the stack and the lab's own objects out of Authentik and Caddy."""
    say("Destroying the stack")
    stack = Stack(lab)
    stack.settle()
    stack.destroy("--remove")
    admin = Admin(lab.authentik_url, lab.authentik_token, lab.own)
    admin.remove_user(lab.names["person"])
    admin.remove_operator(lab.names["operator"])
    admin.remove_group(lab.names["people_group"])
    if lab.real:
        _give_logins_back(admin, lab.authentik_url)


def _lead_logins(admin: Admin, authentik: str) -> None:
    """Let the embedded outpost send logins to Authentik where it sends them to localhost, as one that nobody told does.

    GetOIDCEndpoint in internal/outpost/proxyv2/application/endpoint.go. All labs on it share that: what it was told
    before stands in a group of Authentik's, and the last one to be torn down gives it back.
    """
    if (former := admin.login_host) == "" or urlsplit(former).hostname == "localhost":
        with suppress(requests.HTTPError):  # another lab has led them, and knows what was there before
            admin.call("POST", "/core/groups/", {"name": LOGINS, "attributes": {"former": former}})
        admin.login_host = authentik


def _give_logins_back(admin: Admin, authentik: str) -> None:
    """Undo what _lead_logins did, once no other lab is there."""
    led = admin.one("/core/groups/", name=LOGINS)
    if led is None or any(each["name"].startswith(f"{PEOPLE}-") for each in admin.every("/core/groups/")):
        return
    if admin.login_host == authentik:
        admin.login_host = led["attributes"]["former"]
    admin.remove_group(LOGINS)


def _described(folder: Path) -> Lab | None:
    """The lab that lab.json tells of, or None."""
    try:
        return Lab.load(folder)
    except FileNotFoundError:
        return None


def _real_authentik(folder: Path) -> tuple[str, str] | None:
    """URL and token of a real Authentik: the one this lab was built on, or the one that the environment names."""
    url, token = (os.environ.get(f"LAB_AUTHENTIK_{part}", "") for part in ("URL", "TOKEN"))
    if bool(url) != bool(token):
        raise ValueError("set both LAB_AUTHENTIK_URL and LAB_AUTHENTIK_TOKEN, or neither")
    # By its address: a login page at localhost is what the doctor takes for an outpost that nobody told where it is.
    url = re.sub(r"^http://localhost\b", "http://127.0.0.1", url.rstrip("/"))
    if lab := _described(folder):
        if url and url != (there := lab.authentik_url if lab.real else ""):
            raise ValueError(
                f"this lab was built on {there or 'the stand-in'}, and LAB_AUTHENTIK_URL names {url}. Run make "
                "lab-down without LAB_AUTHENTIK_URL first, or name another folder in LAB_DIR"
            )
        return (lab.authentik_url, lab.authentik_token) if lab.real else None
    return (url, token) if url else None


def _answers(authentik: str) -> bool:
    """Whether an Authentik answers at all."""
    try:
        requests.get(f"{authentik}/-/health/live/", timeout=10)
    except requests.RequestException:
        return False
    return True


def _kept(folder: Path, delivery: str = "") -> dict[str, str]:
    """What this lab made up once: its id, its ports, and the secrets of its servers."""
    path = folder / "kept.json"
    if not path.exists():
        made = {each: secrets.token_urlsafe(32) for each in MADE_UP}
        ports = {f"port_of_{each}": str(free_port()) for each in ("immich", "authentik", "caddy", "admin", "gateway")}
        write_private(path, {"id": secrets.token_hex(3), "delivery": delivery or "admin", **made, **ports})
        write_private(folder / "passphrase", secrets.token_urlsafe(32))
    kept: dict[str, str] = json.loads(path.read_text())
    if delivery and delivery != (there := kept.get("delivery", "admin")):
        raise ValueError(f"this lab's delivery is {there}; run make lab-down before one with {delivery}")
    return kept


def _names(suffix: str) -> dict[str, str]:
    """The names of the lab's objects; in a real Authentik with a suffix of their own."""
    names = {
        "people_group": PEOPLE,
        "person": "lab-anna",
        "operator": "lab-operator",
        "service_account": "immich-mobile-service",
        "phones_group": "immich-mobile-users",
        "application": "immich",
        "provider": "Immich Forward Auth",
        "second": "lab-second",
    }
    return {key: f"{name}-{suffix}".replace(" ", "-") if suffix else name for key, name in names.items()}


def _immich(folder: Path, processes: Processes, kept: dict[str, str]) -> str:
    running = processes.find("immich") or processes.start(
        "immich",
        [
            *(sys.executable, "-m", "lab.immich", "--listen", f"127.0.0.1:{kept['port_of_immich']}"),
            *("--state", folder / "immich" / "state", "--log", folder / "immich" / "requests.jsonl"),
        ],
        {**_environment(), "IMMICH_LAB_EMAIL": "owner@lab.test", "IMMICH_LAB_PASSWORD": kept["immich_password"]},
        folder / "logs" / "immich.log",
        ready=JsonLine(),
        cwd=ROOT,
    )
    return str(running.said["url"])


def _authentik(folder: Path, processes: Processes, kept: dict[str, str]) -> str:
    (folder / "authentik").mkdir(parents=True, exist_ok=True)
    running = processes.find("authentik") or processes.start(
        "authentik",
        [
            *(sys.executable, "-m", "lab.authentik", "--listen", f"127.0.0.1:{kept['port_of_authentik']}"),
            *("--state", folder / "authentik" / "state", "--requests", folder / "authentik" / "requests.jsonl"),
            *("--cache-seconds", str(STAND_IN_CACHE_SECONDS), "--load-seconds", "0.5"),
            *(("--version", acts_as) if (acts_as := os.environ.get("LAB_AUTHENTIK_VERSION", "")) else ()),
        ],
        {
            **_environment(),
            "AUTHENTIK_BOOTSTRAP_TOKEN": kept["bootstrap_token"],
            "AUTHENTIK_BOOTSTRAP_PASSWORD": kept["bootstrap_password"],
        },
        folder / "logs" / "authentik.log",
        ready=JsonLine(),
        cwd=ROOT,
    )
    return str(running.said["url"])


def _proxies(folder: Path, kept: dict[str, str], authentik: str) -> Proxies:
    """The Caddys. All calls of the program to Authentik pass the first one, to be counted."""
    host = " {\n\t\theader_up Host {upstream_hostport}\n\t}" if authentik.startswith("https://") else ""
    gateway = f"""
http://127.0.0.1:{kept["port_of_gateway"]} {{
	log {{
		output file {folder / "caddy" / "gateway.jsonl"}
	}}
	reverse_proxy {authentik}{host}
}}
"""
    missing = [name for name in PORTS_OF_HOSTS if name not in kept]
    kept |= {name: str(free_port()) for name in missing}
    if missing:
        write_private(folder / "kept.json", kept)
    return Proxies(folder, kept.get("delivery", "admin"), kept, gateway)


def _operator(admin: Admin, name: str, kept: dict[str, str], folder: Path) -> str:
    """The key of the least-privilege token that the program runs with, made once."""
    if "operator_token" not in kept:
        kept["operator_token"] = admin.operator(name)
        write_private(folder / "kept.json", kept)
    return kept["operator_token"]


def _engine_env(folder: Path, tools: Toolchain) -> dict[str, str]:
    state = folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    return {
        **tools.env(),
        "PULUMI_HOME": str(folder / "pulumi-home"),
        # Without sidecar files: the engine does not write them atomically, and a kill can leave an empty one, which it
        # then cannot read.
        "PULUMI_BACKEND_URL": f"{state.as_uri()}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder / "passphrase"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PYTHONDONTWRITEBYTECODE": "",  # else every run compiles the program anew, in two processes
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # So that `pulumi up --stack lab` alone finds the settings, which do not stand beside Pulumi.yaml.
        "PULUMI_OPTION_CONFIG_FILE": str(folder / DIRECTORY_OF_STACK / f"Pulumi.{STACK}.yaml"),
    }


def _stack(folder: Path, lab: Lab, immich: str, gateway: str, caddy: dict[str, object]) -> None:
    """Make the stack, whose settings file the engine writes beside the Pulumi.yaml that it is made from."""
    directory = folder / DIRECTORY_OF_STACK
    if not any((folder / "state").rglob(f"{STACK}.json")):  # a tear-down that failed leaves the settings alone
        directory.mkdir(parents=True, exist_ok=True)
        Path(lab.config_file).unlink(missing_ok=True)
        shutil.copy(ROOT / "Pulumi.yaml", directory)
        initial = replace(lab, env={**lab.env, "PULUMI_OPTION_CONFIG_FILE": ""})
        Stack(initial).must("stack", "init", "--cwd", str(directory))
    document = yaml.safe_load(Path(lab.config_file).read_text()) or {}
    document["config"] = {
        "authentik:url": gateway,
        **caddy,
        "immich:url": lab.immich_url,
        "immich:upstream": immich,
        "immich:outpostUrl": lab.authentik_url,
        "immich:peopleGroups": [lab.names["people_group"]],
        "immich:serviceAccount": lab.names["service_account"],
        "immich:phonesGroup": lab.names["phones_group"],
        "immich:application": lab.names["application"],
        "immich:providerName": lab.names["provider"],
        "immich:probeAddress": lab.address,
        "immich:probeCa": lab.ca,
        **{key: value for key, value in (document.get("config") or {}).items() if key == "immich:phones"},
    }
    Path(lab.config_file).write_text(yaml.safe_dump(document))


def _environment() -> dict[str, str]:
    """What a server of the lab needs of this process's environment; no variable that may hold a secret."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
