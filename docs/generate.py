"""`make docs` writes what of the documents stands in the code: resources.md and messages.md. --check only compares."""

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from providers import authentik
from providers.authentik.fields import UNSET, Attributes, Boolean, Field, Integer, ListOf, Reference, Text, Timestamp
from providers.authentik.kind import Kind
from providers.authentik.resource import AuthentikResource

ROOT = Path(__file__).parent.parent

RESOURCES = """\
# Resources for Authentik

Each kind of object is a resource in `providers.authentik`, usable in any Pulumi program in Python. Arguments are named
and typed as in Authentik's API; a reference takes a primary key, or a name that is looked up when the object is made.
Every resource also takes `adopt` (take over an object of the same name that differs) and `opts`.
Written by `make docs`.
"""
MESSAGES = """\
# Messages

Every message that the program can end with, by its text; … stands for what differs. Each names what was wrong and what
to do; [operations.md](operations.md) tells the longer stories. Written by `make docs`.
"""
SOURCES = {
    "Settings": ["components/settings", "components"],
    "Authentik": ["providers/authentik"],
    "Caddy": ["providers/caddy"],
    "The proof and the doctor": ["providers/access", "doctor"],
    "The phone command": ["phone"],
}
"""Headings, and the folders whose messages stand under them."""


def resources() -> str:
    """resources.md."""
    classes = [getattr(authentik, name) for name in authentik.__all__]
    return "\n".join([RESOURCES, *(_resource(each) for each in sorted(classes, key=lambda each: str(each.__name__)))])


def messages() -> str:
    """messages.md."""
    parts, seen = [MESSAGES], set[str]()
    for heading, folders in SOURCES.items():
        files = sorted(path for folder in folders for path in (ROOT / folder).glob("*.py"))
        found = sorted({text for path in files for text in _messages(path)} - seen)
        seen |= {*found}
        if found:
            parts.append(f"## {heading}\n\n" + "\n".join(f"- {text}" for text in found) + "\n")
    return "\n".join(parts)


def _resource(resource: type[AuthentikResource]) -> str:
    kind = resource.provider_class.kind
    rows = [
        f"| `{name}` | {_type(each)} | {_default(kind, name, each)} | {_notes(each)} |"
        for name, each in kind.fields.items()
    ]
    outputs = ", ".join(f"`{name}`{' (secret)' if name in kind.secret else ''}" for name in kind.computed)
    return "\n".join(
        [
            f"## {resource.__name__}\n",
            f"{inspect.getdoc(resource)}\n",
            f"{inspect.getdoc(kind.args)}\n",
            *([f"{inspect.cleandoc(besides)}\n"] if (besides := resource.__init__.__doc__) else []),
            "| argument | type | default | |",
            "|---|---|---|---|",
            *rows,
            f"\nOutputs: {outputs}. API: `{kind.path}`.\n",
        ]
    )


def _type(each: Field) -> str:
    names: list[tuple[type[Field], str]] = [
        (Reference, "reference"),
        (Timestamp, "moment"),
        (Text, "text"),
        (Integer, "whole number"),
        (Boolean, "boolean"),
        (Attributes, "object"),
    ]
    if isinstance(each, ListOf):
        return f"list of {_type(each.item)}"
    if isinstance(each, Reference):
        return f"reference to a {each.lookup.what}"
    return next((name for kind, name in names if isinstance(each, kind)), "object")


def _default(kind: Kind, name: str, each: Field) -> str:
    if name in kind.required:
        return "required"
    return "" if each.default is UNSET else f"`{json.dumps(each.default)}`"


def _notes(each: Field) -> str:
    choices = each.choices if isinstance(each, Text) else ()
    notes = [f"one of {', '.join(f'`{choice}`' for choice in choices)}"] if choices else []
    return "; ".join([*notes, *(["a change replaces the object"] if each.replaces else [])])


def _messages(path: Path) -> Iterator[str]:
    """The texts of the exceptions that a file makes, of the settings that it refuses, and of its rules."""
    for node in ast.walk(ast.parse(path.read_text())):
        texts: list[ast.expr] = []
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            texts = node.exc.args[:1]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _exceptions():
            texts = node.args[:1]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "wrong":
            texts = node.args[1:2]
        elif isinstance(node, ast.Return) and node.value and _text(node.value).startswith("expected"):
            texts = [node.value]
        yield from (written for text in texts if len((written := _text(text)).replace("…", "").split()) > 2)


@cache
def _exceptions() -> frozenset[str]:
    """The names of the program's own exceptions: what derives from ProviderError, and what is called an error."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for folders in SOURCES.values()
        for folder in folders
        for path in (ROOT / folder).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    found = {name for name in bases if name.endswith("Error")} | {"ProviderError"}
    while more := {name for name, parents in bases.items() if parents & found} - found:
        found |= more
    return frozenset(found)


def _text(node: ast.expr) -> str:
    """A text as the code writes it, with … for what is filled in; nothing for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return " ".join(node.value.split())
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        return " ".join("".join(parts).split())
    return ""


def main() -> int:
    """Write the files; with --check compare them, and 1 if one is behind."""
    behind = 0
    for name, text in (("resources.md", resources()), ("messages.md", messages())):
        path = ROOT / "docs" / name
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.stderr.write(f"docs/{name} is behind the code. Run: make docs\n")
            behind = 1
    return behind


if __name__ == "__main__":
    sys.exit(main())
