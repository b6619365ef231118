"""How failures reach the terminal: one line, object and call and reason and remedy, no stack, no secret."""

import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lab.processes import free_port
from tests.proxy import Exchange, Proxy
from tests.tls import certificate

from .conftest import Authentik, HostWith, Make, of_kind
from .engine import Host, HostError, Props, Resource
from .samples import SAMPLES, sample

EVERY_KIND = pytest.mark.parametrize("kind", SAMPLES)


def message(error: pytest.ExceptionInfo[HostError], *secrets: str) -> str:
    """The one line of an error, without the class in front of it."""
    text = str(error.value)
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    assert 'File "' not in text
    assert all(secret not in text for secret in secrets)
    name, _, said = text.strip().partition(": ")
    assert name.startswith("providers.")
    return said


def fails(each: Resource, operation: str, bag: Props) -> pytest.ExceptionInfo[HostError]:
    """The error of one operation on an object that is there according to the state."""
    do = {
        "create": lambda: each.create(bag),
        "read": each.refresh,
        "update": lambda: each.update(bag),
        "delete": each.delete,
    }[operation]
    with pytest.raises(HostError) as caught:
        do()
    return caught


OPERATIONS = ("create", "read", "update", "delete")


def as_of(host_resource: Resource, made: Resource) -> Resource:
    """An object's state on another host."""
    host_resource.id, host_resource.outs = made.id, made.outs
    return host_resource


@EVERY_KIND
def test_a_wrong_token_is_told_whatever_is_done(
    kind: str, authentik: Authentik, resource: Make, host_with: HostWith
) -> None:
    each, made = sample(authentik, kind), resource(kind)
    made.up(each.declared)
    other = as_of(of_kind(host_with({"authentik:url": authentik.url}, "a-wrong-token"), kind), made)
    key = str(made.outs.get("key", "a-wrong-token"))
    for operation in OPERATIONS:
        if (kind, operation) == ("OutpostAttachment", "update"):
            continue
        said = message(fails(other, operation, each.declared), "a-wrong-token", key)
        assert said.startswith("cannot ")
        assert "answered 403: Token invalid/expired. Check AUTHENTIK_TOKEN" in said


@EVERY_KIND
def test_a_missing_right_is_told_by_its_name_whatever_is_done(
    kind: str, authentik: Authentik, resource: Make, host_with: HostWith
) -> None:
    each, made = sample(authentik, kind), resource(kind)
    made.up(each.declared)
    token = authentik.limited_token()
    other = as_of(of_kind(host_with({"authentik:url": authentik.url}, token), kind), made)
    for operation in ("create", "read"):
        said = message(fails(other, operation, each.declared), token)
        assert said.startswith("cannot ")
        assert "right authentik_" in said


def _as_if_gone(exchange: Exchange) -> None:
    """As Authentik answers for an object that a token may not view, whereas it refuses the list."""
    if exchange.answer.status_code == 403 and "?page" not in exchange.call:
        exchange.reply(404, b'{"detail": "Not found."}', {"Content-Type": "application/json"})
    else:
        exchange.pass_back()


# Of applications everybody is answered a list, of what they may enter: of one alone the server itself says 403.
@pytest.mark.parametrize("kind", sorted(SAMPLES.keys() - {"Application"}))
def test_an_object_that_our_token_may_no_longer_view_is_never_taken_for_one_that_is_gone(
    kind: str, authentik: Authentik, resource: Make, proxy: Proxy, host_with: HostWith
) -> None:
    each, made = sample(authentik, kind), resource(kind)
    made.up(each.declared)
    host = host_with({"authentik:url": proxy.url}, authentik.limited_token())
    other = as_of(of_kind(host, kind), made)
    proxy.clear()
    proxy.on("GET .*", _as_if_gone, times=float("inf"))
    try:
        assert "right authentik_" in message(fails(other, "read", each.declared))
    finally:
        proxy.clear()


@pytest.mark.parametrize(
    ("config", "token", "said"),
    [
        ({}, "some-token", "authentik:url is not set. Run: pulumi config set authentik:url https://auth.example.org"),
        (
            {"authentik:url": "http://127.0.0.1:1"},
            "",
            "AUTHENTIK_TOKEN is not set. Export the key of a token with intent API of a user who has the rights that "
            "docs/security.md lists.",
        ),
    ],
)
def test_a_setting_that_is_missing_is_told_when_authentik_is_needed_and_not_in_a_preview(
    config: dict[str, str], token: str, said: str, authentik: Authentik, resource: Make, host_with: HostWith
) -> None:
    declared, made = sample(authentik, "Group").declared, resource("Group")
    made.up(declared)
    other = as_of(of_kind(host_with(config, token), "Group"), made)
    assert other.diff(declared)[0] is False
    for operation in OPERATIONS:
        assert message(fails(other, operation, declared)) == said


def test_the_token_may_stand_in_the_configuration_and_the_environment_goes_first(
    authentik: Authentik, host_with: HostWith
) -> None:
    config = {"authentik:url": authentik.url, "authentik:token": authentik.token}
    of_kind(host_with(config, ""), "Group").up({"name": authentik.name("group")})
    caught = fails(of_kind(host_with(config, "a-wrong-token"), "Group"), "create", {"name": authentik.name("group")})
    assert "Token invalid/expired" in message(caught, authentik.token)


