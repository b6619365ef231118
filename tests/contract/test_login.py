"""The browser's way in, and tokens from the token endpoint."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import authentik_client as official
import jwt
import pytest
import requests

from lab.authentik import StandIn
from lab.authentik.crypto import self_signed
from tests.contract.api import TIMEOUT, Api, Site, fresh


class Browser:
    """Follows a login by hand: the application's host is only a header here, its cookies are kept apart."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.authentik = requests.Session()
        self.cookie = ""

    def visit(self, uri: str) -> requests.Response:
        answer = self.site.knock(uri=uri, cookie=self.cookie)
        self.cookie = answer.headers.get("Set-Cookie", self.cookie).partition(";")[0]
        return answer

    def get(self, url: str) -> requests.Response:
        return self.authentik.get(urljoin(self.site.api.server.url, url), allow_redirects=False, timeout=TIMEOUT)

    def login(self, url: str, username: str, password: str) -> requests.Response:
        form = {"username": username, "password": password}
        whole = urljoin(self.site.api.server.url, url)
        return self.authentik.post(whole, data=form, allow_redirects=False, timeout=TIMEOUT)

    def callback(self, url: str, cookie: str | None = None) -> requests.Response:
        parts = urlsplit(url)
        headers = {"X-Forwarded-Host": self.site.host, "Cookie": self.cookie if cookie is None else cookie}
        own = f"{self.site.api.server.url}{parts.path}?{parts.query}"
        return requests.get(own, headers=headers, allow_redirects=False, timeout=TIMEOUT)


def person(api: Api, *groups: str) -> str:
    name = fresh("person")
    user = api.make("/core/users/", username=name, name=name, groups=list(groups))
    assert api.ask("POST", f"/core/users/{user['pk']}/set_password/", {"password": "secret"}).status_code == 204
    return name


def test_a_person_logs_in_and_comes_back_to_the_first_page(api: Api) -> None:
    site = Site(api)
    browser, name = Browser(site), person(api, site.group["pk"])
    authorize = browser.visit("/photos/1?size=big").headers["Location"]
    login = browser.get(authorize).headers["Location"]
    page = browser.get(login)
    assert page.status_code == 200
    assert "<title>authentik</title>" in page.text
    wrong = browser.login(login, name, "wrong")
    assert 'role="alert"' in wrong.text
    back = browser.login(login, name, "secret").headers["Location"]
    callback = browser.get(back).headers["Location"]
    assert callback.startswith(f"{site.external}/outpost.goauthentik.io/callback?")
    final = browser.callback(callback)
    assert final.headers["Location"] == f"https://{site.host}/photos/1?size=big"
    browser.cookie = final.headers["Set-Cookie"].partition(";")[0]
    entered = browser.visit("/photos/1")
    assert (entered.status_code, entered.headers["X-Authentik-Username"]) == (200, name)
    assert api.rows(f"/core/users/?username={name}")[0]["last_login"] is not None
    # a code works once, and for the browser that began
    assert "Set-Cookie" not in browser.callback(callback).headers


def test_somebody_elses_way_back_opens_nothing(api: Api) -> None:
    site = Site(api)
    browser, name = Browser(site), person(api, site.group["pk"])
    authorize = browser.visit("/").headers["Location"]
    back = browser.login(browser.get(authorize).headers["Location"], name, "secret").headers["Location"]
    callback = browser.get(back).headers["Location"]
    thief = Browser(site)
    thief.visit("/")
    answer = thief.callback(callback)
    assert (answer.status_code, answer.headers["Location"]) == (302, site.external)
    assert "Set-Cookie" not in answer.headers


def test_who_is_not_bound_is_denied_after_the_login(api: Api) -> None:
    site = Site(api)
    browser, name = Browser(site), person(api)
    authorize = browser.visit("/").headers["Location"]
    back = browser.login(browser.get(authorize).headers["Location"], name, "secret").headers["Location"]
    denied = browser.get(back)
    assert denied.status_code == 403
    assert "Permission denied" in denied.text


def test_a_login_leads_to_no_other_server(api: Api) -> None:
    site = Site(api)
    browser, name = Browser(site), person(api)
    for elsewhere in ("https://evil.example.test/", "//evil.example.test/", "/\\evil.example.test"):
        flow = f"/if/flow/default-authentication-flow/?{urlencode({'next': elsewhere})}"
        assert browser.login(flow, name, "secret").headers["Location"] == "/"


def test_an_unknown_client_and_an_unknown_way_back_are_refused(api: Api) -> None:
    site = Site(api)
    browser = Browser(site)
    asked = {"client_id": site.provider["client_id"], "response_type": "code"}
    for wrong in ({"client_id": "nobody"}, {"redirect_uri": "https://evil.example.test/"}):
        assert browser.get(f"/application/o/authorize/?{urlencode(asked | wrong)}").status_code == 400


