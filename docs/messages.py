"""messages.md: every message of the program, out of its source."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent

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
    "The sealed page": ["phone/template"],
    "The nightly look for drift": [".github/scripts"],
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
_CODE = re.compile(r"\\[\w(.]|^[-#@:]|[({]\?")
"""Tells a pattern, a line of a file and what follows a name from a sentence."""


def messages() -> str:
    """messages.md."""
    parts, seen = [MESSAGES], set[str]()
    for heading, folders in SOURCES.items():
        files = sorted(path for folder in folders for path in (ROOT / folder).iterdir())
        found = sorted({text for path in files for text in _messages(path)} - seen)
        seen |= {*found}
        if found:
            parts.append(f"## {heading}\n\n" + "\n".join(f"- {text}" for text in found) + "\n")
    return "\n".join(parts)


def _messages(path: Path) -> Iterator[str]:
    """The texts of a file that are, or are part of, what the program says."""
    if path.suffix in _READERS:
        yield from _READERS[path.suffix](path.read_text())
    elif path.suffix == ".py":
        yield from _said_by_python(path)


def _said_by_python(path: Path) -> Iterator[str]:
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
        many = _words(written) > 2 or written.startswith(("expected ", "is missing", "pulumi failed"))
        if many and not _CODE.search(written) and written not in _OTHERS:
            yield written


def _no_messages(node: ast.AST) -> Sequence[ast.AST | None]:
    """What of a node says nothing to an operator: docstrings, types, words that only fill other texts."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return [node.value]
    if isinstance(node, ast.JoinedStr):  # it is a text as a whole; what fills it may be another
        formats = [part.format_spec for part in node.values if isinstance(part, ast.FormattedValue)]
        return [*(part for part in node.values if isinstance(part, ast.Constant)), *formats]
    if isinstance(node, ast.Dict):  # an object's name
        named = [value for key, value in zip(node.keys, node.values, strict=True) if key and _text(key) == "name"]
        return [value for value in named if isinstance(value, ast.JoinedStr)]
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


def _words(text: str) -> int:
    return len(text.replace("…", "").split())


def _said_by_shell(script: str) -> Iterator[str]:
    """What a shell script hands to say and die, prints after the host's name, and echoes, line after line."""
    inner = re.sub(r"\$\([^()]*\)", "…", script)
    said = re.findall(r'\b(?:say|die) "((?:[^"\\]|\\.)*)"', inner)
    said += re.findall(r"printf '%s: ([a-z][^']*)\\n'", inner)
    yield from map(_filled, said)
    for block in re.findall(r"""(?:^ *echo (?:"(?:[^"\\]|\\.)*"|'[^']*')(?: >&2)?\n)+""", inner, re.MULTILINE):
        lines = [line.strip().removeprefix("echo ").removesuffix(" >&2")[1:-1] for line in block.splitlines()]
        if _words(echoed := _filled(" ".join(lines))) > 2:
            yield echoed


def _filled(text: str) -> str:
    """A shell's text with … for what is filled in."""
    filled = re.sub(r"\$\{[^}]*\}|\$\w+", "…", re.sub(r"\\([$`])", r"\1", text))
    return " ".join(filled.replace("$…", "$VARIABLE").split())


def _said_by_page(script: str) -> Iterator[str]:
    """What a page's script may show: its texts, with … for what is filled in."""
    bare = re.sub(r"/\*.*?\*/|^ *//.*?$", "", script, flags=re.DOTALL | re.MULTILINE)
    joined = re.sub(r'" \+\s*"', "", bare)
    for text in re.findall(r'"((?:[^"\\]|\\.)*)"', joined) + re.findall(r"`([^`]*)`", joined):
        told = re.sub(r"\$\{[^}]*\}", "…", text)
        if _words(told) > 2:
            yield told


def _said_by_markup(page: str) -> Iterator[str]:
    """What a page shows where something is wrong."""
    for text in re.findall(r'class="problem"[^>]*>([^<]+)<', page):
        yield " ".join(text.split())


_READERS = {".sh": _said_by_shell, ".js": _said_by_page, ".html": _said_by_markup}


def _text(node: ast.AST) -> str:
    """A text as the code writes it, with … for what is filled in; nothing for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return " ".join(re.sub(r"\{\w*(?:![rs])?\}", "…", node.value).split())
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        return " ".join("".join(parts).split())
    return ""
