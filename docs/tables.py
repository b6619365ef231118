"""What of README and the documents stands in the code: the lines between `<!-- name -->` and `<!-- /name -->`."""

import json
from pathlib import Path
from typing import Any

import yaml

from components.settings.caddy_options import OPTIONS, Option
from doctor.symptoms import SYMPTOMS
from phone.steps import in_markdown
from providers.access.findings import Finding
from providers.authentik.api.versions import DIFFERENCES, written
from setup.rights import LOGIN, PROGRAM

ROOT = Path(__file__).parents[1]


def with_tables(text: str) -> str:
    """The document with each part as the code has it now."""
    for name, lines in _parts().items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        if begin:
            text = f"{before}{begin}{lines}\n{end}{after}"
    return text


def _parts() -> dict[str, str]:
    settings = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    everywhere = {name: option for name, option in OPTIONS.items() if not option.host_only}
    hosts = {name: option for name, option in OPTIONS.items() if option.host_only}
    return {
        "settings": _table(
            ("setting", "type", "default", "what it is"), *(_setting(name, each) for name, each in settings.items())
        ),
        "caddy settings": _table(
            ("setting", "default", "per host", "what it is"),
            *(
                (f"`caddy:{name}`", _default(each), "host" if each.per_host else "", each.description)
                for name, each in everywhere.items()
            ),
        ),
        "host settings": _table(
            ("name", "default", "what it is"),
            *((f"`{name}`", _default(each), each.description) for name, each in hosts.items()),
        ),
        "findings": _table(
            ("finding", "what is wrong", "what to do"),
            *((f"`{each.name}`", each.text, each.remedy) for each in Finding),
        ),
        "versions": _table(
            ("kind", "fields", "from", "before", "source in goauthentik/authentik"),
            *(
                (f"`{each.path}`", ", ".join(f"`{name}`" for name in each.fields), written(each.since), each.before,
                 f"`{each.source}`")
                for each in DIFFERENCES
            ),
        ),
        "rights": _rights(PROGRAM),
        "login rights": _rights(LOGIN),
        "symptoms": _table(("the phone", "what it may mean"), *SYMPTOMS),
        "steps": in_markdown().rstrip("\n"),
    }  # fmt: skip


def _rights(groups: tuple[tuple[tuple[str, ...], str], ...]) -> str:
    rows = ((", ".join(f"`{right}`" for right in rights), what) for rights, what in groups)
    return _table(("right", "what for"), *rows)


def _table(head: tuple[str, ...], *rows: tuple[str, ...]) -> str:
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)])


def _setting(name: str, setting: dict[str, Any]) -> tuple[str, ...]:
    if "default" not in setting:
        column = "required"
    else:
        default = setting["default"]
        shown = default if isinstance(default, str) else json.dumps(default)
        column = f"`{shown}`" if shown else ""
    return (f"`{name}`", setting["type"], column, setting["description"])


def _default(option: Option) -> str:
    return f"`{option.default}`" if option.default else ""
