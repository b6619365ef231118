"""Everything of the API that is not list, create, read, change or delete."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta

from lab.authentik import crypto
from lab.authentik.api import find, require_on, rows_of
from lab.authentik.clock import now, stamp
from lab.authentik.context import Answer, Call
from lab.authentik.errors import Crashed, Forbidden, Invalid, Refusal, on_object
from lab.authentik.fields import Field, Row
from lab.authentik.hooks import TOKEN_EXPIRES
from lab.authentik.models import APPLICATION, GROUP, MODELS, SYSTEM_RIGHTS, TOKEN, USER
from lab.authentik.rbac import add_user, assign, remove_user, role_add_user, role_remove_user, unassign
from lab.authentik.represent import avatar
from lab.authentik.rights import attributes_of, groups_of, may_use
from lab.authentik.seed import DATA, default_config, hashed, new_group, new_token, new_user, new_uuid
from lab.authentik.validation import body
from lab.authentik.versions import conflict, newer, told

USERNAME_MAX = 150
NO_USERNAME = (
    'null value in column "username" of relation "authentik_core_user" violates not-null constraint\n'
    "DETAIL:  Failing row contains (1)."
)
SERVICE_ACCOUNTS = "goauthentik.io/service-accounts"
INSTANCE = new_uuid()  # of the embedded outpost's process
OUTPOST = MODELS["outposts/instances"]
OAUTH2 = MODELS["providers/oauth2"]
KEYPAIR = MODELS["crypto/certificatekeypairs"]


def slugify(text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_text.lower())).strip("-_")


def me(call: Call, _key: str) -> Answer:
    user = call.user
    held = [name for name in SYSTEM_RIGHTS if call.rights.has(f"authentik_rbac.{name}")]
    if not newer(call.settings.version):
        held = [name for name in held if not name.endswith("media_files")]
    groups = sorted(groups_of(call.store, user), key=lambda group: str(group["name"]))
    shown = {
        **{name: user[name] for name in ("pk", "username", "name", "is_active")},
        "is_superuser": call.rights.superuser,
        "groups": [{"name": group["name"], "pk": group["pk"]} for group in groups],
        "roles": [{"name": role["name"], "pk": role["pk"]} for role in call.rights.roles],
        "email": user["email"], "avatar": avatar(user), "uid": user["uid"],
        "settings": attributes_of(call.store, user).get("settings", {}), "type": user["type"],
        "system_permissions": held,
    }  # fmt: skip
    return Answer(200, {"user": told(call.settings.version, "core/users", shown)})


def service_account(call: Call, _key: str) -> Answer:
    """An account and its app password in one call, and 200 rather than 201."""
    call.require("authentik_core.add_user", "authentik_core.add_token")
    checked = newer(call.settings.version)  # before, what a column does not hold was an exception
    try:
        asked = body(call.store, call.fields(), {
            "name": Field(required=checked, blank=not checked), "create_group": Field("bool", default=False),
            "expiring": Field("bool", default=True),
            "expires": Field("datetime", default=stamp(now() + timedelta(days=360))),
        })  # fmt: skip
    except Invalid as invalid:
        raise invalid if checked else Crashed() from None
    store, name = call.store, asked["name"]
    if "name" not in call.fields():
        raise on_object(NO_USERNAME)
    if len(name) > USERNAME_MAX:
        raise Crashed
    identifier = slugify(f"service-account-{name}-password")
    wants_group = asked["create_group"] and call.rights.has(GROUP.right("add"))
    standing = {"username": store.one("user", username=name), "identifier": store.one("token", identifier=identifier)}
    if wants_group:
        standing["group"] = store.one("group", name=name)
    taken = {each: identifier if each == "identifier" else name for each, found in standing.items() if found}
    if refused := conflict(call.settings.version, store.one("user", name=name) is not None, taken):
        raise Invalid(refused)
    user = new_user(
        store, username=name, name=name, type="service_account", path=SERVICE_ACCOUNTS,
        attributes={TOKEN_EXPIRES: asked["expiring"]},
    )  # fmt: skip
    made: Row = {"username": name, "user_uid": user["uid"], "user_pk": user["pk"]}
    if wants_group:
        group = store.put("group", new_group(name))
        user["groups"] = [group["pk"]]
        made["group_pk"] = group["pk"]
    store.put("user", user)
    token = store.put("token", new_token(
        identifier, user["pk"], intent="app_password", expiring=asked["expiring"], expires=asked["expires"]
    ))  # fmt: skip
    return Answer(200, made | {"token": token["key"]})


def set_password(call: Call, key: str) -> Answer:
    user = find(call, USER, key)
    if not call.rights.has_on("authentik_core.reset_user_password", user):
        raise Forbidden
    checked = newer(call.settings.version)  # before, an empty password was set
    asked = body(call.store, call.fields(), {"password": Field(required=checked, blank=not checked)})
    changed = {"password": hashed(asked["password"]), "password_change_date": stamp(now())}
    call.store.change("user", user["pk"], **changed, last_updated=stamp(now()))
    return Answer(204)


def view_key(call: Call, key: str) -> Answer:
    """Not filtered by who may view the token: the right to see keys decides alone."""
    token = find(call, TOKEN, key, rows_of(call, TOKEN))
    if not call.rights.has_on("authentik_core.view_token_key", token):
        raise Forbidden
    return Answer(200, {"key": token["key"]})


def set_key(call: Call, key: str) -> Answer:
    token = find(call, TOKEN, key, rows_of(call, TOKEN))
    if not call.rights.has_on("authentik_core.set_token_key", token):
        raise Forbidden
    require_on(call, TOKEN, "add", token)  # a POST on one object asks for the right to add, too
    fields = call.fields()
    if not fields.get("key") and not newer(call.settings.version):
        raise Refusal(400, None)
    asked = body(call.store, fields, {"key": Field(required=True, blank=False)})
    call.store.change("token", token["pk"], key=asked["key"])
    return Answer(204)


def check_access(call: Call, key: str) -> Answer:
    """`for_user` is a superuser's; anybody else is answered for themselves."""
    application = find(call, APPLICATION, key, rows_of(call, APPLICATION))
    user: Row | None = call.user
    if call.rights.superuser and "for_user" in call.query:
        asked = call.query["for_user"]
        if not asked.isdigit():
            raise Refusal(400, {"for_user": "for_user must be numerical"})
        user = call.store.get("user", int(asked))
        if user is None:
            raise Refusal(400, {"for_user": "User not found"})
    passing = user is not None and may_use(call.store, call.settings.version, user, application)
    return Answer(200, {"passing": passing, "messages": [], "log_messages": []})