@pytest.fixture(scope="module", params=["nobody listens", "another path", "a certificate of nobody's", "no TLS"])
def elsewhere(
    request: pytest.FixtureRequest, authentik: Authentik, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Host, str]]:
    """A host with a wrong authentik:url, and what must be said of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path_factory.mktemp("tls"), "localhost"))
    with ExitStack() as stack:
        untrusted = stack.enter_context(Proxy(authentik.url, tls=context)).url.replace("127.0.0.1", "localhost")
        tls = r"TLS with .* failed: .*scheme .* authentik:url\. If its certificate .* own CA, .* in REQUESTS_CA_BUNDLE"
        url, said = {
            "nobody listens": (f"http://127.0.0.1:{free_port()}", "does not answer: .*refused.* Check authentik:url"),
            "another path": (f"{authentik.url}/x", "answered 404 with text/html.* Check that authentik:url"),
            "a certificate of nobody's": (untrusted, tls),
            "no TLS": (authentik.url.replace("http:", "https:"), tls),
        }[request.param]
        config = {"authentik:url": url, "immich:timeoutPercent": "1"}
        yield stack.enter_context(Host(config, {"AUTHENTIK_TOKEN": authentik.least_token})), said


@EVERY_KIND
def test_a_wrong_address_is_told_whatever_is_done_and_nothing_is_taken_for_gone(
    kind: str, elsewhere: tuple[Host, str], authentik: Authentik, resource: Make
) -> None:
    each, made = sample(authentik, kind), resource(kind)
    made.up(each.declared)
    host, reason = elsewhere
    for operation in OPERATIONS:
        if (kind, operation) != ("OutpostAttachment", "update"):
            other = as_of(of_kind(host, kind), made)
            said = message(fails(other, operation, each.declared), authentik.least_token)
            assert said.startswith("cannot ")
            assert re.search(r": (GET|POST|PUT|PATCH|DELETE) /", said)
            assert re.search(reason, said)


def test_an_address_that_is_not_authentik_is_told(authentik: Authentik, host_with: HostWith) -> None:
    host = host_with({"authentik:url": f"{authentik.url}/elsewhere"}, authentik.token)
    said = message(fails(of_kind(host, "Group"), "create", {"name": "x"}), authentik.token)
    assert said.startswith("cannot find group 'x': GET /core/groups/ answered 404 with text/html")
    assert "Check that authentik:url" in said


@pytest.mark.parametrize(
    ("kind", "field", "name", "what"),
    [
        ("ProxyProvider", "authorization_flow", "no-such-flow", "find flow 'no-such-flow', the authorization_flow of"),
        ("ProxyProvider", "certificate", "No Such", "find certificate 'No Such', the certificate of proxy provider"),
        ("User", "groups", ["no-such-group"], "find group 'no-such-group', the groups of user"),
        ("PolicyBinding", "group", "no-such-group", "find group 'no-such-group', the group of policy binding"),
        ("OutpostAttachment", "outpost", "No Such", "find outpost 'No Such', the outpost that proxy provider"),
    ],
)
def test_a_name_that_nothing_has_is_told_and_nothing_is_written(
    kind: str, field: str, name: object, what: str, authentik: Authentik, resource: Make
) -> None:
    declared = sample(authentik, kind).declared | {field: name}
    since = authentik.mark()
    said = message(fails(resource(kind), "create", declared))
    assert said.startswith(f"cannot {what}")
    assert "Authentik has no object of that name, or hides it from this token (right authentik_" in said
    assert authentik.written(since) == []


def test_what_the_server_refuses_is_told_in_its_words(authentik: Authentik, resource: Make) -> None:
    declared = sample(authentik, "Group").declared | {"users": [99_999]}
    said = message(fails(resource("Group"), "create", declared))
    assert "answered 400: users: Invalid pk" in said


def test_an_update_of_what_is_gone_says_what_to_do(authentik: Authentik, resource: Make) -> None:
    each, made = sample(authentik, "User"), resource("User")
    made.up(each.declared)
    authentik.call("DELETE", f"/core/users/{made.id}/")
    said = message(fails(made, "update", each.declared | {"name": "Other"}))
    assert said.endswith("it is gone from Authentik. Run: pulumi up --refresh")


def test_a_conflict_says_how_to_go_on(authentik: Authentik, resource: Make) -> None:
    each = sample(authentik, "Group")
    resource("Group").up(each.declared | {"attributes": {"generation": 1}})
    said = message(fails(resource("Group"), "create", each.declared | {"attributes": {"generation": 2}}))
    assert said.startswith(
        f"cannot create group '{each.declared['name']}': it exists, and attributes differs in generation"
    )


WRONG: list[tuple[str, Props, str]] = [
    ("Group", {}, "name: is missing"),
    ("Group", {"name": "  "}, "name: expected a text that is not blank"),
    ("Group", {"name": "x", "is_superuser": "yes"}, "is_superuser: expected true or false, got a text"),
    ("Group", {"name": "x", "users": [1.5]}, "users: 1.5: expected a whole number, got a number"),
    ("Group", {"name": "x", "colour": "red"}, "colour: is not an argument of a group"),
    ("Group", {"name": "x", "adopt": "yes"}, "adopt: expected true or false"),
    ("Application", {"name": "x", "slug": "a b"}, "slug: expected only letters, digits, hyphens and underscores"),
    ("ServiceAccount", {"username": "a:b"}, "username: expected no colon"),
    ("ServiceAccount", {"username": "a", "expires": "2031-01-01T00:00:00Z"}, "expires: expected only together with"),
]


@pytest.mark.parametrize(("kind", "bag", "reason"), WRONG)
def test_a_wrong_declaration_is_told_by_property_before_anything_is_called(
    kind: str, bag: Props, reason: str, authentik: Authentik, resource: Make
) -> None:
    since = authentik.mark()
    _, failures = resource(kind).check(bag)
    ((name, said),) = failures.items()
    assert said.startswith(reason)
    assert name == reason.split(":")[0]
    assert authentik.asked(since) == []
