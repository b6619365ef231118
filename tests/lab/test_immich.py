"""The Immich stand-in answers as Immich does: who may come in, and by which header."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from lab.immich import StandIn

BASIC = "Basic " + base64.b64encode(b"phone:app-password").decode()
Send = Callable[[str], dict[str, Any]]

WAYS_FOR_A_TOKEN: dict[str, Send] = {
    "x-immich-user-token": lambda token: {"headers": {"x-immich-user-token": token}},
    "x-immich-session-token": lambda token: {"headers": {"X-Immich-Session-Token": token}},
    "sessionKey in the query": lambda token: {"params": {"sessionKey": token}},
    "Bearer": lambda token: {"headers": {"Authorization": f"Bearer {token}"}},
    "bearer in small letters": lambda token: {"headers": {"Authorization": f"bearer {token}"}},
    "cookie": lambda token: {"headers": {"Cookie": f"a=b; immich_access_token={token}"}},
}
WAYS_FOR_A_KEY: dict[str, Send] = {
    "x-api-key": lambda key: {"headers": {"X-Api-Key": key}},
    "apiKey in the query": lambda key: {"params": {"apiKey": key}},
}


@pytest.fixture(scope="module")
def immich() -> Iterator[StandIn]:
    with StandIn(public_url="https://photos.lab.test") as running:
        yield running


@pytest.fixture
def token(immich: StandIn) -> str:
    return str(login(immich, immich.email, immich.password).json()["accessToken"])


def login(immich: StandIn, email: str, password: str, **headers: str) -> requests.Response:
    body = {"email": email, "password": password}
    return requests.post(f"{immich.url}/api/auth/login", json=body, headers=headers, timeout=10)


def me(immich: StandIn, **how: Any) -> requests.Response:
    return requests.get(f"{immich.url}/api/users/me", timeout=10, **how)


def new_key(immich: StandIn, *permissions: str, **headers: str) -> requests.Response:
    body = {"name": "tablet", "permissions": permissions}
    return requests.post(f"{immich.url}/api/api-keys", json=body, headers=headers, timeout=10)


def assert_refused(answer: requests.Response, status: int, error: str, message: object) -> None:
    body = answer.json()
    assert isinstance(body.pop("correlationId"), str)
    assert (answer.status_code, body) == (status, {"message": message, "error": error, "statusCode": status})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/server/ping", {"res": "pong"}),
        ("/api/server/version", {"major": 3}),
        ("/api/server/features", {"passwordLogin": True}),
        ("/api/server/config", {"externalDomain": "https://photos.lab.test", "isInitialized": True}),
        ("/.well-known/immich", {"api": {"endpoint": "/api"}}),
    ],
)
def test_what_a_phone_asks_before_the_login_is_open(immich: StandIn, path: str, expected: dict[str, Any]) -> None:
    answer = requests.get(immich.url + path, timeout=10)
    assert answer.status_code == 200
    assert answer.json().items() >= expected.items()


def test_outside_the_api_there_is_a_page_titled_immich(immich: StandIn) -> None:
    for path in ("/", "/auth/login"):
        answer = requests.get(immich.url + path, timeout=10)
        assert answer.headers["content-type"].startswith("text/html")
        assert "<title>Immich</title>" in answer.text


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/nothing"), ("POST", "/api/server/ping"), ("GET", "/api")])
def test_an_unknown_path_of_the_api_is_404_in_immichs_shape(immich: StandIn, method: str, path: str) -> None:
    answer = requests.request(method, immich.url + path, timeout=10)
    assert_refused(answer, 404, "Not Found", f"Cannot {method} {path}")


def test_a_login_is_answered_with_a_token_for_the_user(immich: StandIn) -> None:
    answer = login(immich, immich.email.upper(), immich.password)
    assert answer.status_code == 201
    body = answer.json()
    user = me(immich, headers={"x-immich-user-token": body.pop("accessToken")}).json()
    assert body == {
        "userId": user["id"],
        "userEmail": immich.email,
        "name": user["name"],
        "isAdmin": True,
        "profileImagePath": "",
        "shouldChangePassword": False,
        "isOnboarded": True,
    }


@pytest.mark.parametrize(("proto", "secure"), [("http", False), ("https", True)])
def test_login_cookies_are_secure_when_the_proxy_says_https(immich: StandIn, proto: str, secure: bool) -> None:
    answer = login(immich, immich.email, immich.password, **{"X-Forwarded-Proto": proto})
    cookies = {cookie.name: cookie for cookie in answer.cookies}
    assert set(cookies) == {"immich_access_token", "immich_auth_type", "immich_is_authenticated"}
    assert cookies["immich_access_token"].value == answer.json()["accessToken"]
    assert {cookie.secure for cookie in cookies.values()} == {secure}
    readable = [name for name, cookie in cookies.items() if not cookie.has_nonstandard_attr("HttpOnly")]
    assert readable == ["immich_is_authenticated"]
    assert answer.headers["set-cookie"].lower().count("samesite=lax") == 3


def test_a_wrong_password_and_an_unknown_address_are_refused_alike(immich: StandIn) -> None:
    for email, password in ((immich.email, "wrong"), ("nobody@lab.test", immich.password)):
        answer = login(immich, email, password)
        assert_refused(answer, 401, "Unauthorized", "Incorrect email or password")
        assert "set-cookie" not in answer.headers


def test_a_login_without_fields_names_each_of_them(immich: StandIn) -> None:
    answer = requests.post(f"{immich.url}/api/auth/login", json={"password": ""}, timeout=10)
    assert_refused(answer, 400, "Bad Request", ["email must be an email", "password should not be empty"])


@pytest.mark.parametrize("way", WAYS_FOR_A_TOKEN)
def test_a_session_token_is_taken_from(immich: StandIn, token: str, way: str) -> None:
    answer = me(immich, **WAYS_FOR_A_TOKEN[way](token))
    assert (answer.status_code, answer.json()["email"]) == (200, immich.email)


@pytest.mark.parametrize("way", WAYS_FOR_A_TOKEN)
def test_a_wrong_session_token_is_refused_from(immich: StandIn, way: str) -> None:
    assert_refused(me(immich, **WAYS_FOR_A_TOKEN[way]("wrong")), 401, "Unauthorized", "Invalid user token")


@pytest.mark.parametrize("way", WAYS_FOR_A_KEY)
def test_an_api_key_is_taken_from(immich: StandIn, token: str, way: str) -> None:
    secret = new_key(immich, "all", **{"x-immich-user-token": token}).json()["secret"]
    assert me(immich, **WAYS_FOR_A_KEY[way](secret)).status_code == 200


@pytest.mark.parametrize("way", WAYS_FOR_A_KEY)
def test_a_wrong_api_key_is_refused_from(immich: StandIn, way: str) -> None:
    assert_refused(me(immich, **WAYS_FOR_A_KEY[way]("wrong")), 401, "Unauthorized", "Invalid API key")


@pytest.mark.parametrize("headers", [{}, {"Authorization": BASIC}, {"Authorization": "Bearer"}])
def test_without_credentials_of_immich_authentication_is_required(immich: StandIn, headers: dict[str, str]) -> None:
    assert_refused(me(immich, headers=headers), 401, "Unauthorized", "Authentication required")


@pytest.mark.parametrize("way", ["x-immich-user-token", "x-immich-session-token", "cookie"])
def test_basic_beside_a_token_is_ignored(immich: StandIn, token: str, way: str) -> None:
    headers = WAYS_FOR_A_TOKEN[way](token)["headers"] | {"Authorization": BASIC}
    assert me(immich, headers=headers).status_code == 200


def test_a_token_of_its_own_header_goes_before_bearer_and_a_token_before_a_key(immich: StandIn, token: str) -> None:
    wrong_first = {"x-immich-user-token": "wrong", "Authorization": f"Bearer {token}"}
    assert_refused(me(immich, headers=wrong_first), 401, "Unauthorized", "Invalid user token")
    assert me(immich, headers={"Authorization": f"Bearer {token}", "x-api-key": "wrong"}).status_code == 200


def test_a_token_is_valid_until_its_logout(immich: StandIn, token: str) -> None:
    headers = {"x-immich-user-token": token}
    valid = requests.post(f"{immich.url}/api/auth/validateToken", headers=headers, timeout=10)
    assert (valid.status_code, valid.json()) == (200, {"authStatus": True})
    out = requests.post(f"{immich.url}/api/auth/logout", headers=headers, timeout=10)
    assert (out.status_code, out.json()["successful"]) == (200, True)
    assert_refused(me(immich, headers=headers), 401, "Unauthorized", "Invalid user token")


def test_an_api_key_may_only_do_what_it_was_made_for(immich: StandIn, token: str) -> None:
    made = new_key(immich, "apiKey.create", "apiKey.read", **{"x-immich-user-token": token})
    assert made.status_code == 201
    key = {"x-api-key": made.json()["secret"]}
    assert_refused(me(immich, headers=key), 403, "Forbidden", "Missing required permission: user.read")
    more = new_key(immich, "all", **key)
    assert_refused(more, 400, "Bad Request", "Cannot grant permissions you do not have")
    listed = requests.get(f"{immich.url}/api/api-keys", headers=key, timeout=10).json()
    assert made.json()["apiKey"] in listed
    assert "secret" not in listed[0]


def test_a_deleted_api_key_opens_nothing(immich: StandIn, token: str) -> None:
    session = {"x-immich-user-token": token}
    made = new_key(immich, "all", **session).json()
    gone = requests.delete(f"{immich.url}/api/api-keys/{made['apiKey']['id']}", headers=session, timeout=10)
    assert gone.status_code == 204
    assert_refused(me(immich, headers={"x-api-key": made["secret"]}), 401, "Unauthorized", "Invalid API key")


def test_only_an_admin_makes_users(immich: StandIn, token: str) -> None:
    url, body = f"{immich.url}/api/admin/users", {"email": "child@lab.test", "password": "child", "name": "Child"}
    made = requests.post(url, json=body, headers={"x-immich-user-token": token}, timeout=10)
    assert (made.status_code, made.json()["isAdmin"]) == (201, False)
    child = {"x-immich-user-token": login(immich, "child@lab.test", "child").json()["accessToken"]}
    assert_refused(requests.post(url, json=body, headers=child, timeout=10), 403, "Forbidden", "Forbidden")
