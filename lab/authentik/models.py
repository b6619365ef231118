"""The table of models: users, groups, tokens, applications, bindings, roles."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lab.authentik.fields import Field, Filter, Model, filters
from lab.authentik.models_providers import PROVIDER_MODELS

USER_TYPES = ("internal", "external", "service_account", "internal_service_account")
INTENTS = ("verification", "api", "recovery", "app_password")
ENGINE_MODES = ("all", "any")
INT_MAX = 2147483647


def _complete(kind: str, nullable: bool = False, options: list[str] | None = None) -> dict[str, object]:
    return {"type": kind, "nullable": nullable, "options": options}


def _attributes_of(model: str) -> dict[str, object]:
    return _complete("relation") | {"relation": f"authentik_core.{model}_attributes"}


USER = Model(
    app="authentik_core", name="user", noun="User", path="core/users", table="user", int_pk=True,
    fields={
        "username": Field(required=True, blank=False, max_length=150, unique="This field must be unique."),
        "name": Field(required=True),
        "is_active": Field("bool", default=True),
        "last_login": Field("datetime", default=None, null=True),
        "groups": Field("pks", default=list, to="group", emptied_by_put=True),
        "roles": Field("pks", default=list, to="role", emptied_by_put=True),
        "email": Field("email", max_length=254),
        "attributes": Field("dict", default=dict),
        "path": Field(blank=False, default="users"),
        "type": Field("choice", default="internal", choices=USER_TYPES),
    },
    ordering=("username",),
    search=("username", "name", "email", "uuid"),
    filters=filters(
        "username", "name", "email", "path", "uuid",
        "last_login", "date_joined", "last_updated",
        "last_login__isnull", "last_login__gt", "last_login__lt", "date_joined__gt", "date_joined__lt",
        "last_updated__gt", "last_updated__lt",
        path_startswith=Filter("path", "startswith"),
        is_active=Filter("is_active", "bool"),
        is_superuser=Filter("is_superuser", "bool"),
        attributes=Filter("attributes", "json"),
        type=Filter("type", "choices", choices=USER_TYPES),
        groups_by_name=Filter("groups", "in", to="group", by="name"),
        groups_by_pk=Filter("groups", "in", to="group"),
        roles_by_name=Filter("roles", "in", to="role", by="name"),
        roles_by_pk=Filter("roles", "in", to="role"),
    ),
    autocomplete={"current_model": "authentik_core.user", "models": {"authentik_core.user": {
        "username": _complete("str"), "name": _complete("str"), "email": _complete("str"),
        "path": _complete("str"), "is_active": _complete("bool", nullable=True),
        "type": _complete("str", options=list(USER_TYPES)), "attributes": _attributes_of("user"),
    }}},
    title="User", about="User Viewset",
)  # fmt: skip

GROUP = Model(
    app="authentik_core", name="group", noun="Group", path="core/groups", table="group",
    fields={
        "name": Field(required=True, blank=False, unique="Group with this name already exists."),
        "is_superuser": Field("bool", default=False),
        "parents": Field("pks", default=list, to="group"),
        "users": Field("pks", default=list, to="user", emptied_by_put=True),
        "attributes": Field("dict", default=dict),
        "roles": Field("pks", default=list, to="role"),
    },
    ordering=("name",),
    search=("name",),
    filters=filters(
        "name",
        is_superuser=Filter("is_superuser", "bool"),
        attributes=Filter("attributes", "json"),
        members_by_username=Filter("users", "in", to="user", by="username"),
        members_by_pk=Filter("users", "in", to="user"),
    ),
    autocomplete={"current_model": "authentik_core.group", "models": {"authentik_core.group": {
        "name": _complete("str"), "is_superuser": _complete("bool", nullable=True),
        "attributes": _attributes_of("group"),
    }}},
    title="Group", about="Group Viewset",
)  # fmt: skip

TOKEN = Model(
    app="authentik_core", name="token", noun="Token", path="core/tokens", table="token",
    lookup="identifier", owner="user",
    add_needs_right=False,  # anyone may make a token for themselves
    fields={
        "managed": Field(default=None, null=True, blank=False),
        "identifier": Field(
            "slug", required=True, blank=False, max_length=255,
            unique="Token with this identifier already exists.",
        ),
        "intent": Field("choice", default="api", choices=INTENTS),
        "user": Field("pk", default=None, to="user"),
        "description": Field(),
        "expires": Field("datetime", default=None, null=True),
        "expiring": Field("bool", default=True),
    },
    ordering=("identifier", "expires"),
    search=("identifier", "intent", "user__username", "description"),
    filters=filters(
        "identifier", "description", "expires", "managed",
        intent=Filter("intent", "choice", choices=INTENTS),
        expiring=Filter("expiring", "bool"),
        user__username=Filter("user__username"),
    ),
    title="Token", about="Token Viewset",
)  # fmt: skip

APPLICATION = Model(
    app="authentik_core", name="application", noun="Application", path="core/applications",
    table="application", lookup="slug",
    fields={
        "name": Field(required=True, blank=False),
        "slug": Field(
            "slug", required=True, blank=False, unique="Application with this slug already exists.",
            invalid="Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.",
        ),
        "provider": Field(
            "pk", default=None, null=True, to="provider",
            unique="Application with this provider already exists.",
        ),
        "backchannel_providers": Field("pks", default=list, to="provider"),
        "open_in_new_tab": Field("bool", default=False),
        "meta_launch_url": Field("launch_url"),
        "meta_icon": Field(),
        "meta_description": Field(),
        "meta_publisher": Field(),
        "policy_engine_mode": Field("choice", default="any", choices=ENGINE_MODES),
        "group": Field(),
        "meta_hide": Field("bool", default=False),
    },
    ordering=("name",),
    search=("name", "slug", "meta_launch_url", "meta_description", "meta_publisher", "group"),
    filters=filters("name", "slug", "meta_launch_url", "meta_description", "meta_publisher", "group"),
    title="Application", about="Application Viewset",
)  # fmt: skip

BINDING = Model(
    app="authentik_policies", name="policybinding", noun="PolicyBinding", path="policies/bindings",
    table="binding",
    fields={
        "policy": Field("pk", default=None, null=True, to="policy"),
        "group": Field("pk", default=None, null=True, to="group"),
        "user": Field("pk", default=None, null=True, to="user"),
        "target": Field("pk", required=True, to="target"),
        "negate": Field("bool", default=False),
        "enabled": Field("bool", default=True),
        "order": Field("int", required=True, bounds=(-INT_MAX - 1, INT_MAX)),
        "timeout": Field("int", default=30, bounds=(0, INT_MAX)),
        "failure_result": Field("bool", default=False),
    },
    ordering=("order", "pk"),
    search=("policy_name",),
    filters=filters(
        "order", "timeout",
        enabled=Filter("enabled", "bool"),
        policy=Filter("policy", "choice", to="policy"),
        policy__isnull=Filter("policy", "isnull"),
        target=Filter("target", "choice", to="target"),
        target_in=Filter("target", "in", to="target"),
    ),
    title="Policy Binding", about="PolicyBinding Viewset",
)  # fmt: skip

POLICY = Model(
    app="authentik_policies", name="policy", noun="Policy", path="policies/all", table="policy", fields={},
    methods=frozenset({"GET"}), ordering=("name",), search=("name",), title="Policy", about="Policy Viewset",
)  # fmt: skip
EXPRESSION_POLICY = Model(
    app="authentik_policies_expression", name="expressionpolicy", noun="ExpressionPolicy", path="policies/expression",
    table="policy", methods=frozenset({"POST"}), ordering=("name",), title="Expression Policy", about="",
    fields={
        "name": Field(required=True, blank=False, unique="policy with this name already exists."),
        "execution_logging": Field("bool", default=False), "expression": Field(required=True, blank=False),
    },
)  # fmt: skip

ROLE = Model(
    app="authentik_rbac", name="role", noun="Role", path="rbac/roles", table="role",
    fields={"name": Field(required=True, blank=False, unique="Role with this name already exists.")},
    ordering=("name",),
    search=("name",),
    filters=filters(
        "name",
        "managed__isnull",
        managed=Filter("managed", "values"),
        users=Filter("users", "in", to="user"),
        groups=Filter("groups", "in", to="group"),
    ),
    title="Role", about="Role viewset",
)  # fmt: skip

# Only what happens to be asked of events: who logged in. What an event holds beyond that differs by its action.
EVENT_CONTEXT = ("authorized_app", "device", "model_app", "model_name", "model_pk")
EVENT_ACTIONS = ("login", "login_failed", "logout")
EVENT = Model(
    app="authentik_events", name="event", noun="Event", path="events/events", table="event", fields={},
    methods=frozenset({"GET"}), ordering=("-created",), search=("action", "app", "client_ip"),
    filters=filters(
        "client_ip",
        action=Filter("action", "icontains"),
        actions=Filter("action", "choices", choices=EVENT_ACTIONS),
        username=Filter("user__username"),
        brand_name=Filter("brand__name"),
        **{f"context_{name}": Filter(f"context__{name}") for name in EVENT_CONTEXT},
    ),
    title="Event", about="Event Read-Only Viewset",
)  # fmt: skip

CORE_MODELS = (USER, GROUP, TOKEN, APPLICATION, BINDING, POLICY, EXPRESSION_POLICY, ROLE, EVENT)
KEYPAIR_PATH = "crypto/certificatekeypairs"
MODELS: Mapping[str, Model] = MappingProxyType({m.path: m for m in (*CORE_MODELS, *PROVIDER_MODELS)})

# rights beyond add, view, change and delete
SPECIAL_RIGHTS = frozenset({
    "authentik_core.view_user_applications", "authentik_core.view_token_key", "authentik_core.set_token_key",
    "authentik_core.reset_user_password", "authentik_core.impersonate", "authentik_core.preview_user",
    "authentik_core.add_user_to_group", "authentik_core.remove_user_from_group",
    "authentik_core.enable_group_superuser", "authentik_core.disable_group_superuser",
    "authentik_core.assign_user_permissions", "authentik_core.unassign_user_permissions",
})  # fmt: skip
SYSTEM_RIGHTS = (
    "add_role", "edit_system_settings", "manage_media_files", "assign_role_permissions",
    "add_initialpermissions", "view_system_info", "view_system_settings", "change_role",
    "delete_initialpermissions", "change_initialpermissions", "view_role", "view_initialpermissions",
    "unassign_role_permissions", "delete_role", "access_admin_interface", "view_media_files",
)  # fmt: skip


def known_rights() -> frozenset[str]:
    """Every right a role can be given."""
    verbs = ("add", "view", "change", "delete")
    of_models = {model.right(verb) for model in MODELS.values() for verb in verbs}
    return SPECIAL_RIGHTS | of_models | {f"authentik_rbac.{name}" for name in SYSTEM_RIGHTS}
