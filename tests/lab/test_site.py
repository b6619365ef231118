"""The site in a real Caddy: who gets through, and what is open to whom."""

import base64
import json
import threading
import time
from typing import Any

import pytest

from lab.processes import free_port
from tests.unit.server import Handler, Server, hang, reply

from .site_world import ASKED, GOOD, HEALTH, LOGIN, SESSION, WRONG, Answer, World

IDENTITIES = [
    *(
        "X-Authentik-Username",
        "x-authentik-username",
        "X-AUTHENTIK-GROUPS",
        "x-aUtHeNtIk-email",
        "X_Authentik_Username",
    ),
    *("x_authentik-groups", "X-Authentik_Email", "X-Authentik-Jwt"),
]
# Each is /outpost.goauthentik.io/x, /share/x or an open path to one who takes dots, escapes or doubled slashes away.
CROOKED = [
    *("/api/assets/..%2f..{}", "/api/assets/../..{}", "/api/%2e%2e{}", "/./.{}", "/api/x/..%2F..{}", "/{}"),
    *(
        "/api/..%5c..{}",
        "{}/../..{}",
        "{}/..",
        "{}/%2e%2e/api/users",
        "{}%2f..%2f..%2fapi",
        "{}/..?x",
        "/..{}",
    ),
]
FAULTS = [(reply(404), 502), (reply(500), 502), (reply(503), 502), (reply(400), 502), (hang, 502)]
pytestmark = pytest.mark.parametrize("world", ["file", "admin", "handle"], indirect=True)


def test_the_phone_gets_through_and_a_browser_is_sent_to_the_login_page(world: World) -> None:
    world.serve()
    assert json.loads(world.ask("/", GOOD).body) == {"from": "immich"}
    refused = world.ask("/", WRONG)
    assert (refused.status, refused.error["statusCode"]) == (403, 403)
    assert "www-authenticate" not in refused.headers
    browser = world.ask("/")
    assert (browser.status, browser.headers["location"]) == (302, LOGIN)
    assert len(world.immich.asked) == 1


