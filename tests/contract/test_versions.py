"""Where the recorded versions differ, the stand-in that acts as each of them says what its recording says."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from lab.authentik import StandIn
from lab.authentik.versions import SINCE, lacking
from providers.authentik.api.versions import DIFFERENCES, TRIED, Difference
from tests.contract.api import Api, Site, fresh
from tests.contract.replay import VERSIONS as RECORDED
from tests.contract.replay import by_case, exchanges

VERSIONS = ("2025.8.1", "2026.5.0-rc1")
"""Those whose recordings have the later cases, too."""
ENDPOINT = "/core/users/service_account/"


@dataclass(frozen=True)
class Version:
    """The stand-in that acts as a version, and that version's recording."""

    api: Api
    cases: dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Version]:
    path = tmp_path_factory.mktemp("authentik") / "state.sqlite"
    with StandIn(path, version=request.param, cache_seconds=0.1) as server:
        yield Version(Api(server), by_case(request.param))


def words(answer: Any, name: str) -> str:
    """An answer without what is one server's own: the name, and the number in the name of a constraint."""
    return re.sub(r"_[0-9a-f]{8}_uniq", "_N_uniq", json.dumps(answer).replace(name, "NAME"))


def taken(api: Api, name: str) -> None:
    """An account that the program has set up: its display name is another."""
    user = api.make(ENDPOINT, name=name)["user_pk"]
    api.change(f"/core/users/{user}/", name="Immich phone")


def taken_identifier(api: Api, name: str) -> None:
    user = api.make("/core/users/", username=fresh("user"), name="x")["pk"]
    api.make("/core/tokens/", identifier=f"service-account-{name}-password", user=user, intent="app_password")


CONFLICTS: dict[str, Callable[[Api, str], object]] = {
    "service_account endpoint, duplicate": lambda api, name: api.make(ENDPOINT, name=name),
    "service_account endpoint, username taken by a user of another name": taken,
    "service_account endpoint, token identifier taken": taken_identifier,
}


@pytest.mark.parametrize("case", CONFLICTS)
def test_a_conflict_of_the_service_account_endpoint_is_worded_as_recorded(version: Version, case: str) -> None:
    name, exchange = fresh("sa"), version.cases[case]
    CONFLICTS[case](version.api, name)
    answer = version.api.refused("POST", ENDPOINT, {"name": name}, status=exchange["status"])
    assert words(answer, name) == words(exchange["response"], exchange["request"]["name"])


def test_the_app_password_of_a_deactivated_account_is_accepted_where_the_recording_says_so(version: Version) -> None:
    site = Site(version.api)
    version.api.change(f"/core/users/{site.user}/", is_active=False)
    recorded_status = version.cases["forward auth: deactivated user, after the cache"]["status"]
    assert site.enters(site.basic) is (recorded_status == 200)


def test_access_of_a_deactivated_account_is_answered_as_for_any_other(version: Version) -> None:
    site = Site(version.api)
    version.api.change(f"/core/users/{site.user}/", is_active=False)
    path = f"/core/applications/{site.application['slug']}/check_access/?for_user={site.user}"
    exchange = version.cases["check access3 for a deactivated user"]
    assert version.api.get(path)["passing"] == exchange["response"]["passing"]


def fields_of(version: str, path: str) -> set[str]:
    """The fields of the objects that a recording answers under a path."""
    found: set[str] = set()
    for exchange in exchanges(version):
        if exchange["path"].partition("?")[0].startswith(f"/{path}/") and exchange["status"] in (200, 201):
            answer = exchange["response"] or {}
            for each in [answer, *(answer.get("results") or [])] if isinstance(answer, dict) else []:
                found |= set(each) if "pk" in each else set()
    return found


def test_the_tried_versions_are_those_that_were_recorded() -> None:
    assert sorted(TRIED) == list(RECORDED)


@pytest.mark.parametrize("path", SINCE)
@pytest.mark.parametrize("version", TRIED)
def test_the_stand_in_lacks_the_fields_that_the_recording_lacks(version: str, path: str) -> None:
    assert set(SINCE[path]) - fields_of(version, path) == lacking(version, path)


@pytest.mark.parametrize("each", DIFFERENCES, ids=lambda each: each.fields[0])
def test_a_difference_between_versions_is_in_the_recordings(each: Difference) -> None:
    for version in TRIED:
        seen = fields_of(version, each.path.strip("/"))
        has = tuple(map(int, version.split(".")[:2])) >= each.since
        assert [name in seen for name in each.fields] == [has] * len(each.fields), version
        assert not each.formerly or (each.formerly in seen) is not has


def test_of_two_providers_of_one_host_the_last_by_name_serves(version: Version) -> None:
    """Seen on 2026.5.0-rc1, and in the source of both, internal/outpost/proxyv2/refresh.go."""
    site, api = Site(version.api), version.api
    name = f"zz-{site.provider['name']}"
    other = api.make("/providers/proxy/", **api.proxy_body(site.external) | {"name": name})
    api.application(provider=other["pk"])
    outpost = api.embedded()
    api.change(f"/outposts/instances/{outpost['pk']}/", providers=[other["pk"], *outpost["providers"]])
    assert f"client_id={other['client_id']}" in site.knock().headers["Location"]


def test_a_token_of_the_provider_passes_as_bearer_and_as_the_password_of_its_own_user(version: Version) -> None:
    """Seen on 2026.5.0-rc1: what `client_credentials` gives for an app password opens the door as well."""
    site = Site(version.api)
    form = {"grant_type": "client_credentials", "client_id": site.provider["client_id"], "scope": "openid"}
    form |= {"username": site.username, "password": site.key}
    url = f"{version.api.server.url}/application/o/token/"
    token = requests.post(url, data=form, timeout=10).json()["access_token"]
    assert site.enters(f"Bearer {token}")
    encoded = base64.b64encode(f"goauthentik.io/token:{token}".encode()).decode()
    assert site.enters(f"Basic {encoded}")
    assert not site.enters(f"Basic {base64.b64encode(b'goauthentik.io/token:x').decode()}")
