"""How often Authentik is asked, by operation: what a preview, a refresh and an update cost stands here."""

import pytest

from .conftest import Authentik, Make
from .samples import SAMPLES, sample
from .test_lifecycle import KINDS, address

CREATE = {
    "AppPassword": ["GET /core/users/", "POST /core/tokens/", "GET OBJECT view_key/"],
    "Application": ["GET OBJECT", "GET /outposts/instances/", "POST /core/applications/"],
    "Certificate": ["POST /crypto/certificatekeypairs/"],
    "Group": ["GET /core/groups/", "GET /rbac/roles/", "POST /core/groups/"],
    "OAuth2Provider": [
        *["GET /flows/instances/"] * 3,
        *["GET /propertymappings/provider/scope/"] * 4,  # one is named by its scope, the last of three ways
        "GET /crypto/certificatekeypairs/",
        "POST /providers/oauth2/",
    ],
    "OutpostAttachment": ["GET /outposts/instances/", "PATCH OBJECT", "GET OBJECT"],
    "PolicyBinding": ["GET /core/groups/", "GET /policies/bindings/", "POST /policies/bindings/"],
    "ProxyProvider": [
        *["GET /flows/instances/"] * 3,
        "GET /propertymappings/provider/scope/",
        "GET /crypto/certificatekeypairs/",
        "GET /providers/proxy/",
        "POST /providers/proxy/",
    ],
    "ServiceAccount": ["GET /core/groups/", "POST /core/users/service_account/", "PATCH OBJECT", "GET PASSWORD"],
    "User": ["GET /core/groups/", "GET /rbac/roles/", "POST /core/users/"],
}
"""Making an object whose declaration names others; every name is one look-up."""
MOVABLE = ("AppPassword", "Application")
"""The kinds whose address anybody may give to another object: looked at before they are written."""
READ = {kind: ["GET OBJECT"] for kind in SAMPLES} | {"ServiceAccount": ["GET PASSWORD"]}
UPDATE = {kind: ["PATCH OBJECT"] for kind in SAMPLES} | {
    **{kind: ["GET OBJECT", "PATCH OBJECT"] for kind in MOVABLE},
    "PolicyBinding": ["PUT OBJECT"],
    "OutpostAttachment": [],
}
DELETE = {kind: ["DELETE OBJECT"] for kind in SAMPLES} | {
    **{kind: ["GET OBJECT", "DELETE OBJECT"] for kind in MOVABLE},
    "OutpostAttachment": ["GET OBJECT", "PATCH OBJECT", "GET OBJECT"],
}
CHANGED = {"Group": "attributes", "PolicyBinding": "timeout", "AppPassword": "description"}


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_operation_asks_authentik_as_often_as_it_must(kind: str, authentik: Authentik, resource: Make) -> None:
    each, made = sample(authentik, kind), resource(kind)
    field = CHANGED.get(kind, "name")
    news = each.declared | ({field: each.other[field]} if field in KINDS[kind].fields else {})
    told: dict[str, list[str]] = {}
    for operation in ("create", "same", "read", "update", "delete"):
        since = authentik.mark()
        match operation:
            case "create" | "same":
                made.up(each.declared)
            case "read":
                made.refresh()
            case "update":
                made.up(news)
            case "delete":
                made.delete()
        path, password = address(kind, made.outs), f"/core/tokens/{made.outs.get('token')}/"
        told[operation] = [
            call.replace(password, "PASSWORD").replace(path, "OBJECT ").rstrip() for call in authentik.asked(since)
        ]
    assert told == {
        "create": CREATE[kind],
        "same": [],
        "read": READ[kind],
        "update": UPDATE[kind],
        "delete": DELETE[kind],
    }


def test_a_name_that_was_found_once_is_not_looked_up_again(authentik: Authentik, resource: Make) -> None:
    declared, made = sample(authentik, "ProxyProvider").declared, resource("ProxyProvider")
    made.up(declared)
    since = authentik.mark()
    made.up(declared | {"authentication_flow": "default-user-settings-flow", "skip_path_regex": ""})
    assert authentik.asked(since) == ["GET /flows/instances/", f"PATCH /providers/proxy/{made.id}/"]
