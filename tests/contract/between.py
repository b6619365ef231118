"""What the recorded servers went through without a line in the recording: told by the case that comes after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lab.authentik.crypto import self_signed

if TYPE_CHECKING:
    from tests.contract.replay import Replay

Step = Callable[["Replay"], object]

# The rights of the recorded role: what the reference stack takes, without view_user_applications.
LIMITED_RIGHTS = [
    *(f"authentik_core.{verb}_{name}" for verb in ("add", "delete", "view")
      for name in ("user", "group", "application")),
    "authentik_core.add_token", "authentik_core.set_token_key",
    *(f"authentik_providers_proxy.{verb}_proxyprovider" for verb in ("add", "delete", "view")),
    *(f"authentik_policies.{verb}_policybinding" for verb in ("add", "delete", "view")),
    "authentik_outposts.view_outpost", "authentik_outposts.change_outpost", "authentik_flows.view_flow",
]  # fmt: skip
REFRESH_SECONDS = 300.0
SECOND_KEY = "rec3-key-0123456789abcdefghijklmnopqrstuvb"


def limited_account(play: Replay) -> None:
    """The account of the `limited:` cases, whose group's role has no rights yet."""
    api, name = play.api, play.before.operator
    role = api.make("/rbac/roles/", name=name)
    group = api.make("/core/groups/", name=name, roles=[role["pk"]])
    user = api.make("/core/users/", username=name, name="op", type="service_account", groups=[group["pk"]])
    api.make("/core/tokens/", identifier=name, user=user["pk"], intent="api", expiring=False)
    play.ids.learn(play.before.operator_pk, user["pk"], "user")


def limited_rights(play: Replay) -> None:
    (role,) = play.api.rows(f"/rbac/roles/?search={play.before.operator}")
    play.api.make(f"/rbac/permissions/assigned_by_roles/{role['pk']}/assign/", permissions=LIMITED_RIGHTS)


def reload_outpost(play: Replay) -> None:
    """The newest server's outpost did once more: its answer sets a new session and token."""
    if play.before.reloads:
        _serve(play, lambda providers: providers)


def without_outposts(play: Replay) -> None:
    for outpost in play.api.rows("/outposts/instances/"):
        if outpost["managed"] is None:
            play.api.delete(f"/outposts/instances/{outpost['pk']}/")


def without_parents(play: Replay) -> None:
    (group,) = play.api.rows("/core/groups/?name=rec3-parent")
    play.api.change(f"/core/groups/{group['pk']}/", parents=[], parent=None)


def transactional(play: Replay) -> None:
    """What the endpoint that is not acted made."""
    application = play.api.make("/core/applications/", name="Rec tx", slug="rec3-tx")
    (group,) = play.api.rows("/core/groups/?name=rec3-g")
    play.api.make("/policies/bindings/", target=application["pk"], group=group["pk"], order=0)


def generated_pair(play: Replay) -> None:
    """What the endpoint that is not acted made."""
    certificate, key = self_signed("rec3-gen")
    made = play.api.make(
        "/crypto/certificatekeypairs/", name="rec3-gen", certificate_data=certificate, key_data=key
    )  # fmt: skip
    play.ids.learn(play.recorded("keypair generate")["response"]["pk"], made["pk"])


def another_server(play: Replay) -> None:
    """The cases from here on were recorded on another server of that version."""
    play.start_again()
    if play.server.settings.version.startswith("2025."):
        play.api.make("/rbac/roles/", name="authentik Read-only")


def second_token(play: Replay) -> None:
    user = play.ids.actual(play.recorded("user3 create service account")["response"]["pk"], "user")
    play.api.make("/core/tokens/", identifier="rec3-app-b", user=user, intent="app_password", expiring=False)
    assert play.api.ask("POST", "/core/tokens/rec3-app-b/set_key/", {"key": SECOND_KEY}).status_code == 204


def _proxy3(play: Replay) -> Any:
    (provider,) = play.api.rows("/providers/proxy/?name__iexact=rec3%20proxy")
    return provider


def proxy3(**fields: Any) -> Step:
    def change(play: Replay) -> None:
        play.api.change(f"/providers/proxy/{_proxy3(play)['pk']}/", mode="forward_single", **fields)

    return change


def binding3(**fields: Any) -> Step:
    def change(play: Replay) -> None:
        target = play.ids.actual(play.recorded("application3 create")["response"]["pk"])
        (row,) = play.api.rows(f"/policies/bindings/?target={target}")
        assert play.api.ask("PUT", f"/policies/bindings/{row['pk']}/", row | fields).status_code == 200

    return change


def _serve(play: Replay, change: Callable[[list[int]], list[int]]) -> None:
    outpost = play.api.embedded()
    play.api.change(f"/outposts/instances/{outpost['pk']}/", providers=change(outpost["providers"]))


def attach3(play: Replay) -> None:
    pk = _proxy3(play)["pk"]
    _serve(play, lambda providers: [*providers, pk])


def detach3(play: Replay) -> None:
    pk = _proxy3(play)["pk"]
    _serve(play, lambda providers: [other for other in providers if other != pk])


def refreshed(play: Replay) -> None:
    play.later(REFRESH_SECONDS)


STEPS: Mapping[str, Step] = {
    "limited: no rights, list users": limited_account,
    "limited: flow by slug": limited_rights,
    "closing: phones group": another_server,
    "forward auth: good Basic again (cached)": reload_outpost,
    "forward auth: deactivated user, after the cache": lambda play: play.later(play.server.settings.cache_seconds),
    "sa3: user with a username of its own and another name": without_outposts,
    "group patch users": without_parents,
    "bindings3 of a group": transactional,
    "outposts proxy list before attaching": without_outposts,
    "oauth2-3 patch signing_key": generated_pair,
    "outposts proxy list after attaching": attach3,
    "forward auth: skip_path_regex, path that matches, no credentials": proxy3(
        skip_path_regex=r"^/\.well-known/immich$"
    ),
    "forward auth: skip_path_regex that is no regex, good Basic": proxy3(skip_path_regex="("),
    "forward auth: skip_path_regex empty again": proxy3(skip_path_regex=""),
    "forward auth: intercept_header_auth false, good Basic": proxy3(intercept_header_auth=False),
    "forward auth: intercept_header_auth true again, good Basic": proxy3(intercept_header_auth=True),
    "forward auth: external_host changed, old host": proxy3(external_host="https://rec3moved.example.test"),
    "forward auth: external_host back": proxy3(external_host="https://rec3.example.test"),
    "forward auth: token that has expired, header not cached": lambda _play: time.sleep(LIVES_SECONDS),
    "forward auth: second token of the same user": second_token,
    "forward auth: the only binding disabled, header not cached": binding3(enabled=False),
    "forward auth: the only binding negated, header not cached": binding3(enabled=True, negate=True),
    "forward auth: application deleted, later": refreshed,
    "forward auth: application made again, no bindings": refreshed,
    "forward auth: provider detached": detach3,
    "forward auth: provider attached again": attach3,
    "forward auth: provider deleted, later": refreshed,
    "scope mappings5 by a managed name that there is not": another_server,
}
LIVES_SECONDS = 1.0
EXPIRES_IN: Mapping[str, float] = {
    "token create, expires in an hour": 3600,
    "token create, api intent, expires in a year": 365 * 86400,
    "token3 create again": LIVES_SECONDS,
}
"""In seconds, where a recorded `expires` was meant from the moment of asking."""
