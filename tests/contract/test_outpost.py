"""What the outpost lets in, what it remembers, and for how long."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator

import pytest
import requests

from lab.authentik import StandIn
from tests.contract.api import TIMEOUT, Api, Site, fresh

CACHE = 0.4  # the fixture's cache, in seconds


@pytest.fixture(scope="module")
def site(api: Api) -> Site:
    return Site(api)


def session_of(answer: requests.Response) -> str:
    """The cookie of an answer as a request carries it."""
    return answer.headers["Set-Cookie"].partition(";")[0]


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_scheme_may_be_written_in_any_case(site: Site, scheme: str) -> None:
    assert site.enters(site.basic.replace("Basic", scheme))


def test_the_accounts_login_password_is_no_app_password(api: Api) -> None:
    site = Site(api)
    assert api.ask("POST", f"/core/users/{site.user}/set_password/", {"password": "login"}).status_code == 204
    assert not site.enters("Basic " + base64.b64encode(f"{site.username}:login".encode()).decode())


def test_an_api_token_of_the_account_is_no_app_password(api: Api, site: Site) -> None:
    name = fresh("token")
    api.make("/core/tokens/", identifier=name, user=site.user, intent="api", expiring=False)
    key = api.get(f"/core/tokens/{name}/view_key/")["key"]
    assert not site.enters("Basic " + base64.b64encode(f"{site.username}:{key}".encode()).decode())


def test_the_session_of_a_basic_answer_outlives_token_and_account(api: Api) -> None:
    site = Site(api)
    cookie = session_of(site.knock(site.basic))
    api.delete(site.token)
    api.change(f"/core/users/{site.user}/", is_active=False)
    time.sleep(CACHE + 0.1)
    assert not site.enters(site.basic)
    assert site.enters(cookie=cookie)


def test_a_session_ends_with_its_max_age(api: Api) -> None:
    site = Site(api, access_token_validity="seconds=0")
    answer = site.knock(site.basic)
    assert "Max-Age=1;" in answer.headers["Set-Cookie"]
    assert site.enters(cookie=session_of(answer))
    time.sleep(1.1)
    assert not site.enters(cookie=session_of(answer))


def test_a_session_opens_no_other_application(api: Api, site: Site) -> None:
    other = Site(api)
    value = session_of(site.knock(site.basic.replace("Basic", "bAsic"))).partition("=")[2]
    name = session_of(other.knock()).partition("=")[0]
    assert not other.enters(cookie=f"{name}={value}")


def test_the_max_age_is_that_of_the_first_load(api: Api) -> None:
    """A later validity changes the token inside, and the session only after the outpost forgot the host."""
    site = Site(api)
    api.change(f"/providers/proxy/{site.provider['pk']}/", mode="forward_single", access_token_validity="hours=24")
    assert "Max-Age=3601;" in site.knock(site.basic).headers["Set-Cookie"]


def test_a_cached_answer_sets_no_session(api: Api) -> None:
    site = Site(api)
    assert "Set-Cookie" in site.knock(site.basic).headers
    assert "Set-Cookie" not in site.knock(site.basic).headers


def test_a_rotated_key_passes_while_it_is_cached_and_not_where_it_is_not(api: Api) -> None:
    site = Site(api)
    uncached = site.basic.replace("Basic", "basic")
    assert site.enters(site.basic)
    old = site.basic
    assert api.ask("POST", f"{site.token}set_key/", {"key": "n" * 40}).status_code == 204
    assert site.enters(old)
    assert not site.enters(uncached)
    site.key = "n" * 40
    assert site.enters(site.basic)
    time.sleep(CACHE + 0.1)
    assert not site.enters(old)


def test_a_refusal_is_not_cached(api: Api) -> None:
    site = Site(api)
    api.change(f"/core/users/{site.user}/", is_active=False)
    assert not site.enters(site.basic)
    api.change(f"/core/users/{site.user}/", is_active=True)
    assert site.enters(site.basic)


def test_the_header_counts_whether_or_not_it_is_intercepted(api: Api) -> None:
    assert (site := Site(api, intercept_header_auth=False)).enters(site.basic)
    assert not site.enters(site.basic[:-8])


def touch(site: Site) -> None:
    """Save the provider as it is, of which the outpost is told."""
    site.api.change(f"/providers/proxy/{site.provider['pk']}/", mode="forward_single")


def test_the_outpost_is_not_told_of_an_application_and_lets_nobody_in_by_one_that_is_gone(api: Api) -> None:
    site = Site(api)
    api.delete(f"/core/applications/{site.application['slug']}/")
    assert not site.enters(site.basic)
    touch(site)
    assert site.knock(site.basic).status_code == 404


def test_a_header_is_refused_after_another_slug_until_the_outpost_loads(api: Api) -> None:
    site = Site(api)
    api.change(f"/core/applications/{site.application['slug']}/", slug=fresh("renamed"))
    assert not site.enters(site.basic)
    touch(site)
    assert site.enters(site.basic)


def test_the_outpost_is_not_told_of_a_provider_that_was_deleted(api: Api) -> None:
    site = Site(api)
    assert site.enters(site.basic)
    api.delete(f"/providers/proxy/{site.provider['pk']}/")
    assert site.enters(site.basic)
    time.sleep(CACHE + 0.1)
    assert not site.enters(site.basic)


def test_detaching_everything_is_one_patch(api: Api, site: Site) -> None:
    outpost = api.embedded()
    path = f"/outposts/instances/{outpost['pk']}/"
    api.change(path, providers=[])
    assert site.knock(site.basic).status_code == 404
    api.change(path, providers=outpost["providers"])
    assert site.enters(site.basic)


def test_a_port_is_part_of_the_host(api: Api) -> None:
    site = Site(api)
    api.change(f"/providers/proxy/{site.provider['pk']}/", mode="forward_single", external_host=f"{site.external}:8443")
    assert site.knock(site.basic).status_code == 404
    assert site.knock(site.basic, host=f"{site.host}:8443").status_code == 200


def test_a_domain_provider_serves_every_host_below_its_cookie_domain(api: Api) -> None:
    domain = f"{fresh('domain')}.test"
    site = Site(api, mode="forward_domain", cookie_domain=domain)
    answer = site.knock(site.basic, host=f"photos.{domain}")
    assert answer.status_code == 200
    assert f"Domain={domain};" in answer.headers["Set-Cookie"]


def test_a_cookie_goes_to_the_cookie_domain_of_a_provider_for_one_host_too(api: Api) -> None:
    site = Site(api, cookie_domain="example.test")
    assert "Domain=example.test;" in site.knock(site.basic).headers["Set-Cookie"]


def test_whose_group_gets_a_parent_enters_what_the_parent_may_enter(api: Api) -> None:
    site, other = Site(api), Site(api)
    assert not other.enters(site.basic)
    api.change(f"/core/groups/{site.group['pk']}/", parents=[other.group["pk"]])
    assert other.enters(site.basic)


def test_paths_that_are_skipped_need_no_login(api: Api) -> None:
    site = Site(api, skip_path_regex="^/\\.well-known/immich$\n(\n^/open/")
    assert site.enters(uri="/.well-known/immich")
    assert site.enters(uri="/open/door?x=1")
    assert not site.enters(uri="/.well-known/immich/more")
    assert not site.enters(uri="/elsewhere?to=/open/")
    assert "X-Authentik-Username" not in site.knock(uri="/open/").headers


def test_a_cookie_is_secure_where_the_application_is(api: Api) -> None:
    plain = Site(api, scheme="http")
    assert "Secure" not in plain.knock(plain.basic).headers["Set-Cookie"]


def test_names_of_any_letters_come_through(api: Api) -> None:
    site = Site(api)
    api.change(f"/core/users/{site.user}/", name="Jürgen ☎")
    header = site.knock(site.basic).headers["X-Authentik-Name"]
    assert header.encode("latin-1").decode() == "Jürgen ☎"


def test_the_redirect_goes_where_the_outpost_is_told_the_server_is() -> None:
    with StandIn() as server:
        api = Api(server)
        site, outpost = Site(api), api.embedded()
        assert site.knock().headers["Location"].startswith(f"{server.url}/application/o/authorize/?")
        config = outpost["config"] | {"authentik_host": "https://auth.example.test/"}
        api.change(f"/outposts/instances/{outpost['pk']}/", config=config)
        assert site.knock().headers["Location"].startswith("https://auth.example.test/application/o/authorize/?")


def test_ping_answers_without_a_host(server: StandIn) -> None:
    assert requests.get(f"{server.url}/outpost.goauthentik.io/ping", timeout=TIMEOUT).status_code == 204


@pytest.fixture
def slow() -> Iterator[StandIn]:
    with StandIn(load_seconds=0.5) as running:
        yield running


def test_an_attached_provider_is_served_once_the_outpost_has_loaded_it(slow: StandIn) -> None:
    api = Api(slow)
    site = Site(api)
    assert site.knock(site.basic).status_code == 404
    time.sleep(0.6)
    assert site.knock(site.basic).status_code == 200
    api.change(f"/outposts/instances/{api.embedded()['pk']}/", providers=[])
    assert site.knock(site.basic).status_code == 200
    time.sleep(0.6)
    assert site.knock(site.basic).status_code == 404


def test_a_reload_forgets_what_was_cached(api: Api) -> None:
    site = Site(api)
    assert site.enters(site.basic)
    api.delete(site.token)
    assert site.enters(site.basic)
    site.attach()
    assert not site.enters(site.basic)