def basic(credentials: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


@pytest.mark.parametrize(
    "name", ["akadmin", "phones", "Phone", "phone.x", "pho", "goauthentik.io/token", "xphone", " phone", "", "phonf"]
)
def test_the_header_of_any_account_but_the_phones_is_refused_without_asking(name: str, world: World) -> None:
    world.serve()
    for answer in (world.ask("/", basic(f"{name}:phone:good")), world.ask("/", basic(f"{name}:x"), SESSION)):
        assert (answer.status, answer.headers["x-immich-access"]) == (403, "refused")
    assert world.outpost.asked == world.immich.asked == []


def test_a_further_phones_header_is_asked_about_though_the_site_is_the_same(world: World) -> None:
    world.serve()
    for name in ("phone", "phone-anna", "phone-g2", "phone-anna-g2"):
        world.ask("/", basic(f"{name}:x"))
    assert [each.path for each in world.outpost.asked] == [ASKED, HEALTH] * 4


def test_a_bearer_opens_nothing_and_reaches_immich_beside_a_session(world: World) -> None:
    world.serve()
    bearer = {"Authorization": "Bearer a.phones.jwt"}
    assert world.ask("/", bearer).status == 302
    assert world.ask("/", bearer, SESSION).status == 200
    assert [each.headers.get("authorization") for each in world.outpost.asked] == [None, None]
    assert [each.headers["authorization"] for each in world.immich.asked] == ["Bearer a.phones.jwt"]


def test_a_wrong_header_is_refused_even_beside_a_browsers_good_session(world: World) -> None:
    world.serve()
    assert world.ask("/", WRONG, SESSION).status == 403
    assert world.immich.asked == []


def failed(answer: Answer, world: World) -> Any:
    """The status that an answer of ours says of a server that fails; in a handle Caddy has no words for it."""
    assert answer.headers["x-immich-access"] == "failed"
    if world.form == "handle":
        assert answer.body == ""
        return answer.status
    return answer.error["statusCode"]


@pytest.mark.parametrize(("fault", "status"), FAULTS)
def test_an_outpost_that_cannot_say_yes_lets_nobody_in_and_the_phone_gets_an_error_of_immichs_form(
    fault: Any, status: int, world: World
) -> None:
    world.serve()
    world.outpost.script.answers[:] = [fault]
    answer = world.ask("/", GOOD)
    assert answer.status == (failed(answer, world) if fault is hang else answer.error["statusCode"]) == status
    assert answer.body == "" or answer.error["error"] == "Bad Gateway"
    assert world.ask("/", SESSION).status >= 400
    assert world.immich.asked == []


@pytest.mark.parametrize(("core", "status"), [(200, 403), (204, 403), (404, 403), (400, 403), (500, 502), (503, 502)])
def test_a_refusal_while_authentiks_core_is_down_is_told_as_what_it_is(core: int, status: int, world: World) -> None:
    world.serve()

    def answer(handler: Handler) -> None:
        health = handler.path == HEALTH and "localhost" not in handler.headers["X-Forwarded-Host"]
        (reply(core) if health else reply(302, Location=LOGIN))(handler)

    world.outpost.script.answers[:] = [answer]
    got = world.ask("/api/assets", GOOD, method="POST")
    assert (got.status, got.error["statusCode"]) == (status, status)
    assert got.headers["x-immich-access"] == ("refused" if status == 403 else "not-asked")
    assert [(each.method, each.path) for each in world.outpost.asked] == [("GET", ASKED), ("GET", HEALTH)]
    assert world.ask("/").status == 302
    assert world.immich.asked == []


def test_a_server_that_is_down_is_told_in_immichs_form_of_an_error(world: World) -> None:
    with Server(listening=False) as down:
        world.serve(outpost=down.url)
        for who in (GOOD, SESSION):
            answer = world.ask("/", who)
            assert answer.status == failed(answer, world) == 502
        assert world.immich.asked == []
        world.serve(immich=down.url)
        answer = world.ask("/", GOOD)
        assert answer.status == failed(answer, world) == 502
        assert "127.0.0.1" not in answer.body


def test_a_silent_outpost_is_given_up_and_a_slow_immich_is_not(world: World) -> None:
    def hasty(patient: str) -> str:
        assert patient.count("response_header_timeout 20s") == 4
        return patient.replace("response_header_timeout 20s", "response_header_timeout 300ms")

    world.serve(edited=hasty)
    released = threading.Event()

    def silent(handler: Handler) -> None:
        released.wait(30)

    world.outpost.script.answers[:] = [silent]
    try:
        answer = world.ask("/", GOOD)
        assert answer.status == failed(answer, world) == 504
        assert world.ask("/", SESSION).status == 504
        assert world.immich.asked == []
    finally:
        released.set()
    world.forget()

    def slow(handler: Handler) -> None:
        time.sleep(1)
        reply(200, {"from": "immich"})(handler)

    world.immich.script.answers[:] = [slow]
    assert world.ask("/", GOOD).status == 200


@pytest.mark.parametrize("who", [GOOD, SESSION], ids=["phone", "browser"])
def test_no_identity_header_of_a_client_reaches_immich_in_any_spelling(who: dict[str, str], world: World) -> None:
    world.serve()
    assert world.ask("/", who, dict.fromkeys(IDENTITIES, "akadmin")).status == 200
    assert not [name for name in world.immich.asked[0].headers if "authentik" in name]


@pytest.mark.parametrize("who", [GOOD, SESSION], ids=["phone", "browser"])
def test_what_immich_lets_in_by_passes_to_immich_and_what_the_outpost_does_to_the_outpost(
    who: dict[str, str], world: World
) -> None:
    world.serve()
    tokens = {"x-api-key": "a", "x-immich-user-token": "b", "x-immich-session-token": "c"}
    tokens |= {} if who is GOOD else {"Authorization": "Bearer d"}
    theirs = "my_authentik_x=authentik_y; my_immich_x=immich_y"  # only a name's beginning counts
    cookies = f"immich_auth_type=a; {theirs}; authentik_proxy_1=session; authentik_proxy_2=x; immich_access_token=b"
    assert world.ask("/", who, tokens, {"Cookie": cookies}).status == 200
    to_immich, to_outpost = world.immich.asked[0].headers, world.outpost.asked[0].headers
    assert {name: to_immich.get(name.lower()) for name in tokens} == tokens
    assert to_immich["cookie"] == f"immich_auth_type=a; {theirs}; immich_access_token=b"
    assert to_immich.get("authorization") == tokens.get("Authorization")
    asked_with = f"{theirs}; authentik_proxy_1=session; authentik_proxy_2=x;"
    assert to_outpost.get("cookie") == (None if who is GOOD else asked_with)
    assert to_outpost.get("authorization") == who.get("Authorization")
    assert not {"x-api-key", "x-immich-user-token", "x-immich-session-token"} & to_outpost.keys()


@pytest.mark.parametrize("who", [GOOD, SESSION], ids=["phone", "browser"])
def test_a_server_behind_does_not_speak_for_the_site(who: dict[str, str], world: World) -> None:
    world.serve(shares=world.shares.url)
    for server in (world.immich, world.shares):
        server.script.answers[:] = [reply(403, X_Immich_Access="refused")]
    assert "x-immich-access" not in world.ask("/", who).headers | world.ask("/share/x", who).headers


def test_nothing_is_open_unless_it_is_asked_for(world: World) -> None:
    world.serve()
    for path in ("/api/oauth/mobile-redirect", "/.well-known/immich", "/share/x", "/s/x", "/api/server/ping"):
        assert world.ask(path).status == 302
    assert world.immich.asked == world.shares.asked == []


def test_an_open_path_is_read_by_everybody_and_is_that_path_alone(world: World) -> None:
    world.serve(open_paths=("/api/oauth/mobile-redirect", "/.well-known/immich"))
    for path in ("/api/oauth/mobile-redirect?code=1&state=2", "/.well-known/immich"):
        assert world.ask(path, WRONG, {"x-authentik-username": "akadmin", "Cookie": "a=b"}).status == 200
        asked = world.immich.asked.pop()
        assert (asked.method, asked.path) == ("GET", path)
        assert asked.headers["cookie"] == "a=b"
        assert not {"authorization", "x-authentik-username"} & asked.headers.keys()
        assert world.ask(path, method="POST").status == 302
    assert [each.method for each in world.outpost.asked] == ["GET", "GET"]  # of the two that were no reading
    for path in ("/.well-known", "/.well-known/immichs", "/.well-known/immich/x", "/api/oauth", "/api/oauth/callback"):
        assert world.ask(path).status == 302
    assert world.immich.asked == []


def test_share_links_go_to_their_own_server_without_what_lets_somebody_in(world: World) -> None:
    world.serve(shares=world.shares.url)
    tokens = {"x-api-key": "a", "X-Immich-User-Token": "b", "x-immich-session-token": "c", "x-authentik-uid": "d"}
    cookies = {"Cookie": "immich_access_token=x; session=kept; authentik_proxy_1=session; immich_is_authenticated=y"}
    for path in ("/share/key/photo?size=preview", "/s/our-holiday", "/share", "/share/static/web.js"):
        assert json.loads(world.ask(path, GOOD, tokens, cookies).body) == {"from": "shares"}
        sent = world.shares.asked[-1]
        assert sent.path == path
        assert sent.headers["cookie"].strip("; ") == "session=kept"
        assert not {"authorization", *map(str.lower, tokens)} & sent.headers.keys()
    assert world.ask("/share/unlock", {"Content-Type": "application/json"}, method="POST").status == 200
    for path in ("/shared-links", "/sh", "/s", "/shares/x"):
        assert world.ask(path).status == 302
    assert world.immich.asked == []


@pytest.mark.parametrize("crooked", CROOKED)
def test_a_path_that_two_servers_may_read_in_two_ways_is_never_open(crooked: str, world: World) -> None:
    world.serve(open_paths=("/.well-known/immich",), shares=world.shares.url)
    for opened in ("/.well-known/immich", "/share/x", "/outpost.goauthentik.io/start"):
        path = crooked.replace("{}", opened)
        assert world.ask(path).status == 302, path
        assert world.ask(path, WRONG).status == 403, path
    assert world.immich.asked == world.shares.asked == []
    assert {each.path.partition("?")[0] for each in world.outpost.asked} == {ASKED, HEALTH}


@pytest.mark.parametrize(
    "path",
    [
        *("/.well-%E2%84%AAnown/immich", "/outpost.goauthenti%e2%84%aa.io/start"),
        *("/.well-known/%C4%B0mmich", "/.well-known/%c4%b1mmich", "/%C5%BF/x", "/%c5%bfhare/x"),
    ],
)
def test_a_letter_that_is_another_in_lower_case_opens_nothing(path: str, world: World) -> None:
    world.serve(open_paths=("/.well-known/immich",), shares=world.shares.url)
    assert world.ask(path).status == 302
    assert world.shares.asked == []
    assert world.immich.asked == []
    assert [each.path for each in world.outpost.asked] == [ASKED]


def test_the_outposts_own_pages_are_shown_and_never_see_basic(world: World) -> None:
    world.serve()
    keys = {"x-api-key": "a", "Cookie": "immich_access_token=x; authentik_proxy_1=session"}
    for page in ("start?rd=%2Fapi%2F..", "callback?X-authentik-auth-callback=true", "sign_out", "static/a/b.css"):
        path = f"/outpost.goauthentik.io/{page}"
        assert json.loads(world.ask(path, GOOD, keys).body) == {"from": "outpost"}
        asked = world.outpost.asked.pop()
        assert (asked.path, asked.headers["cookie"]) == (path, "authentik_proxy_1=session")
        assert not {"authorization", "x-api-key"} & asked.headers.keys()


@pytest.mark.parametrize("path", ["auth/caddy", "auth/nginx", "auth/traefik", "auth/envoy", "auth/envoy/x", "ping", ""])
def test_the_outposts_answers_about_a_session_are_not_for_a_pages_scripts(path: str, world: World) -> None:
    world.serve()
    answer = world.ask(f"/outpost.goauthentik.io/{path}", SESSION)
    assert json.loads(answer.body) == {"from": "immich"}
    assert not [name for name in answer.headers if "authentik" in name]
    assert world.ask(f"/outpost.goauthentik.io/{path}").status == 302


def test_basic_from_another_network_is_answered_as_a_wrong_one_and_a_browser_is_not_concerned(world: World) -> None:
    world.serve(basic_networks=("10.0.0.0/8", "2001:db8::/32"))
    elsewhere = world.ask("/", GOOD)
    assert world.outpost.asked == []
    browser = world.ask("/", SESSION)
    world.serve(basic_networks=("10.0.0.0/8", "127.0.0.0/8", "::1"))
    assert elsewhere.status == 403
    assert elsewhere.error == world.ask("/", WRONG).error
    assert (browser.status, world.ask("/", GOOD).status) == (200, 200)


TRUSTING = "servers {\n\t\ttrusted_proxies static 127.0.0.0/8 ::1\n\t}"
STRICT = TRUSTING.replace("::1", "::1\n\t\ttrusted_proxies_strict")


@pytest.mark.parametrize("option", [TRUSTING, STRICT], ids=["not strict", "strict"])
@pytest.mark.parametrize(
    "addresses",
    [
        *("192.0.2.7, 198.51.100.7", "198.51.100.7, 192.0.2.7", "192.0.2.7,198.51.100.7", "192.0.2.7, 192.0.2.7"),
        *(",192.0.2.7", "192.0.2.7,"),
    ],
)
def test_what_a_client_writes_into_x_forwarded_for_never_lets_a_phone_in(
    addresses: str, option: str, world: World
) -> None:
    world.serve(option, basic_networks=("192.0.2.0/24",))
    assert world.ask("/", GOOD, {"X-Forwarded-For": "192.0.2.7"}).status == 200
    assert world.ask("/", GOOD, {"X-Forwarded-For": addresses}).status == 403
    assert world.ask("/", SESSION, {"X-Forwarded-For": addresses}).status == 200
    assert len(world.outpost.asked) == 2


def test_where_phones_may_come_from_a_proxy_that_caddy_does_not_trust_hides_nobodys_address(world: World) -> None:
    networks = ("127.0.0.0/8", "::1", "192.0.2.0/24")
    home, away = ({"X-Forwarded-For": address} for address in ("192.0.2.7", "198.51.100.7"))
    world.serve(basic_networks=networks)
    assert [world.ask("/", GOOD, who).status for who in ({}, home, away)] == [200, 403, 403]
    assert world.ask("/", SESSION, away).status == 200
    world.serve(TRUSTING, basic_networks=networks)
    assert [world.ask("/", GOOD, who).status for who in ({}, home, away)] == [200, 200, 403]


def test_a_forwarded_host_does_not_choose_the_application_and_a_forwarded_address_counts_from_trusted_proxies_alone(
    world: World,
) -> None:
    forwarded = {"X-Forwarded-Host": "other.example.org", "X-Forwarded-Proto": "http", "X-Forwarded-For": "192.0.2.7"}
    for trusted in ((), ("127.0.0.0/8", "::1")):
        site = world.serve(trusted_proxies=trusted)
        for who in (GOOD, SESSION):
            assert world.ask("/x", forwarded, {"X-Forwarded-Uri": "/y", "X-Forwarded-Method": "PUT"}, who).status == 200
        world.ask("/outpost.goauthentik.io/start", forwarded)
        for asked in world.outpost.asked:
            assert asked.headers["x-forwarded-host"] == f"localhost:{site.port}"
            assert asked.headers["x-forwarded-proto"] == "https"
        for asked in world.outpost.asked[:2]:
            assert (asked.headers["x-forwarded-uri"], asked.headers["x-forwarded-method"]) == ("/x", "GET")
        for asked in (*world.outpost.asked, *world.immich.asked):
            assert ("192.0.2.7" in asked.headers["x-forwarded-for"]) == bool(trusted)


@pytest.mark.parametrize("which", ["outpost", "immich"])
def test_a_server_over_tls_is_checked_against_its_own_certificates(which: str, world: World) -> None:
    door = f"localhost:{free_port()}"
    over_tls = f"https://{door}"
    behind = {"outpost": world.outpost.url, "immich": world.immich.url}[which]
    beside = f"{over_tls} {{\n\treverse_proxy {behind} {{\n\t\ttrusted_proxies private_ranges\n\t}}\n}}\n"
    for ca, status in ((str(world.ca), 200), ("", 502)):
        changed: dict[str, Any] = {which: over_tls, f"{which}_ca": ca}
        world.serve(beside=beside, doors=[door], **changed)
        assert world.ask("/", GOOD).status == world.ask("/", SESSION).status == status
        assert {each.headers["x-forwarded-host"] for each in world.outpost.asked} <= {f"localhost:{world.port}"}
        assert bool(world.immich.asked) == (status == 200)
