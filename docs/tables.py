"""What of README and the documents stands in the code: the lines between `<!-- name -->` and `<!-- /name -->`."""

import json
from pathlib import Path
from typing import Any

import yaml

from components.settings.caddy_options import CADDY, HOST_ONLY, PER_HOST
from components.settings.table import IMMICH
from doctor.symptoms import SYMPTOMS
from phone.steps import in_markdown
from providers.access.findings import Finding
from providers.arguments import Object
from providers.authentik.api.versions import DIFFERENCES, written
from providers.fields import UNSET, Boolean, Field, Integer, ListOf
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
    return {
        "settings": _table(
            ("setting", "type", "default", "what it is"),
            *((f"`immich:{name}`", _type(each), _default(each), each.doc) for name, each in IMMICH.items()),
        ),
        "caddy settings": _table(
            ("setting", "default", "per host", "what it is"),
            *(
                (f"`caddy:{name}`", _default(each), "host" if name in PER_HOST else "", each.doc)
                for name, each in CADDY.items()
            ),
        ),
        "host settings": _table(
            ("name", "default", "what it is"),
            *((f"`{name}`", _default(each), each.doc) for name, each in HOST_ONLY.items()),
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


def _type(field: Field) -> str:
    """The type of a setting as Pulumi calls it."""
    names = {Boolean: "boolean", Integer: "integer", ListOf: "array", Object: "object"}
    return names.get(type(field), "string")


def _default(field: Field) -> str:
    if field.default is UNSET:
        return "required"
    shown = field.default if isinstance(field.default, str) else json.dumps(field.default)
    return f"`{shown}`" if shown else ""


def with_config(text: str) -> str:
    """Pulumi.yaml with its part `config`, the last one, as the code has it now."""
    config = {f"immich:{name}": _declared(each) for name, each in IMMICH.items()}
    before, _, _ = text.partition("config:\n")
    return before + yaml.safe_dump({"config": config}, sort_keys=False, allow_unicode=True, width=10_000)


def _declared(field: Field) -> dict[str, Any]:
    items = {"items": {"type": _type(field.item)}} if isinstance(field, ListOf) else {}
    default = {} if field.default is UNSET else {"default": field.default}
    return {"type": _type(field), **items, **default, "description": field.doc}