def test_signing_out_ends_the_session(api: Api) -> None:
    site = Site(api)
    cookie = site.knock(site.basic).headers["Set-Cookie"].partition(";")[0]
    assert site.enters(cookie=cookie)
    url = f"{api.server.url}/outpost.goauthentik.io/sign_out"
    headers = {"X-Forwarded-Host": site.host, "Cookie": cookie}
    answer = requests.get(url, headers=headers, allow_redirects=False, timeout=TIMEOUT)
    assert answer.headers["Location"].endswith(f"/application/o/{site.application['slug']}/end-session/")
    assert not site.enters(cookie=cookie)


# --- the token endpoint ---


def ask_token(server: StandIn, **form: Any) -> requests.Response:
    return requests.post(f"{server.url}/application/o/token/", data=form, timeout=TIMEOUT)


def credentials(site: Site, **more: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials", "client_id": site.provider["client_id"], "scope": "openid profile",
        "username": site.username, "password": site.key, **more,
    }  # fmt: skip


def test_an_app_password_earns_a_token_that_passes_as_bearer(api: Api) -> None:
    site = Site(api)
    answer = ask_token(api.server, **credentials(site))
    assert answer.status_code == 200
    token = answer.json()
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    assert site.enters(f"Bearer {token['access_token']}")
    assert not Site(api).enters(f"Bearer {token['access_token']}")
    assert not site.enters(f"Bearer {token['access_token']}x")


def logins(api: Api, username: str) -> list[Any]:
    return api.rows(f"/events/events/?username={username}&actions=login&ordering=-created")


def test_an_app_password_leaves_an_event_of_its_login_and_no_last_login(api: Api) -> None:
    site = Site(api)
    assert logins(api, site.username) == []
    assert site.enters(site.basic)
    assert site.enters(site.basic)  # remembered: Authentik itself is not asked again
    (event,) = logins(api, site.username)
    assert (event["user"]["username"], event["action"]) == (site.username, "login")
    assert event["context"]["auth_method_args"] == {"identifier": f"service-account-{site.username}-password"}
    assert api.get(f"/core/users/{site.user}/")["last_login"] is None
    assert not site.enters(site.basic + "x")
    assert len(logins(api, site.username)) == 1


def test_events_are_seen_with_their_right_alone(api: Api) -> None:
    site = Site(api)
    assert site.enters(site.basic)
    assert len(logins(api.limited("authentik_events.view_event"), site.username)) == 1
    assert api.limited("authentik_core.view_user").ask("GET", "/events/events/").status_code == 403


@pytest.mark.parametrize("wrong", [{"username": "nobody"}, {"password": "wrong"}])
def test_wrong_credentials_earn_invalid_grant(api: Api, wrong: dict[str, str]) -> None:
    answer = ask_token(api.server, **credentials(Site(api), **wrong))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["error_description"]


def test_unknown_clients_and_grants_are_refused_by_name(api: Api) -> None:
    site = Site(api)
    assert ask_token(api.server, **credentials(site, client_id="x")).json()["error"] == "invalid_client"
    assert ask_token(api.server, **credentials(site, grant_type="x")).json()["error"] == "unsupported_grant_type"


def oauth2_login(api: Api, **more: Any) -> dict[str, Any]:
    """A login of its own for an application, as Immich has one."""
    flows = {k: v for k, v in api.proxy_body("https://x.example.test").items() if k.endswith("_flow")}
    scopes = [row["pk"] for row in api.rows("/propertymappings/provider/scope/?page_size=100")]
    uris = [{"matching_mode": "strict", "url": "https://immich.example.test/auth/login"}]
    body = {"name": fresh("login"), "redirect_uris": uris, "property_mappings": scopes} | flows | more
    provider: dict[str, Any] = api.make("/providers/oauth2/", **body)
    slug = api.application(provider=provider["pk"])["slug"]
    return provider | {"slug": slug}


def asked(provider: dict[str, Any]) -> dict[str, str]:
    return {
        "client_id": provider["client_id"], "redirect_uri": "https://immich.example.test/auth/login",
        "response_type": "code", "scope": "openid email profile", "state": "s", "nonce": "n",
    }  # fmt: skip


def test_an_oauth2_provider_without_grant_types_lets_nobody_log_in(api: Api) -> None:
    provider = oauth2_login(api)
    assert provider["grant_types"] == []
    browser = Browser(Site(api))
    answer = browser.get(f"/application/o/authorize/?{urlencode(asked(provider))}")
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["error"] == ["unauthorized_client"]


