"""resources.md: every resource and component, out of its class."""

import ast
import inspect
import json
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, get_args, get_origin

import pulumi

from components.caddy_site import CaddySite
from components.immich_login import ImmichLogin
from components.immich_mobile_access import ImmichMobileAccess
from providers.access.proof import PROOF, AccessProof
from providers.arguments import Arguments
from providers.authentik.resource import AuthentikResource, every_resource
from providers.caddy.config import CONFIG, CaddyConfig
from providers.fields import (
    UNSET,
    Attributes,
    Boolean,
    Code,
    Field,
    Integer,
    ListOf,
    Reference,
    Text,
    Timestamp,
)

AUTHENTIK = """\
# Resources

Written by `make docs`.

## Authentik's objects

Each kind of object is a resource in `providers.authentik`, usable in any Pulumi program in Python:
`Group("family", GroupArgs(name="family"), adopt=True)`. Arguments are named and typed as in Authentik's API; a
reference takes a primary key, or a name that is looked up when the object is made. Every resource also takes `adopt`
(take over an object of the same name that differs), `named` (what messages call an argument) and `opts`.
"""
OTHERS = """\
## Caddy's site and the proof

Resources as well, of which each also takes `opts`.
"""
COMPONENTS = """\
## Components

What the program composes of them. Each also takes `opts`; where an argument is one of the program's own classes, that
class says what it holds.
"""
_HEAD = ["| argument | type | default | |", "|---|---|---|---|"]


def resources() -> str:
    """resources.md."""
    others = [_other(CaddyConfig, CONFIG), _other(AccessProof, PROOF)]
    components = [_component(each) for each in (ImmichMobileAccess, ImmichLogin, CaddySite)]
    return "\n".join([AUTHENTIK, *map(_resource, every_resource().values()), OTHERS, *others, COMPONENTS, *components])


def _resource(resource: type[AuthentikResource[Any]]) -> str:
    kind = resource.provider_class.kind
    outputs = ", ".join(f"`{name}`{' (secret)' if name in kind.secret else ''}" for name in kind.computed)
    return _section(resource, _arguments(kind), f"Outputs: {outputs}. API: `{kind.path}`.")


def _other(resource: type[pulumi.Resource], arguments: Arguments) -> str:
    return _section(resource, _arguments(arguments), f"Outputs: {_outputs(resource)}. Module: `{_home(resource)}`.")


def _arguments(arguments: Arguments) -> list[str]:
    declared = arguments.fields | arguments.options
    return [
        f"| `{name}` | {_field(declared[name])} | {_default(arguments, name, declared[name])} | "
        f"{_notes(declared[name], line)} |"
        for name, line in described(arguments.args).items()
    ]


def _component(component: type[pulumi.ComponentResource]) -> str:
    taken = [each for each in inspect.signature(component).parameters.values() if each.name != "opts"]
    rows = [
        f"| `{each.name}` | {_python(each.annotation)} | {'required' if each.default is each.empty else ''} | |"
        for each in taken
    ]
    return _section(component, rows, f"Outputs: {_outputs(component)}. Module: `{component.__module__}`.")


def _section(resource: type[pulumi.Resource], rows: Sequence[str], last: str) -> str:
    """What a class and its constructor say of it, and the table."""
    own = vars(resource).get("__init__")
    said = [resource.__doc__, own.__doc__ if own else None]
    words = [f"{inspect.cleandoc(each)}\n" for each in said if each]
    return "\n".join([f"### {resource.__name__}\n", *words, *_HEAD, *rows, f"\n{last}\n"])


def _outputs(resource: type[pulumi.Resource]) -> str:
    return ", ".join(
        f"`{name}`" + (f" ({line[:1].lower()}{line[1:].rstrip('.')})" if line else "")
        for name, line in described(resource).items()
    )


def described(declaring: Any) -> dict[str, str]:
    """What a class declares, each with the line below it, or ""."""
    (declared,) = ast.parse(inspect.getsource(declaring)).body
    lines = declared.body if isinstance(declared, ast.ClassDef) else []
    found = {}
    for line, after in zip(lines, [*lines[1:], None], strict=True):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            said = after.value if isinstance(after, ast.Expr) else None
            found[line.target.id] = str(said.value) if isinstance(said, ast.Constant) else ""
    return found


def _home(resource: type[pulumi.Resource]) -> str:
    return resource.__module__.rpartition(".")[0]


def _python(hint: Any) -> str:
    """A type of Python's in the words of the tables; of an Input that which may be given plainly."""
    inner = get_args(hint)
    if any(get_origin(each) is Awaitable for each in inner):
        return _python(inner[0])
    if type(None) in inner:
        return _python(next(each for each in inner if each is not type(None)))
    if get_origin(hint) in (list, Sequence):
        return f"list of {_python(inner[0])}"
    if get_origin(hint) in (dict, Mapping):
        return f"object of {_python(inner[1])}"
    words = {str: "text", int: "whole number", bool: "boolean"}
    return words.get(hint) or f"`{hint.__module__}.{hint.__name__}`"


def _field(each: Field) -> str:
    names: list[tuple[type[Field], str]] = [
        (Reference, "reference"),
        (Timestamp, "moment"),
        (Text, "text"),
        (Code, "text"),
        (Integer, "whole number"),
        (Boolean, "boolean"),
        (Attributes, "object"),
    ]
    if isinstance(each, ListOf):
        return f"list of {_field(each.item)}"
    if isinstance(each, Reference):
        return f"reference to a {each.lookup.what}"
    return next((name for kind, name in names if isinstance(each, kind)), "object")


def _default(arguments: Arguments, name: str, each: Field) -> str:
    if name in arguments.required:
        return "required"
    return "" if each.default is UNSET else f"`{json.dumps(each.default)}`"


def _notes(each: Field, doc: str) -> str:
    choices = each.choices if isinstance(each, Text) else ()
    notes = [f"One of {', '.join(f'`{choice}`' for choice in choices)}."] if choices else []
    return " ".join([*doc.split(), *notes, *(["A change replaces the object."] if each.replaces else [])])
