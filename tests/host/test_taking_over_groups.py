"""A create of a group that meets one in its place: whom it holds and what they are decides."""

from typing import Any

import pytest

from .conftest import Authentik, Make
from .engine import HostError, Props

MARK = {"pulumi": "immich/ours/immich-phones"}


def group(authentik: Authentik, **fields: Any) -> dict[str, Any]:
    """One that stands there already."""
    made: dict[str, Any] = authentik.call("POST", "/core/groups/", {"name": authentik.name("phones"), **fields})
    return made


def now(authentik: Authentik, found: dict[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = authentik.call("GET", f"/core/groups/{found['pk']}/")
    return seen


def declared(found: dict[str, Any], **more: Any) -> Props:
    return {"name": found["name"], "is_superuser": False, "attributes": MARK, **more}


@pytest.mark.parametrize("attributes", [{}, MARK], ids=["of somebody", "of ours"])
@pytest.mark.parametrize("adopt", [False, True])
def test_a_group_of_superusers_is_not_taken_over_as_one_of_others(
    adopt: bool, attributes: Props, authentik: Authentik, resource: Make
) -> None:
    found = group(authentik, is_superuser=True, attributes=attributes)
    authentik.user(groups=[found["pk"]])
    before = now(authentik, found)
    with pytest.raises(HostError, match="would revoke its members' admin access") as refused:
        resource("Group").up(declared(found, adopt=adopt))
    assert f"group {found['name']!r}" in str(refused.value)
    assert "another name" in str(refused.value)
    assert now(authentik, found) == before


def test_a_group_of_superusers_that_is_declared_so_is_taken_over(authentik: Authentik, resource: Make) -> None:
    found, taken = group(authentik, is_superuser=True), resource("Group")
    taken.up({"name": found["name"], "is_superuser": True, "adopt": True})
    assert taken.id == found["pk"]


@pytest.mark.parametrize("attributes", [{}, {"pulumi": "immich/theirs/immich-phone"}])
def test_a_group_is_not_taken_over_with_anybody_in_it_who_may_not_be(
    attributes: Props, authentik: Authentik, resource: Make
) -> None:
    found = group(authentik)
    phone, stranger = authentik.user(groups=[found["pk"]]), authentik.user(groups=[found["pk"]], attributes=attributes)
    before = now(authentik, found)
    with pytest.raises(HostError, match=f"in it is {stranger['username']!r}, who would be let in") as refused:
        resource("Group").up(declared(found, adopt=True, members=[phone["username"]]))
    assert "Take them out" in str(refused.value)
    assert now(authentik, found) == before


def test_a_group_is_taken_over_with_those_who_may_be_in_it_and_what_this_stack_left(
    authentik: Authentik, resource: Make
) -> None:
    found, taken = group(authentik), resource("Group")
    phone = authentik.user(groups=[found["pk"]])
    authentik.user(groups=[found["pk"]], attributes={"pulumi": "immich/ours/immich-phone"})
    taken.up(declared(found, adopt=True, members=[phone["username"]]))
    assert taken.id == found["pk"]
    assert taken.up(declared(found, members=[])) == "same"  # it says how to go about it, and nothing of the group