def test_an_application_logs_a_person_in_with_a_signed_token(api: Api) -> None:
    key = api.rows("/crypto/certificatekeypairs/?has_key=true")[0]["pk"]
    provider = oauth2_login(api, grant_types=["authorization_code"], signing_key=key)
    browser, name = Browser(Site(api)), person(api)
    login = browser.get(f"/application/o/authorize/?{urlencode(asked(provider))}").headers["Location"]
    back = browser.login(login, name, "secret").headers["Location"]
    answered = parse_qs(urlsplit(browser.get(back).headers["Location"]).query)
    assert answered["state"] == ["s"]
    form = {
        "grant_type": "authorization_code", "code": answered["code"][0], "client_id": provider["client_id"],
        "client_secret": provider["client_secret"], "redirect_uri": asked(provider)["redirect_uri"],
    }  # fmt: skip
    assert ask_token(api.server, **form | {"client_secret": "wrong"}).json()["error"] == "invalid_client"
    token = ask_token(api.server, **form).json()
    base = f"{api.server.url}/application/o/{provider['slug']}"
    found = requests.get(f"{base}/.well-known/openid-configuration", timeout=TIMEOUT).json()
    signer = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(token["id_token"])
    claims = jwt.decode(
        token["id_token"], signer, algorithms=["RS256"], audience=provider["client_id"], issuer=found["issuer"]
    )
    assert (claims["preferred_username"], claims["nonce"]) == (name, "n")
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    info = requests.get(found["userinfo_endpoint"], headers=headers, timeout=TIMEOUT).json()
    assert info["preferred_username"] == name
    assert ask_token(api.server, **form).json()["error"] == "invalid_grant"


def challenged(api: Api, session: requests.Session, told: dict[str, str] | None = None) -> dict[str, Any]:
    """The challenge of the login flow's executor, or the next one after an answer."""
    url = f"{api.server.api}/flows/executor/default-authentication-flow/"
    answer = session.request("POST" if told else "GET", url, params={"query": "next=%2Fx"}, json=told, timeout=TIMEOUT)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_login_flow_is_answered_step_by_step_in_the_words_of_the_official_client(api: Api) -> None:
    name, session = person(api), requests.Session()
    first = challenged(api, session)
    official.IdentificationChallenge.from_dict(first)
    official.IdentificationChallengeResponseRequest.from_dict({"uid_field": name})
    second = challenged(api, session, {"component": first["component"], "uid_field": name})
    assert official.PasswordChallenge.from_dict(second).pending_user == name  # type: ignore[union-attr]
    wrong = challenged(api, session, {"component": second["component"], "password": "x"})
    assert wrong["response_errors"]["password"][0]["string"] == "Invalid password"
    last = challenged(api, session, {"component": second["component"], "password": "secret"})
    assert official.RedirectChallenge.from_dict(last).to == "/x"  # type: ignore[union-attr]


def test_a_login_by_the_executor_leads_to_no_other_server(api: Api) -> None:
    url, session = f"{api.server.api}/flows/executor/default-authentication-flow/", requests.Session()
    for told in ({"uid_field": (name := person(api))}, {"password": "secret"}):
        answer = session.post(url, params={"query": "next=//evil.example.test"}, json=told, timeout=TIMEOUT)
    assert (name, answer.json()["to"]) == (name, "/")


@pytest.mark.parametrize(("scope", "told"), [("openid email", True), ("openid", False)])
def test_a_token_tells_only_of_the_scopes_that_were_asked_for(api: Api, scope: str, told: bool) -> None:
    provider = oauth2_login(api, grant_types=["authorization_code"])
    claims = logged_in(api, provider, asked(provider) | {"scope": scope})
    assert ("email" in claims, "preferred_username" in claims) == (told, False)


def test_an_id_token_without_claims_tells_who_and_no_more(api: Api) -> None:
    provider = oauth2_login(api, grant_types=["authorization_code"], include_claims_in_id_token=False)
    claims = logged_in(api, provider, asked(provider))
    assert claims["nonce"] == "n"
    assert not {"email", "preferred_username"} & claims.keys()


def logged_in(api: Api, provider: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    """The claims of the ID token of somebody new."""
    browser, name = Browser(Site(api)), person(api)
    login = browser.get(f"/application/o/authorize/?{urlencode(query)}").headers["Location"]
    back = browser.login(login, name, "secret").headers["Location"]
    answered = parse_qs(urlsplit(browser.get(back).headers["Location"]).query)
    form = {
        "grant_type": "authorization_code", "code": answered["code"][0], "client_id": provider["client_id"],
        "client_secret": provider["client_secret"], "redirect_uri": query["redirect_uri"],
    }  # fmt: skip
    token = ask_token(api.server, **form).json()["id_token"]
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def pair() -> dict[str, str]:
    """A new certificate and its key."""
    certificate, key = self_signed("signer")
    return {"certificate_data": certificate, "key_data": key}


def test_a_new_key_is_told_under_a_new_name_and_a_deleted_one_signs_no_more(api: Api) -> None:
    key = api.make("/crypto/certificatekeypairs/", name=fresh("signer"), **pair())
    provider = oauth2_login(api, signing_key=key["pk"])
    jwks = f"{api.server.url}/application/o/{provider['slug']}/jwks/"
    first = requests.get(jwks, timeout=TIMEOUT).json()["keys"][0]["kid"]
    api.change(f"/crypto/certificatekeypairs/{key['pk']}/", **pair())
    assert requests.get(jwks, timeout=TIMEOUT).json()["keys"][0]["kid"] != first
    api.delete(f"/crypto/certificatekeypairs/{key['pk']}/")
    assert api.get(f"/providers/oauth2/{provider['pk']}/")["signing_key"] is None
    assert requests.get(jwks, timeout=TIMEOUT).json() == {}
