"""Immich's login by OAuth in the stand-in, at Authentik's: what it checks, and what it refuses."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from components.immich_oauth_section import MOBILE_CALLBACK, oauth_config
from lab.authentik import StandIn as Authentik
from lab.authentik_admin import Admin
from lab.immich import StandIn as Immich
from lab.immich.oidc import challenge_of
from lab.person import Lost, Person, as_the_app_reads

WEB = "https://photos.lab.test/auth/login"
BY_IMMICH = "https://photos.lab.test/api/oauth/mobile-redirect"


@dataclass
class House:
    """Both servers, the provider of the one for the other, and the owner's session."""

    authentik: Authentik
    immich: Immich
    admin: Admin
    provider: dict[str, Any]
    slug: str
    group: str
    token: str

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        """A call of nobody's, or with headers and cookies that are given."""
        return requests.request(method, f"{self.immich.url}/api{path}", json=body, timeout=10, **more)

    def configure(self, **changed: Any) -> requests.Response:
        """Paste the section of the configuration, as an administrator does."""
        issuer = f"{self.authentik.url}/application/o/{self.slug}/"
        section = oauth_config(issuer, self.provider["client_id"], self.provider["client_secret"], "")
        bearer = {"Authorization": f"Bearer {self.token}"}
        whole = self.ask("GET", "/system-config", headers=bearer).json()
        return self.ask("PUT", "/system-config", whole | {"oauth": section | changed}, headers=bearer)

    def start(self, redirect_uri: str = MOBILE_CALLBACK) -> tuple[str, str, str]:
        """The address to log in at, the state, and the verifier, as the app begins."""
        state, verifier = secrets.token_urlsafe(), secrets.token_urlsafe(48)
        body = {"redirectUri": redirect_uri, "state": state, "codeChallenge": challenge_of(verifier)}
        answer = self.ask("POST", "/oauth/authorize", body)
        assert answer.status_code == 201, answer.text
        return answer.json()["url"], state, verifier

    def finish(self, url: str, state: str, verifier: str) -> requests.Response:
        return self.ask("POST", "/oauth/callback", {"url": url, "state": state, "codeVerifier": verifier})


def way_back(person: Person, url: str) -> str:
    """Where the login leads to."""
    return as_the_app_reads(person.follow(url))


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with Authentik() as authentik, Immich() as immich:
        admin = Admin(authentik.url, authentik.token)
        flows = {
            f"{word}_flow": admin.one("/flows/instances/", slug=f"default-provider-{slug}")["pk"]  # type: ignore[index]
            for word, slug in (
                ("authorization", "authorization-implicit-consent"),
                ("invalidation", "invalidation-flow"),
            )
        }
        scopes = admin.call("GET", "/propertymappings/provider/scope/")["results"]
        key = admin.one("/crypto/certificatekeypairs/", has_key="true")
        uris = [{"matching_mode": "strict", "url": url} for url in (MOBILE_CALLBACK, WEB, BY_IMMICH)]
        body = {
            "name": "login",
            "redirect_uris": uris,
            "grant_types": ["authorization_code"],
            "signing_key": (key or {})["pk"],
            "property_mappings": [
                each["pk"] for each in scopes if each["scope_name"] in ("openid", "email", "profile")
            ],
        }
        provider = admin.call("POST", "/providers/oauth2/", body | flows)
        application = {"name": "login", "slug": "login", "provider": provider["pk"]}
        target = admin.call("POST", "/core/applications/", application)["pk"]
        group = admin.group("family")
        admin.call("POST", "/policies/bindings/", {"target": target, "group": group, "order": 0})
        credentials = {"email": immich.email, "password": immich.password}
        token = requests.post(f"{immich.url}/api/auth/login", json=credentials, timeout=10).json()["accessToken"]
        yield House(authentik, immich, admin, provider, "login", group, token)


@pytest.fixture
def person(house: House) -> Iterator[Person]:
    """Somebody of the family who is logged in at Authentik; Immich is configured."""
    assert house.configure().status_code == 200
    with Person(house.admin, house.authentik.url, f"person-{secrets.token_hex(3)}", house.group) as person:
        person.log_in()
        yield person


