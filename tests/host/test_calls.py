"""How often Authentik is asked, by operation: what a preview, a refresh and an update cost stands here."""

import itertools

import pytest

from .conftest import QUICK, Authentik, Make, of_kind
from .engine import Host
from .samples import SAMPLES, sample
from .test_lifecycle import KINDS, address

CREATE = {
    "Application": ["GET OBJECT", "GET /outposts/instances/", "POST /core/applications/"],
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
    "ServiceAccount": ["GET /core/groups/", "POST /core/users/service_account/", "PATCH OBJECT"],
    "User": ["GET /core/groups/", "GET /rbac/roles/", "POST /core/users/"],
}
"""Making an object whose declaration names others; every name is one look-up."""
MOVABLE = ("Application",)
"""The kinds whose address anybody may give to another object: looked at before they are written."""
READ = {kind: ["GET OBJECT"] for kind in SAMPLES} | {
    "ServiceAccount": ["GET /core/tokens/"],
    "OutpostAttachment": ["GET OBJECT", "GET /providers/proxy/"],  # not where ours is the outpost's only provider
}
UPDATE = {kind: ["PATCH OBJECT"] for kind in SAMPLES} | {
    **{kind: ["GET OBJECT", "PATCH OBJECT"] for kind in MOVABLE},
    "PolicyBinding": ["PUT OBJECT"],
    "OutpostAttachment": [],
}
DELETE = {kind: ["DELETE OBJECT"] for kind in SAMPLES} | {
    **{kind: ["GET OBJECT", "DELETE OBJECT"] for kind in MOVABLE},
    "OutpostAttachment": ["GET OBJECT", "PATCH OBJECT", "GET OBJECT"],
}
CHANGED = {"Group": "attributes", "PolicyBinding": "timeout"}


def by_turns(calls: list[str]) -> list[str]:
    """The same calls, with look-ups that may be made side by side in the order of the alphabet."""
    turns = itertools.groupby(calls, lambda call: call.startswith("GET "))
    return [call for looking, each in turns for call in (sorted(each) if looking else each)]


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
    told["create"] = by_turns(told["create"])
    assert told == {
        "create": by_turns(CREATE[kind]),
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


@pytest.mark.parametrize("provider", ["proxy", "oauth2"])
def test_after_another_slug_a_proxy_provider_is_saved_so_that_its_outpost_is_told(
    provider: str, authentik: Authentik, resource: Make
) -> None:
    pk, application = authentik.provider(provider)["pk"], resource("Application")
    declared = {"name": "Moving", "slug": authentik.name("application"), "provider": str(pk)}
    application.up(declared)
    since = authentik.mark()
    application.up(declared | {"slug": declared["slug"] + "-moved"})
    proxy = f"/providers/proxy/{pk}/"
    saved = [f"PATCH {proxy}"] if provider == "proxy" else []
    assert authentik.asked(since)[-1 - len(saved) :] == [f"GET {proxy}", *saved]


def test_a_new_application_is_not_asked_for_bindings_and_each_gets_an_order_of_its_own(
    authentik: Authentik, resource: Make
) -> None:
    application = resource("Application")
    application.up({"name": "New", "slug": authentik.name("application")})
    groups = [authentik.group()["pk"] for _ in range(3)]
    since = authentik.mark()
    bindings = [resource("PolicyBinding") for _ in groups]
    for binding, group, order in zip(bindings, groups, ({}, {"order": 1}, {}), strict=True):
        binding.up({"target": application.id, "group": group, **order})
    assert authentik.asked(since) == ["POST /policies/bindings/"] * 3
    made = [authentik.call("GET", address("PolicyBinding", each.outs)) for each in bindings]
    assert [each["order"] for each in made] == [0, 1, 2]


def test_a_token_that_sees_no_tokens_of_others_finds_that_out_and_says_so_once_and_reads_accounts(
    authentik: Authentik,
) -> None:
    rights = [f"authentik_core.{right}" for right in ("add_user", "change_user", "view_user", "add_token")]
    token, asked = authentik.limited_token(*rights), []
    with Host({"authentik:url": authentik.url} | QUICK, {"AUTHENTIK_TOKEN": token}, told=True) as host:
        accounts = [of_kind(host, "ServiceAccount") for _ in range(2)]
        for account in accounts:
            account.up({"username": authentik.name("phone")})
        for account in accounts:
            since = authentik.mark()
            assert account.refresh()
            asked.append(len(authentik.asked(since)))
    assert asked == [4, 1]
    (said,) = [line for line in host.told.splitlines() if "warning: " in line]
    assert "the right authentik_core.view_token" in said
