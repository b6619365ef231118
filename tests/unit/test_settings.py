"""The settings: what is taken, and what is told when they are missing or wrong."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arguments import Phone, Verify
from components.settings import SETTINGS, Settings, SettingsError, check_setting, read_settings
from providers.fields import UNSET
from tests.reference import STACK

UUID = "0f357d42-2483-4a51-9ae8-4ef05e202314"


def settings(**changed: Any) -> Settings:
    """The settings of the stack with some changed: url is immich:url, authentik_url is authentik:url."""
    stack = {**STACK, **{_key(name): value for name, value in changed.items()}}
    return read_settings(lambda key: stack.get(key))


def _key(name: str) -> str:
    if name in ("authentik_url", "caddy_admin", "caddy_delivery"):
        return name.replace("_", ":")
    return f"immich:{name}"


def failures(**changed: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(**changed)
    first, *rest = str(caught.value).split("\n")
    assert first == "the stack's settings are not right:"
    return rest


def test_the_settings_of_the_reference_stack_are_taken() -> None:
    read = settings()
    assert (read.site.url, read.site.immich) == ("https://photos.example.org", "http://localhost:2283")
    assert read.phones == (Phone("phone", 1),)
    assert read.people_groups == ("family",)
    assert (read.enabled, read.adopt) == (True, False)
    assert (read.delivery.kind, read.delivery.admin) == ("admin", "http://localhost:2019")
    assert read.outpost == "authentik Embedded Outpost"


def test_the_login_is_off_unless_it_is_said_and_at_authentiks_own_address() -> None:
    assert settings().login is None
    login = settings(login="true").login
    assert login is not None
    assert (login.authentik_url, login.application) == ("https://auth.example.org", "immich-login")
    assert (login.certificate, login.mobile_override) == ("authentik Self-signed Certificate", False)
    public = settings(login="true", authentikUrl="https://login.example.org").login
    assert public is not None
    assert public.authentik_url == "https://login.example.org"


def test_a_login_that_would_let_everybody_in_is_refused() -> None:
    (line,) = failures(login="true", peopleGroups="[]")
    assert line.startswith("immich:login: expected a group in immich:peopleGroups")


def test_the_access_is_proved_at_the_public_address_unless_it_is_said_otherwise() -> None:
    assert settings().verify == Verify(on=True, address="", ca="", path="/api/server/ping")
    other = settings(verify="false", probeAddress="[2001:db8::7]:443", probeCa="ca.pem")
    assert other.verify == Verify(on=False, address="[2001:db8::7]:443", ca="ca.pem", path="/api/server/ping")


def test_the_proof_asks_for_a_path_that_is_guarded() -> None:
    assert settings(openPaths='["/api/server/ping"]').verify.path == "/api/server/version"
    (line,) = failures(openPaths='["/api/server/ping", "/api/server/version"]')
    assert line.startswith("immich:openPaths: expected one of /api/server/ping")


def test_the_outpost_is_authentik_itself_unless_it_is_said_otherwise() -> None:
    assert settings().site.outpost == "https://auth.example.org"
    assert settings(outpostUrl="http://outpost:9000").site.outpost == "http://outpost:9000"


def test_nothing_is_open_shared_or_trusted_unless_it_is_asked_for() -> None:
    site = settings().site
    assert (site.open_paths, site.shares, site.basic_networks, site.trusted_proxies, site.outpost_ca) == (
        *((), "", (), (), ""),
    )


def test_what_is_asked_for_of_the_site_reaches_it() -> None:
    site = settings(
        outpostCa="/etc/caddy/ca.pem",
        openPaths='["/api/oauth/mobile-redirect", "/.well-known/immich"]',
        sharesUpstream="http://shares:3000",
        basicNetworks='["10.0.0.0/8", "private_ranges"]',
        trustedProxies='["fd00::/8", "192.0.2.7"]',
        accessLog="false",
        insideSite="true",
        caddy_delivery="file",
    ).site
    assert site.outpost_ca == "/etc/caddy/ca.pem"
    assert site.open_paths == ("/api/oauth/mobile-redirect", "/.well-known/immich")
    assert site.shares == "http://shares:3000"
    assert site.basic_networks == ("10.0.0.0/8", "private_ranges")
    assert site.trusted_proxies == ("fd00::/8", "192.0.2.7")
    assert (site.access_log, site.inside) == (False, True)


def test_certificates_for_an_outpost_that_shows_none_are_refused() -> None:
    (line,) = failures(outpostUrl="http://outpost:9000", outpostCa="/etc/caddy/ca.pem")
    assert line.startswith("immich:outpostCa: expected a server over https://")


@pytest.mark.parametrize("nothing", [None, ""])
def test_everything_that_is_missing_is_named_with_the_command_that_sets_it(nothing: str | None) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({**STACK, **dict.fromkeys(SETTINGS.required, nothing)}.get)
    lines = str(caught.value).split("\n")[1:]
    assert lines == [
        "authentik:url: is missing. Run: pulumi config set authentik:url https://auth.example.org",
        "immich:url: is missing. Run: pulumi config set immich:url https://photos.example.org",
        "immich:peopleGroups: is missing. Run: pulumi config set --path 'immich:peopleGroups[0]' family",
    ]


@pytest.mark.parametrize("key", [key for key, each in SETTINGS.fields.items() if each.default not in ("", [], UNSET)])
def test_a_setting_that_is_not_given_has_its_default_and_an_empty_text_is_refused(key: str) -> None:
    stack: dict[str, str | None] = {**STACK, key: None}
    assert read_settings(stack.get) == settings()
    with pytest.raises(SettingsError) as caught:
        read_settings({**STACK, key: ""}.get)
    (line,) = str(caught.value).split("\n")[1:]
    assert line.startswith(f"{key}: expected ")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    told = failures(url="photos", upstream="x", phones="{}", peopleGroups="no", enabled="yes", outpost=" ")
    assert [line.split(": ")[0].removeprefix("immich:") for line in told] == [
        *("url", "peopleGroups", "upstream", "phones", "enabled", "outpost"),
    ]


INVISIBLE = [f"a{chr(code)}b" for code in (0x200B, 0x200F, 0x202A, 0x202E, 0x2060, 0x2066, 0x2069, 0xFEFF)]
CONTROLS = ["a\nb", "a\0b", "a\x1bb", "a\u2028b", " a", "a ", " ", "\t", "x" * 501]
HOSTILE_TEXTS = [*INVISIBLE, *CONTROLS]
HOSTILE_URLS = [
    *("photos.example.org", "//photos.example.org", "ftp://photos.example.org", "https://", "https://:443", "https:/x"),
    *("https://photos.example.org/", "https://photos.example.org/x", "https://photos.example.org?x=1"),
    *("https://photos.example.org#x", "https://u@photos.example.org", "https://u:p@photos.example.org"),
    *("https://photos.example.org:0", "https://photos.example.org:65536", "https://photos.example.org:٣"),
    *("https://photos.example.org:0443", "https://photos.example.org:", "https://phötos.example.org", "https://*"),
    *("https://{$HOME}", "https://{env.HOME}", "https://a`b", 'https://a"b', "https://a b", "https://a,https://b"),
    *("https://a{", "https://[::1", "https://\u212aa.example.org", "javascript:alert(1)", "https://a\\b", "https://-a"),
]
HOSTILE_PHONES: list[Any] = [
    *("phone", 7, None, [], {}, {"name": 7}, {"name": ""}, {"name": "A"}, {"name": "a_b"}, {"name": "-a"}),
    *({"name": "a" * 41}, {"name": "a:b"}, {"name": "a\n"}, {"name": "ä"}, {"name": "a", "key": "k"}),
    *[{"name": "a", "generation": each} for each in (0, -1, 1.5, "two", True, None, 10_000)],
    *[{"name": "a", "overlap": each} for each in ("true", 1, None, "")],
    {"name": "a", "overlap": []},
    *[{"name": "a", "expires": each} for each in ("", "never", "2031-01-01", "2031-01-01T00:00:00", 1e9, None, True)],
    *[{"name": "a", "expires": each} for each in ("2031-13-01T00:00:00Z", "2031-01-01T00:00:00Z\n")],
    *[{"name": "a", "note": each} for each in (*CONTROLS, "", "x" * 201)],
    *[{"name": "a", "note": each} for each in (7, None, True)],
    {"name": "a", "\x1b[31m" * 20: 1},
    {"name": "a", "Generation": 2},
]
HOSTILE_FILES = [
    "ca.pem",
    "/",
    "/a b",
    "/a{b",
    "/{$HOME}",
    "/{env.HOME}",
    '/a"b',
    "/a`b",
    "/a\\b",
    "/a/",
    "/ä",
    "/a,b",
    "/a*",
    "/a/../b",
    "/..",
    "/a/.",
]
HOSTILE_PATHS = [
    *(
        "",
        "/",
        "api",
        "/api/",
        "/api/*",
        "*",
        "/a b",
        "/a{b",
        "/{$HOME}",
        "/a//b",
        "/a/../b",
        "/..",
        "/.",
        "/a%2fb",
        "/a?b",
    ),
    *("/a#b", '/a"b', "/a`b", "/a\\b", "/ä", "/a\nb", "/a\u2028b", "/" + "a" * 200, "@basic", "/a,/b"),
]
HOSTILE_NETWORKS = [
    *(
        "",
        "any",
        "localhost",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0",
        "10.0.0.0/08",
        "10.0.0.0/255.0.0.0",
        "fe80::1%eth0",
    ),
    *(
        "::/129",
        "10.0.0.0/8 }",
        "10.0.0.0/8\n",
        "0x7f.1",
        "010.0.0.1",
        "private_ranges ",
        "{$NET}",
        "\u0661.1.1.1",
        "static",
    ),
]
HOSTILE: list[tuple[str, Any]] = [
    *[(name, "x" * 256) for name in ("phonesGroup", "applicationName", "providerName", "outpost", "loginName")],
    ("loginCertificate", "x" * 256),
    *[(name, "x" * 51) for name in ("application", "authorizationFlow", "invalidationFlow", "loginApplication")],
    *[("peopleGroups", json.dumps([value])) for value in (*INVISIBLE, "x" * 256, "x" * 5000)],
    *[(name, json.dumps([f"/{each}" for each in range(101)])) for name in ("openPaths", "trustedProxies")],
    *[("trustedProxies", json.dumps([value])) for value in ("0.0.0.0/0", "::/0", "128.0.0.0/1", "::/1", "2000::/3")],
    *[
        ("probeAddress", value)
        for value in ("[::::]:443", "[::1:443", "999.1.1.1:443", "1.2.3:443", "a..b:443", "a:0", "a:65536", "a", ":443")
    ],
    *[
        (name, value)
        for name in ("upstream", "outpostUrl", "authentik_url")
        for value in ("http://a..b", "http://999.1.1.1:2283", "http://[::::]", "http://1.2.3")
    ],
    *[("outpostCa", value) for value in (*HOSTILE_TEXTS, *HOSTILE_FILES, "/etc/ca\npem")],
    *[("sharesUpstream", value) for value in (*HOSTILE_TEXTS, *HOSTILE_URLS)],
    *[("openPaths", json.dumps([value])) for value in (*HOSTILE_PATHS, 7, None, ["/a"])],
    *[(name, json.dumps([value])) for name in ("basicNetworks", "trustedProxies") for value in (*HOSTILE_NETWORKS, 7)],
    *[
        (name, value)
        for name in ("openPaths", "basicNetworks", "trustedProxies")
        for value in ("/a", "{}", "null", "7")
    ],
    ("openPaths", '["/a", "/a"]'),
    *[(name, value) for name in ("accessLog", "insideSite") for value in ("yes", "True", "1", "null")],
    *[("url", value) for value in (*HOSTILE_TEXTS, *HOSTILE_URLS)],
    *[("url", value) for value in ("http://photos.example.org", "https://a_b", "https://[::1]", "https://" + "a" * 64)],
    *[("url", f"https://{host}") for host in ("photos.example.org:443", "photos.example.org:80", "a." * 127 + "org")],
    *[("upstream", value) for value in ("http://immich:443", "https://immich:80")],
    *[
        (name, value)
        for name in ("upstream", "outpostUrl", "authentik_url", "authentikUrl")
        for value in (*HOSTILE_TEXTS, *HOSTILE_URLS)
    ],
    *[("caddy_admin", value) for value in ("localhost:2019", "unix/run/x", "unix//run/../x", "http://u:p@x")],
    *[
        (name, value)
        for name in ("phonesGroup", "applicationName", "providerName", "outpost", "loginName", "loginCertificate")
        for value in HOSTILE_TEXTS
    ],
    *[
        (name, value)
        for name in ("application", "authorizationFlow", "invalidationFlow", "loginApplication")
        for value in (*HOSTILE_TEXTS, "a/b", "../a", "ä", "a b", "a.b")
    ],
    *[
        ("serviceAccount", value)
        for value in (*HOSTILE_TEXTS, "a:b", "A", "ä", "-a", "a-", "a/b", "a.b", "a_b", "a" * 81)
    ],
    *[
        (name, value)
        for name in ("enabled", "adopt", "login", "loginMobileOverride")
        for value in ("yes", "True", "1", "null", "0", '"true"')
    ],
    ("loginApplication", "immich"),
    *[("timeoutPercent", value) for value in ("0", "-1", "1001", "1.5", "100%", "three", "true", "٣", "9" * 5000)],
    *[
        ("phones", value)
        for value in ("phone", "{}", "null", "7", '"phone"', "[", "[" * 100_000, "[" + "1" * 5000 + "]")
    ],
    *[("phones", json.dumps([value])) for value in HOSTILE_PHONES],
    ("phones", '[{"name": "anna"}, {"name": "anna"}]'),
    ("phones", '[{"name": "anna"}, {"name": "anna", "generation": 2}]'),
    ("phones", '[{"name": "anna", "generation": 2}, {"name": "anna-g2"}]'),
    ("phones", '[{"name": "anna", "generation": 3, "overlap": true}, {"name": "anna-g2"}]'),
    ("phones", '[{"name": "phone", "generation": 2, "overlap": true}, {"name": "phone"}]'),
    *[("peopleGroups", value) for value in ("family", "{}", "null", "7", '"family"', "[[]]", "[7]", '[""]', '[" a"]')],
    *[("peopleGroups", json.dumps(value)) for value in (["a\nb"], ["a", "a"], ["immich-mobile-users"])],
]


@pytest.mark.parametrize(("name", "value"), HOSTILE, ids=lambda value: repr(value)[:60])
def test_a_hostile_value_is_refused_in_one_line_that_names_its_setting_alone(name: str, value: str) -> None:
    (line,) = failures(**{name: value})
    assert line.startswith(f"{_key(name)}: ")
    assert len(line) < 300
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)


ANY = st.none() | st.text(max_size=30) | st.sampled_from([*STACK.values(), *HOSTILE_URLS, "[]", '[{"name": "a"}]'])


@given(st.fixed_dictionaries(dict.fromkeys(STACK, ANY)))
def test_any_settings_are_taken_or_refused_by_one_message(stack: dict[str, str | None]) -> None:
    told = ""
    try:
        read_settings(stack.get)
    except SettingsError as error:
        told = str(error)
    assert set(re.findall(r"(?m)^(\w+:\w+): ", told)) <= {*STACK, "caddy:admin"}


@pytest.mark.parametrize(
    ("phone", "username"),
    [
        (Phone("phone"), "immich"),
        (Phone("phone", 2), "immich-g2"),
        (Phone("anna"), "immich-anna"),
        (Phone("anna", 17), "immich-anna-g17"),
    ],
)
def test_a_phones_account_is_named_after_it_and_its_generation(phone: Phone, username: str) -> None:
    assert phone.username("immich") == username


def test_everything_that_a_phone_may_say_is_taken() -> None:
    anna = {"name": "anna", "generation": 3, "overlap": True, "expires": "2031-01-01T00:00:00+02:00", "note": "blå"}
    (phone,) = settings(phones=json.dumps([anna])).phones
    assert phone == Phone("anna", 3, True, "2031-01-01T00:00:00+02:00", "blå")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"expires": "2031-01-01"}, "expires: expected a time with its time zone, such as 2031-01-01T00:00:00Z"),
        ({"overlap": "yes"}, "overlap: expected true or false, got a text"),
        ({"note": "a\nb"}, "note: expected no control characters and no line breaks"),
        ({"generation": 0}, "generation: expected a number from 1 to 9999"),
        ({"note": None}, "note: expected a value, got nothing"),
        (
            {"colour": "blue"},
            "'colour': is not an argument of a phone, which takes name, generation, overlap, expires, note",
        ),
    ],
)
def test_what_is_wrong_with_a_phone_is_told_by_its_name(wrong: dict[str, object], told: str) -> None:
    phones = [{"name": "phone"}, {"name": "anna", **wrong}, {"name": "ben"}]
    assert failures(phones=json.dumps(phones)) == [f"immich:phones: phone 'anna': {told}"]


@pytest.mark.parametrize(
    ("phone", "former"),
    [
        (Phone("anna", 3, overlap=True), 2),
        (Phone("anna", 2, overlap=True), 1),
        (Phone("anna", 1, overlap=True), None),
        (Phone("anna", 3), None),
    ],
)
def test_an_overlap_keeps_the_generation_before_where_there_is_one(phone: Phone, former: int | None) -> None:
    assert (phone.former.generation if phone.former else None) == former


@pytest.mark.parametrize(
    ("key", "items", "told"),
    [
        ("peopleGroups", ["a", 7, "a"], ["7: expected a text, got a number", "expected each once, got 'a' again"]),
        ("peopleGroups", [UUID], [f"'{UUID}': expected a group's name, not its primary key"]),
        ("openPaths", ["/a", 7, "/a"], ["7: expected a text, got a number", "expected each once, got '/a' again"]),
    ],
)
def test_each_item_of_a_list_that_is_wrong_is_told(key: str, items: list[Any], told: list[str]) -> None:
    assert failures(**{key: json.dumps(items)}) == [f"immich:{key}: {each}" for each in told]
    assert check_setting(f"immich:{key}", json.dumps(items)) == told


def test_all_that_is_wrong_with_all_phones_is_told() -> None:
    phones = [{"name": "A", "overlap": "yes"}, {"name": "ben", "overlaps": True}, 7]
    told = [line.partition(": ")[2] for line in failures(phones=json.dumps(phones))]
    starts = ("phone 'A': name: ", "phone 'A': overlap: ", "phone 'ben': 'overlaps': ", "7: expected an object such as")
    assert [line.startswith(start) for line, start in zip(told, starts, strict=True)] == [True] * 4


def test_what_does_not_fit_together_is_told_beside_what_is_wrong_by_itself_and_not_because_of_it() -> None:
    own = {"outpostUrl": "http://outpost:9000", "outpostCa": "/etc/caddy/ca.pem"}
    told = failures(**own, url="photos", loginApplication="immich")
    assert [line.split(": ")[0] for line in told] == ["immich:url", "immich:outpostCa", "immich:loginApplication"]
    (line,) = failures(**own | {"outpostUrl": "outpost"})
    assert line.startswith("immich:outpostUrl: expected http")


def test_one_setting_can_be_checked_by_itself() -> None:
    for key, value in STACK.items():
        assert check_setting(key, value) == []
    assert check_setting("immich:outpostUrl", "") == []
    assert check_setting("immich:outpost", "") == ["expected a text that is not blank"]
    assert check_setting("immich:timeoutPercent", "0") == ["expected a number from 1 to 1000"]
    (told,) = check_setting("immich:url", "")
    assert told == "is missing. Run: pulumi config set immich:url https://photos.example.org"


def test_no_phones_and_no_people_may_be_said() -> None:
    assert settings(phones="[]").phones == ()
    assert settings(peopleGroups="[]").people_groups == ()


@given(
    base=st.from_regex(r"[a-z0-9](?:[-a-z0-9]{0,78}[a-z0-9])?", fullmatch=True),
    names=st.lists(st.from_regex(r"[a-z0-9](?:[-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True), max_size=3, unique=True),
    generation=st.integers(1, 9999),
)
def test_an_accounts_name_fits_authentik_and_a_basic_header(base: str, names: list[str], generation: int) -> None:
    phones = json.dumps([{"name": name, "generation": generation} for name in names])
    read = settings(serviceAccount=base, phones=phones)
    usernames = [phone.username(read.service_account) for phone in read.phones]
    assert len(set(usernames)) == len(names)
    assert all(len(username) <= 150 and ":" not in username for username in usernames)


def test_the_public_address_is_in_lower_case_for_the_outpost_compares_it_with_what_browsers_send() -> None:
    assert settings(url="https://Photos.Example.org:8443").site.url == "https://photos.example.org:8443"


def test_a_public_name_with_other_letters_is_asked_for_as_dns_has_it() -> None:
    (line,) = failures(url="https://phötos.example.org")
    assert "xn--" in line
    assert settings(url="https://xn--phtos-jua.example.org").site.host == "xn--phtos-jua.example.org"


def test_an_invisible_character_is_named_by_its_number() -> None:
    (line,) = failures(phonesGroup="immich\u200b-users")
    assert line == "immich:phonesGroup: expected no invisible characters, got U+200B"
    (line,) = failures(peopleGroups='["fam\u202eily"]')
    assert line.startswith("immich:peopleGroups: 'fam\\u202eily': expected no invisible characters, got U+202E")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phonesGroup", "x" * 255),
        ("application", "x" * 50),
        ("peopleGroups", json.dumps(["Ä" * 255])),
        ("openPaths", json.dumps([f"/{each}" for each in range(100)])),
        ("trustedProxies", '["10.0.0.0/8", "fc00::/7", "private_ranges", "192.0.2.7"]'),
        ("probeAddress", "[::1]:1"),
        ("probeAddress", "caddy.lan:65535"),
        ("upstream", "http://[fd00::7]:2283"),
        ("upstream", "http://immich_server:2283"),
        ("outpostCa", "/etc/caddy/..ca.pem"),
    ],
)
def test_what_is_just_within_the_limits_is_taken(name: str, value: str) -> None:
    settings(**{name: value})


def told_of(key: str) -> str:
    """What is told of a key that the stack has beside its own; empty where nothing is."""
    try:
        read_settings(STACK.get, [*STACK, key])
    except SettingsError as error:
        return str(error).removeprefix("the stack's settings are not right:\n")
    return ""


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("immich:isolaton", "immich:isolation"),
        ("immich:basicNetwork", "immich:basicNetworks"),
        ("caddy:delivry", "caddy:delivery"),
        ("authentik:uri", "authentik:url"),
        ("imich:adopt", "immich:adopt"),
        ("Immich:adopt", "immich:adopt"),
        ("immcih:adobt", "immich:adopt"),
        ("cady:delivery", "caddy:delivery"),
        ("cadyd:privateKey", "caddy:privateKey"),
        ("authentic:url", "authentik:url"),
        ("autehntik:token", "authentik:token"),
    ],
)
def test_a_mistyped_name_or_namespace_is_refused_with_the_setting_that_is_meant(mistyped: str, meant: str) -> None:
    told = f"is not a setting of this program: did you mean {meant}? To take it out: pulumi config rm {mistyped}"
    assert told_of(mistyped) == f"{mistyped}: {told}"


@given(st.sampled_from(["immich", "caddy", "authentik"]), st.data())
def test_a_namespace_that_lacks_any_one_letter_is_refused(ours: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(ours) - 1))
    assert told_of(f"{ours[:at]}{ours[at + 1 :]}:url")


PROVIDERS = [
    "pulumi",
    "aws",
    "aws-native",
    "azure",
    "azure-native",
    "azuread",
    "gcp",
    "google-native",
    "kubernetes",
    "docker",
    "command",
    "random",
    "tls",
    "cloudflare",
    "github",
    "auth0",
    "okta",
    "keycloak",
    "vault",
    "hcloud",
    "grafana",
    "postgresql",
    "acme",
]


@given(st.sampled_from(PROVIDERS), st.sampled_from(["url", "token", "adopt", "delivery", "region"]))
def test_no_setting_of_another_provider_is_refused(provider: str, name: str) -> None:
    assert told_of(f"{provider}:{name}") == ""
