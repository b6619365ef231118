"""The recorded versions of Authentik: every kind lives its life on them; any other is told to be untried."""

from collections.abc import Iterator

import pytest

from lab.authentik import StandIn
from providers.authentik.api.versions import DIFFERENCES, TRIED

from .conftest import QUICK, VERSION, Authentik, of_kind
from .engine import Host
from .samples import SAMPLES, sample
from .test_lifecycle import KINDS, address

OLD, NEW = TRIED[0], TRIED[-1]
IGNORED = {("2025.8.1", "Application"): ("meta_icon",)}
"""Fields that a server takes and answers as null, by its recording: they would drift for ever."""


@pytest.fixture(scope="module", params=TRIED)
def world(request: pytest.FixtureRequest) -> Iterator[tuple[str, Authentik, Host]]:
    """A version, a server of it and a host with its administrator's token."""
    with (
        StandIn(token_lifetime="days=3650", version=request.param) as standin,
        Host({"authentik:url": standin.url} | QUICK, {"AUTHENTIK_TOKEN": standin.token}) as host,
    ):
        yield request.param, Authentik(standin), host


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_kind_is_made_read_without_drift_changed_and_deleted(
    kind: str, world: tuple[str, Authentik, Host]
) -> None:
    version, authentik, host = world
    own, made = sample(authentik, kind), of_kind(host, kind)
    declared = {name: value for name, value in own.declared.items() if name not in IGNORED.get((version, kind), ())}
    fields = KINDS[kind].fields
    changed = next(({name: own.other[name]} for name in own.other if not fields[name].replaces), {})
    assert made.up(declared) == "created"
    before = dict(made.outs)
    assert made.refresh()
    assert made.outs == before
    assert made.up(declared) == "same"
    if changed:
        assert made.up(declared | changed) == "updated"
        assert made.up(declared | changed) == "same"
    differ = [each for each in DIFFERENCES if each.path == KINDS[kind].path]
    answer = authentik.call("GET", address(kind, made.outs)) if differ else {}
    for each in differ:
        has = tuple(map(int, version.split(".")[:2])) >= each.since
        assert [name in answer for name in each.fields] == [has] * len(each.fields)
        assert not each.formerly or (each.formerly in answer) != has
    made.delete()
    assert not made.refresh()


def test_a_groups_parent_is_set_and_its_change_is_drift_on_an_old_version() -> None:
    with StandIn(version=OLD) as standin:
        authentik = Authentik(standin)
        one, other = authentik.group(), authentik.group()
        with Host({"authentik:url": standin.url} | QUICK, {"AUTHENTIK_TOKEN": standin.token}) as host:
            made = of_kind(host, "Group")
            declared = {"name": "child", "parents": [one["pk"]]}
            made.up(declared)
            path = address("Group", made.outs)
            assert authentik.call("GET", path)["parent"] == one["pk"]
            authentik.call("PATCH", path, {"parent": other["pk"]})
            made.refresh()
            assert made.outs["parents"] == [other["pk"]]
            assert made.up(declared) == "updated"
            assert authentik.call("GET", path)["parent"] == one["pk"]


def _provider(authentik: Authentik) -> dict[str, object]:
    return dict(sample(authentik, "ProxyProvider").declared)


@pytest.mark.parametrize(
    ("version", "said"), [("2024.10.5", "is older than"), ("2026.11.0", "has not been tried"), (NEW, "")]
)
def test_an_untried_version_is_told_once_a_process(version: str, said: str) -> None:
    with StandIn(version=version) as standin:
        authentik = Authentik(standin)
        with Host({"authentik:url": standin.url} | QUICK, {"AUTHENTIK_TOKEN": standin.token}, told=True) as host:
            since = authentik.mark()
            for _ in range(2):
                of_kind(host, "ProxyProvider").up(_provider(authentik))
            asked = [each["path"] for each in standin.requests[since:]]
        told = [line for line in host.told.splitlines() if "warning: " in line]
    assert asked.count(VERSION) == 1
    assert len(told) == bool(said)
    assert all(f"Authentik {version} at {standin.url} " in line and said in line for line in told)


def test_a_refusal_is_told_with_the_version_that_may_be_why() -> None:
    with StandIn(version="2024.10.5") as standin:
        authentik = Authentik(standin)
        with Host({"authentik:url": standin.url} | QUICK, {"AUTHENTIK_TOKEN": standin.token}, told=True) as host:
            user = of_kind(host, "User")
            with pytest.raises(Exception, match="answered 400"):
                user.up({"username": authentik.name(), "groups": ["00000000-0000-4000-8000-000000000000"]})
    assert "Authentik 2024.10.5" in host.told


def test_a_group_below_the_phones_group_is_seen_and_taken_off_on_an_old_version() -> None:
    with StandIn(version=OLD) as standin:
        authentik = Authentik(standin)
        group, below = authentik.group(), authentik.group()
        with Host({"authentik:url": standin.url} | QUICK, {"AUTHENTIK_TOKEN": standin.token}) as host:
            members = of_kind(host, "ExclusiveMembers")
            declared = {"group": group["pk"], "users": []}
            members.create(declared)
            path = f"/core/groups/{below['pk']}/"
            authentik.call("PATCH", path, {"parent": group["pk"]})
            assert members.refresh()
            assert members.outs["others"] == {below["pk"]: f"group {below['name']!r} below it"}
            assert members.up(declared) == "updated"
            assert authentik.call("GET", path)["parent"] is None
