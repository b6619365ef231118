"""The rights that docs/security.md lists: with them everything works, and each that is missing is told by its name."""

import re
from dataclasses import dataclass, field

import pytest

from setup.rights import LOGIN_RIGHTS, RIGHTS
from tests.faults import with_token
from tests.proxy import Proxy

from .conftest import Authentik, HostWith, Make, of_kind
from .engine import HostError, Props, Resource
from .samples import IMPLICIT, INVALIDATION, SIGNING_KEY
from .test_errors import message

USED = tuple(right for right in (*RIGHTS, *LOGIN_RIGHTS) if right != "authentik_events.view_event")
"""All but the one that is for `python -m phone` alone."""
SILENT = ("authentik_core.view_token", "authentik_core.view_user_applications")
"""Without them nothing fails: a password that was revoked is not seen, and what is open to an account is not told."""
TOGETHER = {"authentik_core.add_user", "authentik_core.add_token"}
"""One call takes both, and its answer does not say which is missing."""


@dataclass
class Life:
    """The stack's objects and their life: up, refresh, a change to each, destroy."""

    authentik: Authentik
    make: Make
    objects: list[tuple[Resource, Props, Props]] = field(default_factory=list)

    def up(self) -> None:
        """Make everything, in the program's order."""
        people, new = self.authentik.group()["name"], self.authentik.name
        group = {"name": new("phones"), "attributes": {"a": 1}, "parents": [], "roles": []}
        phones = self._add("Group", group, attributes={"a": 2})
        account = {"username": new("phone"), "groups": [phones], "roles": [], "email": ""}
        self._add("ServiceAccount", account, name="Phone")
        flows = {"authorization_flow": IMPLICIT, "invalidation_flow": INVALIDATION}
        closed: Props = {"jwt_federation_sources": [], "jwt_federation_providers": []}
        host = {"mode": "forward_single", "external_host": f"https://{new('photos')}.example.org", **closed}
        provider = self._add("ProxyProvider", {"name": new("proxy"), **flows, **host}, access_token_validity="hours=2")
        declared = {"name": "Immich", "slug": new("immich"), "provider": provider, "backchannel_providers": []}
        application = self._add("Application", declared, name="Photos")
        self._add("PolicyBinding", {"target": application, "group": people}, timeout=31)
        self._add("OutpostAttachment", {"outpost": self.authentik.outpost()["name"], "provider": provider})
        mappings = ["goauthentik.io/providers/oauth2/scope-openid"]
        login = {"name": new("login"), "signing_key": SIGNING_KEY, "property_mappings": mappings, "redirect_uris": []}
        self._add("OAuth2Provider", {**login, **flows, **closed}, access_token_validity="hours=2")

    def refresh(self) -> None:
        """Read everything."""
        for made, _, _ in self.objects:
            assert made.refresh()

    def update(self) -> None:
        """Change something in each object, and take away what somebody gave to the group and the account."""
        (group, _, _), (account, _, _) = self.objects[:2]
        above, role = self.authentik.group()["pk"], self.authentik.role()["pk"]
        self.authentik.call("PATCH", f"/core/groups/{above}/", {"is_superuser": True})
        given = {"is_superuser": True, "parents": [above], "roles": [role]}
        self.authentik.call("PATCH", f"/core/groups/{group.id}/", given)
        self.authentik.call("PATCH", f"/core/users/{account.id}/", {"roles": [role], "email": "a@example.org"})
        further = {"identifier": self.authentik.name("further"), "intent": "app_password", "user": int(account.id)}
        self.authentik.call("POST", "/core/tokens/", further)
        for given_to in (group, account):
            given_to.refresh()
        for made, declared, other in self.objects:
            if other:
                assert made.up(declared | other) == "updated"
        assert self.authentik.call("GET", f"/core/users/{account.id}/")["is_superuser"] is False

    def destroy(self) -> None:
        """Delete everything, the last one first."""
        for made, _, _ in reversed(self.objects):
            made.delete()
            assert not made.refresh()

    def whole(self) -> None:
        """One run after the other."""
        for run in (self.up, self.refresh, self.update, self.refresh, self.destroy):
            run()

    def _add(self, kind: str, declared: Props, **other: object) -> str:
        made = self.make(kind)
        made.create(declared)
        self.objects.append((made, declared, dict(other)))
        return made.id


@pytest.fixture
def life(authentik: Authentik, proxied: Make) -> Life:
    return Life(authentik, proxied)


def test_with_the_rights_of_the_docs_everything_works(authentik: Authentik, proxy: Proxy, life: Life) -> None:
    proxy.on(".*", with_token(authentik.limited_token(*USED)), times=float("inf"))
    life.whole()


@pytest.mark.parametrize("right", [right for right in USED if right not in SILENT])
def test_a_right_that_is_missing_is_told_by_its_name_and_no_other_is(
    right: str, authentik: Authentik, proxy: Proxy, life: Life
) -> None:
    token = authentik.limited_token(*[each for each in USED if each != right])
    proxy.on(".*", with_token(token), times=float("inf"))
    with pytest.raises(HostError) as caught:
        life.whole()
    named = set(re.findall(r"authentik_\w+\.\w+", message(caught, token)))
    assert named == (TOGETHER if right in TOGETHER else {right})


@pytest.mark.parametrize("right", SILENT)
def test_without_a_right_that_only_shows_something_nothing_fails(
    right: str, authentik: Authentik, host_with: HostWith
) -> None:
    host = host_with(
        {"authentik:url": authentik.url}, authentik.limited_token(*(each for each in USED if each != right))
    )
    Life(authentik, lambda kind: of_kind(host, kind)).whole()
