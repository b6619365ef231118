"""The documents tell the truth where a machine can tell."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.isolation import warning
from components.settings import SettingsError, read_settings
from components.settings.caddy_options import OPTIONS
from docs import messages
from lab.authentik_admin import LOGIN_RIGHTS, RIGHTS
from phone.outputs import _REMEDIES, _reason
from providers.access.causes import Cause
from providers.access.client import Public
from providers.authentik.api.client import Client
from providers.authentik.api.errors import Call
from providers.authentik.api.versions import TRIED
from providers.authentik.group import GroupProvider
from providers.authentik.model.kind import check
from providers.authentik.model.rules import duration, regular_expressions, slug, web_url
from providers.caddy.config import CaddyConfigProvider
from providers.caddy.delivery import SCRIPT, Target
from providers.errors import ProviderError, brief
from providers.patience import Patience
from tests.caddyfile import import_line
from tests.reference import STACK

ROOT = Path(__file__).parents[2]


def _between(text: str, marker: str) -> list[str]:
    found = re.search(rf"<!-- {marker} -->\n(.*?)<!-- /{marker} -->", text, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def test_the_tried_versions_of_authentik_are_the_programs() -> None:
    for name in ("docs/operations.md", "README.md"):
        assert f"{', '.join(TRIED[:-1])} and {TRIED[-1]}" in (ROOT / name).read_text()


def test_the_import_line_in_the_documents_is_the_one_that_is_asked_for() -> None:
    file, variable = OPTIONS["file"].default, OPTIONS["importVariable"].default
    target = Target("", "", file, file, variable, validate="", reload="", adapt="", running="", probe="", patience=1)
    for path in ("README.md", "docs/caddy.md"):
        lines = (ROOT / path).read_text().splitlines()
        assert import_line(target) in [line.strip() for line in lines]  # it may stand in a list


def test_the_rights_in_the_docs_are_those_of_the_labs_least_privilege_token() -> None:
    for marker, rights in (("rights", RIGHTS), ("login rights", LOGIN_RIGHTS)):
        table = "\n".join(_between((ROOT / "docs" / "security.md").read_text(), marker))
        assert sorted(re.findall(r"authentik_\w+\.\w+", table)) == sorted(rights)


def test_the_example_stack_holds_no_secret_and_only_known_settings() -> None:
    example = (ROOT / "Pulumi.prod.yaml").read_text()
    known = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"].keys() | {"authentik:url"}
    known = known | {f"caddy:{name}" for name, option in OPTIONS.items() if not option.host_only}
    assert yaml.safe_load(example)["config"].keys() <= known
    assert set(re.findall(r"^  # ((?:immich|caddy):\w+):", example, re.MULTILINE)) <= known
    assert not re.search(r"secure:|token: \S", example)


def test_what_make_docs_writes_is_not_behind_the_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_new_message_of_the_pages_script_or_of_a_workflows_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {folder for folders in messages.SOURCES.values() for folder in folders}
    for folder in folders:
        shutil.copytree(ROOT / folder, tmp_path / folder, dirs_exist_ok=True)
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    page, script = tmp_path / "phone/template/page.js", tmp_path / ".github/scripts/drift.sh"
    page.write_text(page.read_text().replace("complain(WRONG)", "complain(`Once more, please, ${name}.`)"))
    page.write_text(page.read_text().replace("giveUp(INSECURE)", 'giveUp("This phone " +\n  "is too old.")'))
    script.write_text(script.read_text() + "echo 'The house is away.' >&2\n")
    new = set(messages.messages().splitlines()) - set((ROOT / "docs" / "messages.md").read_text().splitlines())
    assert new == {"- Once more, please, ….", "- This phone is too old.", "- The house is away."}


def test_no_folder_of_the_program_is_left_out_of_the_page_of_messages() -> None:
    folders = {folder for folders in messages.SOURCES.values() for folder in folders}
    tops = [ROOT / top for top in ("components", "providers", "doctor", "phone", ".github/scripts")]
    files = [path for top in tops for path in top.rglob("*") if path.suffix in (".py", ".sh", ".js", ".html")]
    assert {str(path.parent.relative_to(ROOT)) for path in files} == folders


def provoked_settings() -> Iterator[str]:
    wrong = {"immich:url": "x", "immich:peopleGroups": "[7]", "immich:enabled": "yes", "immich:phones": "[7]"}
    hosts = {"caddy:delivery": "ssh", "caddy:hosts": '[{"host": "a b", "colour": 1}]', "caddy:file": "relative"}
    with pytest.raises(SettingsError) as caught:
        read_settings({**STACK, **wrong, **hosts, "immich:upstream": "", "immich:isolation": "no"}.get)
    lines = str(caught.value).splitlines()
    assert len(lines) > 9
    yield from lines
    yield warning("report", {"immich-anna": ["grafana"]}, ["what"])
    yield warning("close", {"immich-anna": ["grafana"]}, [])


def provoked_authentik() -> Iterator[str]:
    hostile = {"name": 7, "attributes": [], "is_superuser": "no", "colour": "blue", "roles": "a"}
    yield from (reason for _, reason in check(GroupProvider.kind, hostile, frozenset())[1])
    yield from (reason for _, reason in check(GroupProvider.kind, {}, frozenset())[1])
    for rule, value in ((slug, "a b"), (web_url, "x"), (web_url, "https://a/?b=c"), (duration, "1h")):
        yield str(rule(value))
    yield str(regular_expressions("(?=a)"))
    for url, token in (("http://127.0.0.1:1", "a b"), ("http://127.0.0.1:1", "key")):
        with pytest.raises(ProviderError) as caught:
            Client(url, token, Patience(1)).find("/core/users/", {}, Call("find a user", "authentik_core.view_user"))
        yield str(caught.value)
    with pytest.raises(ProviderError) as caught:
        brief(lambda: 1 / 0)()
    yield str(caught.value)


def provoked_caddy(folder: Path) -> Iterator[str]:
    yield from (failure.reason for failure in CaddyConfigProvider().check({}, {"colour": "blue", "port": 0}).failures)
    (folder / "a.caddy").write_text("mine\n")
    for action, file in (("deliver", "a.caddy"), ("remove", "a.caddy"), ("remove", "no/a.caddy"), ("check", "b.caddy")):
        env = dict.fromkeys(("SITE_OWNER", "SITE_VALIDATE", "SITE_RELOAD", "SITE_PROBE", "SITE_VARIABLE"), "true")
        env |= {"SITE_WHERE": "here", "SITE_FILE": str(folder / file), "SITE_IMPORT": str(folder / file)}
        done = subprocess.run(
            ["sh", ROOT / SCRIPT, action], env=env, input="", capture_output=True, text=True, check=False
        )
        yield done.stdout + done.stderr


def provoked_elsewhere(folder: Path) -> Iterator[str]:
    yield from (_reason(said, "prod") for said, _ in _REMEDIES)
    yield _reason("anything else", "prod")
    with pytest.raises(ProviderError) as caught:
        Public("https://a.example.org", "", str(folder / "none.pem"), "/")
    yield str(caught.value)
    yield from (text for cause in Cause for text in (cause.text, cause.remedy))


def test_every_message_that_is_provoked_is_in_the_page(tmp_path: Path) -> None:
    page = [
        line.removeprefix("- ") for line in (ROOT / "docs" / "messages.md").read_text().splitlines() if line[:2] == "- "
    ]
    known = [re.compile(".*".join(map(re.escape, line.split("…")))) for line in page if re.search("[a-z]", line)]
    known = [each for each in known if each.pattern not in ("expected .*", "is missing")]
    told = [
        *provoked_settings(),
        *provoked_authentik(),
        *provoked_caddy(tmp_path),
        *provoked_elsewhere(tmp_path),
    ]
    assert len(told) > 60
    unknown = [text for text in told if not any(each.search(" ".join(text.split())) for each in known)]
    assert unknown == []
    assert not any("has no Field" in line for line in page)  # a developer's mistake, which no operator is told
