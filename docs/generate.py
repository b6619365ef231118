"""`make docs` writes what of the documents stands in the code: resources.md and messages.md. --check only compares."""

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator, Sequence
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

Every message that the program can print, by its text; … stands for what differs, and some are made of several of these.
Each names what was wrong and what to do; [operations.md](operations.md) tells the longer stories.
Written by `make docs`.
"""
SOURCES = {
    "Settings": ["components/settings", "components"],
    "Authentik": ["providers/authentik", "providers"],
    "Caddy": ["providers/caddy"],
    "The proof and the doctor": ["providers/access", "doctor"],
    "The phone command": ["phone"],
}
"""Headings, and the folders whose messages stand under them."""
_NO_MESSAGES = {
    *(
        "Call",
        "call",
        "look_up",
        "Option",
        "Difference",
        "TypeError",
        "compile",
        "fullmatch",
        "match",
        "search",
        "sub",
        "findall",
    ),
    *("ArgumentParser", "add_argument", "add_parser", "Table", "add_column"),
}
"""Calls that are handed texts which nobody is told: the words for a call, helps, patterns, a developer's mistakes."""
_WRITERS = {"site.py", "delivery.py", "immich_config.py", "page.py"}
"""Files whose functions make other files and commands: of these, what they raise is said."""
_OTHERS = {
    *("authentik Embedded Outpost", "Authentication credentials were not provided.", "invalid traversal path"),
    *("no stack selected", "no stack named", "passphrase must be set"),
}
"""Words of the engine's, Authentik's and Caddy's that the program only knows."""
_CODE = re.compile(r"\\[\w(.]|^[-#@]|[({]\?")
"""Tells a pattern and a line of a file from a sentence."""


def resources() -> str:
    """resources.md."""
    classes = [getattr(authentik, name) for name in authentik.__all__]
    return "\n".join([RESOURCES, *(_resource(each) for each in sorted(classes, key=lambda each: str(each.__name__)))])


def messages() -> str:
    """messages.md."""
    parts, seen = [MESSAGES], set[str]()
    for heading, folders in SOURCES.items():
        files = sorted(path for folder in folders for path in (ROOT / folder).glob("*.[ps][yh]"))
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
    """The texts of a file that are, or are part of, what the program says."""
    if path.suffix == ".sh":
        yield from _said_by_shell(path.read_text())
        return
    tree = ast.parse(path.read_text())
    left_out = {id(inner) for node in ast.walk(tree) for each in _no_messages(node) if each for inner in ast.walk(each)}
    if path.name in _WRITERS:
        functions = {
            id(inner) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for inner in ast.walk(node)
        }
        left_out |= functions - {
            id(inner) for node in ast.walk(tree) if isinstance(node, ast.Raise) for inner in ast.walk(node)
        }
    for node in ast.walk(tree):
        written = "" if id(node) in left_out else _text(node)
        many = len(written.replace("…", "").split()) > 2 or written.startswith(
            ("expected ", "is missing", "pulumi failed")
        )
        if many and not _CODE.search(written) and written not in _OTHERS:
            yield written


def _no_messages(node: ast.AST) -> Sequence[ast.AST | None]:
    """What of a node says nothing to an operator: docstrings, types, words that only fill other texts."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return [node.value]
    if isinstance(node, ast.JoinedStr):  # it is a text as a whole; what fills it may be another
        formats = [part.format_spec for part in node.values if isinstance(part, ast.FormattedValue)]
        return [*(part for part in node.values if isinstance(part, ast.Constant)), *formats]
    if isinstance(node, ast.FunctionDef):
        return [node.returns, *(each.annotation for each in (*node.args.args, *node.args.kwonlyargs))]
    if isinstance(node, ast.Call) and _name(node.func) in _NO_MESSAGES:
        handed = [*node.args, *(each.value for each in node.keywords)]
        return [each for each in handed if not isinstance(each, ast.Call)]
    return []


def _name(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _said_by_shell(script: str) -> Iterator[str]:
    """What a shell script hands to say and die, and prints after the host's name."""
    inner = re.sub(r"\$\([^()]*\)", "…", script)
    said = re.findall(r'\b(?:say|die) "((?:[^"\\]|\\.)*)"', inner)
    said += re.findall(r"printf '%s: ([a-z][^']*)\\n'", inner)
    for text in said:
        yield " ".join(re.sub(r"\$\{[^}]*\}|\$\w+", "…", text.replace("\\$", "$")).replace("$…", "$VARIABLE").split())


def _text(node: ast.AST) -> str:
    """A text as the code writes it, with … for what is filled in; nothing for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return " ".join(re.sub(r"\{\w*(?:![rs])?\}", "…", node.value).split())
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