def test_the_exported_section_is_taken_whole_and_told_back(house: House) -> None:
    answer = house.configure()
    assert answer.status_code == 200, answer.text
    assert answer.json()["oauth"]["clientId"] == house.provider["client_id"]
    assert house.ask("GET", "/server/features").json()["oauth"] is True
    assert house.ask("GET", "/server/config").json()["oauthButtonText"] == "Log in with Authentik"


@pytest.mark.parametrize(
    ("name", "value"),
    [("enabled", "yes"), ("timeout", 0), ("issuerUrl", None), ("tokenEndpointAuthMethod", "none"), ("prompt", 1)],
)
def test_a_section_with_a_wrong_setting_is_refused_by_its_name(house: House, name: str, value: Any) -> None:
    answer = house.configure(**{name: value})
    assert (answer.status_code, answer.json()["message"][0].split()[0]) == (400, f"oauth.{name}")


def test_the_app_logs_in_with_its_own_state_and_verifier(house: House, person: Person) -> None:
    url, state, verifier = house.start()
    asked = parse_qs(urlsplit(url).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [MOBILE_CALLBACK]
    back = way_back(person, url)
    assert back.startswith(f"{MOBILE_CALLBACK}?")
    answer = house.finish(back, state, verifier)
    assert answer.status_code == 201, answer.text
    assert answer.json()["userEmail"] == person.email
    bearer = {"Authorization": f"Bearer {answer.json()['accessToken']}"}
    me = house.ask("GET", "/users/me", headers=bearer).json()
    assert (me["email"], bool(me["oauthId"])) == (person.email, True)
    again = house.start()
    assert house.finish(way_back(person, again[0]), *again[1:]).json()["userId"] == me["id"]


def test_the_web_client_logs_in_with_the_cookies_it_got(house: House, person: Person) -> None:
    answer = house.ask("POST", "/oauth/authorize", {"redirectUri": WEB})
    back = way_back(person, answer.json()["url"])
    done = house.ask("POST", "/oauth/callback", {"url": back}, cookies=answer.cookies.get_dict())
    assert done.status_code == 201, done.text
    assert done.cookies["immich_auth_type"] == "oauth"


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_both_ways_to_tell_the_client_secret_work(house: House, person: Person, method: str) -> None:
    house.configure(tokenEndpointAuthMethod=method)
    url, state, verifier = house.start()
    assert house.finish(way_back(person, url), state, verifier).status_code == 201


def test_with_the_override_the_way_back_is_immichs_own_address_and_leads_on_to_the_app(
    house: House, person: Person
) -> None:
    house.configure(mobileOverrideEnabled=True, mobileRedirectUri=BY_IMMICH)
    url, state, verifier = house.start()
    back = way_back(person, url)
    assert back.startswith(f"{BY_IMMICH}?")
    moved = house.ask("GET", f"/oauth/mobile-redirect?{urlsplit(back).query}", allow_redirects=False)
    assert moved.status_code == 307
    assert moved.headers["Location"].startswith(f"{MOBILE_CALLBACK}?code=")
    assert house.finish(moved.headers["Location"], state, verifier).status_code == 201


WRONG: dict[str, Any] = {
    "another state": lambda url, state, verifier: (url, state + "x", verifier),
    "another verifier": lambda url, state, verifier: (url, state, verifier[::-1]),
    "another code": lambda url, state, verifier: (url.replace("code=", "code=x"), state, verifier),
    "another way back": lambda url, state, verifier: (url.replace(MOBILE_CALLBACK, WEB), state, verifier),
}


@pytest.mark.parametrize("damage", WRONG)
def test_a_way_back_that_is_not_the_one_that_was_asked_for_opens_nothing(
    house: House, person: Person, damage: str
) -> None:
    url, state, verifier = house.start()
    answer = house.finish(*WRONG[damage](way_back(person, url), state, verifier))
    assert answer.status_code == 500
    assert "accessToken" not in answer.text


def test_a_code_works_once(house: House, person: Person) -> None:
    url, state, verifier = house.start()
    back = way_back(person, url)
    assert [house.finish(back, state, verifier).status_code for _ in range(2)] == [201, 500]


@pytest.mark.parametrize(
    "changed",
    [{"signingAlgorithm": "ES256"}, {"clientSecret": "wrong"}, {"clientId": "wrong"}, {"allowInsecureRequests": False}],
    ids=str,
)
def test_a_configuration_that_does_not_fit_opens_nothing(house: House, person: Person, changed: dict[str, Any]) -> None:
    url, state, verifier = house.start()
    back = way_back(person, url)
    house.configure(**changed)
    assert house.finish(back, state, verifier).status_code == 500


def test_a_token_that_another_key_signed_opens_nothing(house: House, person: Person) -> None:
    """The signature is checked: with another certificate's public half behind the same name, it does not hold."""
    url, state, verifier = house.start()
    back = way_back(person, url)
    store = house.authentik.authentik.store
    key = store.get("keypair", house.provider["signing_key"])
    assert key is not None
    from lab.authentik.crypto import self_signed

    try:
        store.change("keypair", key["pk"], certificate_data=self_signed("other")[0])
        assert house.finish(back, state, verifier).status_code == 500
    finally:
        store.change("keypair", key["pk"], certificate_data=key["certificate_data"])


def test_who_is_not_in_the_family_does_not_come_back(house: House) -> None:
    house.configure()
    with Person(house.admin, house.authentik.url, "stranger", "") as stranger:
        stranger.log_in()
        with pytest.raises(Lost):
            stranger.follow(house.start()[0])


def test_nobody_logs_in_at_authentik_with_a_wrong_password(house: House) -> None:
    with Person(house.admin, house.authentik.url, "forgetful", house.group) as person:
        person.password = "wrong"
        with pytest.raises(Lost, match="Invalid password"):
            person.log_in()


def test_an_account_of_the_same_address_is_linked_and_no_second_identity_takes_it(house: House, person: Person) -> None:
    bearer = {"Authorization": f"Bearer {house.token}"}
    body = {"email": person.email, "password": "long-enough", "name": "By hand"}
    made = house.ask("POST", "/admin/users", body, headers=bearer).json()
    url, state, verifier = house.start()
    assert house.finish(way_back(person, url), state, verifier).json()["userId"] == made["id"]
    user = house.admin.user(person.username)
    assert user is not None
    with Person(house.admin, house.authentik.url, f"{person.username}-2", house.group) as other:
        other.log_in()
        pk = (house.admin.user(other.username) or {})["pk"]
        house.admin.call("PATCH", f"/core/users/{pk}/", {"email": person.email})
        url, state, verifier = house.start()
        refused = house.finish(way_back(other, url), state, verifier)
        assert (refused.status_code, refused.json()["message"]) == (400, "OAuth authentication failed")


def test_a_new_person_is_refused_where_registering_is_off(house: House, person: Person) -> None:
    house.configure(autoRegister=False)
    url, state, verifier = house.start()
    assert house.finish(way_back(person, url), state, verifier).json()["message"] == "OAuth authentication failed"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, ["url should not be empty", "url must be a string"]),
        ({"url": MOBILE_CALLBACK}, "OAuth state is missing"),
        ({"url": MOBILE_CALLBACK, "state": "s"}, "OAuth code verifier is missing"),
    ],
)
def test_what_is_missing_is_named(house: House, body: dict[str, str], message: object) -> None:
    house.configure()
    answer = house.ask("POST", "/oauth/callback", body)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_while_it_is_off_nothing_of_it_works(house: House) -> None:
    house.configure(enabled=False)
    for path, body in (("authorize", {"redirectUri": WEB}), ("callback", {"url": WEB})):
        answer = house.ask("POST", f"/oauth/{path}", body)
        assert (answer.status_code, answer.json()["message"]) == (400, "OAuth is not enabled")


def test_only_an_administrator_reads_and_writes_the_configuration(house: House) -> None:
    assert house.ask("GET", "/system-config").status_code == 401
    assert house.ask("PUT", "/admin/config", {}).status_code == 401
