"""One engine for every model: list, create, read, change, delete, in the real server's order of checks."""

from __future__ import annotations

import json
import uuid
from typing import Any

from lab.authentik import crypto
from lab.authentik.context import Answer, Call
from lab.authentik.errors import Forbidden, NotAllowed, NotFound, Refusal
from lab.authentik.fields import Model, Row
from lab.authentik.hooks import HOOKS, NO_HOOKS
from lab.authentik.models import APPLICATION, BINDING, GROUP, KEYPAIR_PATH, MODELS
from lab.authentik.query import page, select
from lab.authentik.represent import SHOWN
from lab.authentik.rights import may_use
from lab.authentik.seed import DATA, new_uuid
from lab.authentik.validation import check, defaults
from lab.authentik.versions import filled, hides_tokens, newer, reads, told

CHANGES = {"PUT": "change", "PATCH": "change", "DELETE": "delete"}


def visible(call: Call, model: Model) -> list[Row]:
    """The rows a caller may know of. Without the view right: their own, or those named to a role of theirs."""
    rows = rows_of(call, model)
    view = model.right("view")
    if model.path == "core/tokens" and hides_tokens(call.settings.version) and not call.rights.superuser:
        return [row for row in rows if row["user"] == call.user["pk"]]
    if call.rights.has(view):
        return rows
    named = call.rights.objects(view)
    owner = call.user["pk"]
    seen = [row for row in rows if str(row["pk"]) in named or (model.owner and row[model.owner] == owner)]
    if not seen and not model.owner:
        raise Forbidden
    return seen


def rows_of(call: Call, model: Model) -> list[Row]:
    rows = call.store.rows(model.table)
    if model.path == KEYPAIR_PATH:
        rows = [crypto.ensure(call.store, row) for row in rows]
    # A proxy provider is an OAuth2 provider that has more, and stands in both lists (providers/proxy/models.py).
    return [row for row in rows if model.subtype in ("oauth2", row["subtype"])] if model.subtype else rows


def find(call: Call, model: Model, key: str, rows: list[Row] | None = None) -> Row:
    """The row that a path names; a pk of the wrong form is told apart from one that is gone."""
    if model.lookup == "pk" and not _well_formed(model, key):
        raise NotFound
    for row in visible(call, model) if rows is None else rows:
        if str(row[model.lookup]) == key:
            return row
    raise NotFound(model.noun)


def _well_formed(model: Model, key: str) -> bool:
    if model.int_pk:
        return key.isascii() and key.isdigit()
    try:
        uuid.UUID(key)
    except ValueError:
        return False
    return True


def require_on(call: Call, model: Model, verb: str, row: Row) -> None:
    owned = bool(model.owner) and row[model.owner] == call.user["pk"]
    if not owned and not call.rights.has_on(model.right(verb), row):
        raise Forbidden


def shown(call: Call, model: Model, row: Row) -> Any:
    return told(call.settings.version, model.path, SHOWN[model.path](call, row))


def on_list(call: Call, model: Model) -> Answer:
    if call.method == "OPTIONS":
        return Answer(200, options(model, detail=False))
    if call.method not in {"GET", "POST"} & model.methods:
        raise NotAllowed(call.method)
    return create(call, model) if call.method == "POST" else list_rows(call, model)


def on_detail(call: Call, model: Model, key: str) -> Answer:
    if call.method == "OPTIONS":
        return Answer(200, options(model, detail=True))
    if call.method not in {"GET", "PUT", "PATCH", "DELETE"} & model.methods:
        raise NotAllowed(call.method)
    row = find(call, model, key)
    if call.method == "GET":
        return Answer(200, shown(call, model, row))
    require_on(call, model, CHANGES[call.method], row)
    if call.method == "DELETE":
        HOOKS.get(model.path, NO_HOOKS).gone(call, row)
        call.store.delete(model.table, row["pk"])
        return Answer(204)
    return update(call, model, row, partial=call.method == "PATCH")


def create(call: Call, model: Model) -> Answer:
    if model.add_needs_right:
        call.require(model.right("add"))
    hooks = HOOKS.get(model.path, NO_HOOKS)
    attrs = check(call.store, reads(call.settings.version, model), call.data(), None, partial=False)
    hooks.validate(call, attrs, None)
    row = hooks.fill(call, filled(call.settings.version, model.path, defaults(model) | attrs))
    row.setdefault("pk", None)
    row["pk"] = row["pk"] if row["pk"] is not None else new_uuid()
    return Answer(201, shown(call, model, _save(call, model, row, None)))


def update(call: Call, model: Model, row: Row, *, partial: bool) -> Answer:
    attrs = check(call.store, reads(call.settings.version, model), call.data(), row, partial=partial)
    HOOKS.get(model.path, NO_HOOKS).validate(call, attrs, row)
    return Answer(200, shown(call, model, _save(call, model, row | attrs, row)))


def _save(call: Call, model: Model, row: Row, before: Row | None) -> Row:
    save = HOOKS.get(model.path, NO_HOOKS).save
    return save(call, row, before) if save else call.store.put(model.table, row)


def list_rows(call: Call, model: Model) -> Answer:
    if model is APPLICATION and not (call.flag("superuser_full_list") and call.rights.superuser):
        return list_allowed(call)
    numbers, rows = page(
        select(call.store, reads(call.settings.version, model), visible(call, model), call.query), call.query
    )
    return listing(call.settings.version, numbers, [shown(call, model, row) for row in rows], model)


def listing(version: str, numbers: dict[str, int], results: list[Any], model: Model) -> Answer:
    complete = {} if model is GROUP and not newer(version) else dict(model.autocomplete)
    return Answer(200, {"pagination": numbers, "results": results, "autocomplete": complete})


def list_allowed(call: Call) -> Answer:
    """What the caller, or `for_user`, may enter; filtered after paging, so that a page may be short."""
    everything = select(call.store, APPLICATION, call.store.rows("application"), call.query)
    numbers, rows = page(everything, call.query)
    user = for_user(call) if "for_user" in call.query else call.user
    allowed = [row for row in rows if not row["meta_hide"] and may_use(call.store, call.settings.version, user, row)]
    results = [shown(call, APPLICATION, row) for row in allowed]
    if "for_user" not in call.query and call.flag("only_with_launch_url"):
        results = [result for result in results if result["launch_url"]]
    return listing(call.settings.version, numbers, results, APPLICATION)


def for_user(call: Call) -> Row:
    """Somebody else's view needs a right of its own; without it the user is not even found."""
    asked = call.query["for_user"]
    user = call.store.get("user", int(asked)) if asked.isascii() and asked.isdigit() else None
    if user is None or not call.rights.has_on("authentik_core.view_user_applications", user):
        raise Refusal(400, {"for_user": "User not found"})
    return user


def options(model: Model, *, detail: bool) -> Any:
    """The description of a view; only a binding's was ever recorded with its actions."""
    if model is BINDING and detail:
        return json.loads((DATA / "binding_options.json").read_text())
    return {
        "name": f"{model.title} {'Instance' if detail else 'List'}",
        "description": model.about,
        "renders": ["application/json"],
        "parses": ["application/json"],
    }


def model_at(path: str) -> tuple[Model, list[str]] | None:
    """The model a path belongs to, and the rest of the path."""
    for prefix, model in MODELS.items():
        if path == f"{prefix}/" or path.startswith(f"{prefix}/"):
            return model, path.removeprefix(prefix).strip("/").split("/")
    return None