def setup_urls(call: Call, key: str) -> Answer:
    provider = find(call, OAUTH2, key)
    application = call.store.one("application", provider=provider["pk"])
    base = f"{call.base_url}/application/o"
    if application is None:
        return Answer(200, dict.fromkeys(
            ("issuer", "authorize", "token", "user_info", "provider_info", "logout", "jwks")
        ))  # fmt: skip
    own = f"{base}/{application['slug']}"
    return Answer(200, {
        "issuer": f"{own}/" if provider["issuer_mode"] == "per_provider" else f"{call.base_url}/",
        "authorize": f"{base}/authorize/", "token": f"{base}/token/", "user_info": f"{base}/userinfo/",
        "provider_info": f"{own}/.well-known/openid-configuration", "logout": f"{own}/end-session/",
        "jwks": f"{own}/jwks/",
    })  # fmt: skip


def health(call: Call, key: str) -> Answer:
    outpost = find(call, OUTPOST, key)
    if outpost["managed"] is None:
        return Answer(200, [])  # nothing runs it
    return Answer(200, [{
        "uid": INSTANCE, "last_seen": stamp(now()), "version": call.settings.version, "golang_version": "go1.26.8",
        "openssl_enabled": False, "openssl_version": "OpenSSL 3.6.5", "fips_enabled": None,
        "version_should": call.settings.version.replace("-", ""), "version_outdated": False, "build_hash": "",
        "build_hash_should": "", "hostname": "lab",
    }])  # fmt: skip


def default_settings(call: Call, _key: str) -> Answer:
    return Answer(200, told(call.settings.version, "outposts", {"config": default_config(f"{call.base_url}/")}))


def version(call: Call, _key: str) -> Answer:
    return Answer(200, {
        "version_current": call.settings.version, "version_latest": "0.0.0", "version_latest_valid": False,
        "build_hash": "", "outdated": False, "outpost_outdated": False,
    })  # fmt: skip


def root_config(call: Call, _key: str) -> Answer:
    config = json.loads((DATA / "root_config.json").read_text())
    older = {} if newer(call.settings.version) else {"cache_timeout_reputation": 0}
    return Answer(200, config | older)


def view_certificate(call: Call, key: str) -> Answer:
    row = crypto.ensure(call.store, find(call, KEYPAIR, key))
    return Answer(200, {"data": row["certificate_data"]})


Action = Callable[[Call, str], Answer]
# method and path; * stands for the key in the path
ACTIONS: Mapping[tuple[str, str], Action] = {
    ("GET", "core/users/me/"): me,
    ("POST", "core/users/service_account/"): service_account,
    ("POST", "core/users/*/set_password/"): set_password,
    ("POST", "core/groups/*/add_user/"): add_user,
    ("POST", "core/groups/*/remove_user/"): remove_user,
    ("GET", "core/tokens/*/view_key/"): view_key,
    ("POST", "core/tokens/*/set_key/"): set_key,
    ("GET", "core/applications/*/check_access/"): check_access,
    ("GET", "providers/oauth2/*/setup_urls/"): setup_urls,
    ("GET", "outposts/instances/*/health/"): health,
    ("GET", "outposts/instances/default_settings/"): default_settings,
    ("GET", "crypto/certificatekeypairs/*/view_certificate/"): view_certificate,
    ("GET", "admin/version/"): version,
    ("GET", "root/config/"): root_config,
    ("POST", "rbac/roles/*/add_user/"): role_add_user,
    ("POST", "rbac/roles/*/remove_user/"): role_remove_user,
    ("POST", "rbac/permissions/assigned_by_roles/*/assign/"): assign,
    ("PATCH", "rbac/permissions/assigned_by_roles/*/unassign/"): unassign,
}


def action_at(path: str) -> tuple[dict[str, Action], str] | None:
    """The actions at a path by method, and the key that the path names."""
    steps = path.split("/")
    found: dict[str, Action] = {}
    key = ""
    for (method, pattern), action in ACTIONS.items():
        parts = pattern.split("/")
        if len(parts) == len(steps) and all(part in ("*", step) for part, step in zip(parts, steps, strict=True)):
            if "*" in parts:
                key = steps[parts.index("*")]
            found[method] = action
    return (found, key) if found else None
