"""Hostile values are refused by the check of every kind, by the name of the field, before anything is asked."""

import re
from typing import Any

import pytest

from providers.caddy.config import CaddyConfigProvider
from providers.fields import Attributes, Boolean, Field, Integer, ListOf, Reference, Text, Timestamp

from .conftest import Authentik, Make
from .engine import Host, Props, Resource
from .samples import sample
from .test_lifecycle import FIELDS, KINDS

WRONG_TYPES: list[Any] = [7, True, [], {"a": 1}]
TEXTS = ["a\0b", "a\x1b[2Jb", "a\rb", "a\u2028b", "a\x85b", " a", "a ", "x" * 20_000]
URLS = [
    *("photos.example.org", "//photos.example.org", "javascript:alert(1)", "file:///etc/passwd", "https://"),
    *("https://u:p@photos.example.org", "https://photos.example.org?x=1", "https://photos.example.org#x"),
    *("https://photos.example.org:0", "https://photos.example.org:65536", "https://a b", "https://{env.HOME}"),
    *("https://a`b", "https://a{b}", "https://phötos.example.org", "https://a\\b", "https://*", "https://[::1"),
]
OF_RULE: dict[str, list[str]] = {
    "web_url": URLS,
    "slug": ["a/b", "../a", "a b", "ä", "a.b", "a%2fb", "a?b"],
    "no_colon": ["a:b"],
    "duration": ["1h", "hours", "hours=-1", "hours=1;", "years=1", "hours=1 ;days=1"],
    "regular_expressions": ["(", "[", "*", "^/ok$\n("],
}


def hostile(field: Field) -> list[Any]:
    """Values that are wrong for a field."""
    match field:
        case Timestamp():
            return [*WRONG_TYPES, "tomorrow", "2031-01-01", "2031-01-01T00:00:00", "2031-13-01T00:00:00Z", "0"]
        case Reference(numeric=True):
            return [*WRONG_TYPES[1:], 0, -1, 1.5, 2**40, "", " ", "a\nb"]
        case Text():
            rule = OF_RULE.get(field.rule.__name__, []) if field.rule else []
            chosen = ["other", "ANY"] if field.choices else []
            lines = [] if field.lines else ["a\nb"]
            blank = [] if field.blank else ["", " "]
            return [*WRONG_TYPES, *TEXTS, *rule, *chosen, *lines, *blank]
        case Integer():
            return ["x", "1.5", "٣", "", 1.5, True, [], {}, 2**40, -(2**40), field.minimum - 1, field.maximum + 1]
        case Boolean():
            return ["true", "false", "yes", "", 0, 1, [], {}]
        case Attributes():
            return ["x", 7, True, []]
        case ListOf():
            twice = (
                [[1, 1]] if isinstance(field.item, Integer) else [["a", "a"]] if isinstance(field.item, Text) else []
            )
            return ["x", 7, True, {"a": 1}, *twice, *([each] for each in hostile(field.item))]
    return WRONG_TYPES


ROWS = [
    pytest.param(name, field, value, id=f"{key}-{value!r:.40}")
    for key, (name, field) in FIELDS.items()
    for value in hostile(KINDS[name].fields[field])
]


def is_one_line_about(field: str, reason: str) -> bool:
    """Whether a reason names its field, is short, and carries no character that could do something to a terminal."""
    return (
        reason.startswith(f"{field}: ") and len(reason) < 400 and not re.search(r"[\x00-\x1f\x7f-\x9f\u2028]", reason)
    )


def test_the_table_is_no_small_one() -> None:
    assert len(ROWS) > 60


@pytest.mark.parametrize(("kind", "field", "value"), ROWS)
def test_a_hostile_value_is_refused_by_the_name_of_its_field_and_never_sent(
    kind: str, field: str, value: Any, authentik: Authentik, resource: Make, declared: dict[str, Props]
) -> None:
    since = authentik.mark()
    _, failures = resource(kind).check(declared[kind] | {field: value})
    assert list(failures) == [field]
    assert is_one_line_about(field, failures[field])
    assert authentik.asked(since) == []


@pytest.fixture(scope="module")
def declared(authentik: Authentik) -> dict[str, Props]:
    """A good declaration of every kind, for what is wrong to be put into."""
    return {kind: sample(authentik, kind).declared for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["nmae", "__proto__", "a b", "pk"])
def test_an_argument_that_a_kind_does_not_have_is_refused(
    kind: str, name: str, resource: Make, declared: dict[str, Props]
) -> None:
    _, failures = resource(kind).check(declared[kind] | {name: "x"})
    assert list(failures) == [name]


GOOD = {
    "admin": "http://127.0.0.1:1",
    "route_id": "immich-test",
    "host": "photos.example.org",
    "port": 443,
    "caddyfile": "photos.example.org {\n\trespond ok\n}\n",
    "upstream": "http://localhost:2283",
    "other_doors": ["photos.lan:8080", "*:8000-8010"],
}
SITE: dict[str, list[Any]] = {
    "admin": [
        *WRONG_TYPES,
        *TEXTS,
        *URLS,
        "unix//run/../caddy.sock",
        "http://localhost:2019/config/",
        "",
        "localhost:2019",
    ],
    "route_id": [*WRONG_TYPES, *TEXTS[:-1], "a/b", "../a", "a?b", "a#b", "ä", "", "x" * 201, "a\n"],
    "host": [
        *WRONG_TYPES,
        *TEXTS,
        *("", "a b", "a,b", "*.example.org", "Photos.example.org", "a:443", "https://a", "a{b}", "{$HOME}", "a`b"),
        *('a"b', "a\nb", "phötos.org", "[::1]", "-a", "a.", "a..b", "a" * 64, "#a", "(a)", "a\n"),
    ],
    "port": ["", 0, -1, 65536, 1.5, True, [], {}],
    "caddyfile": [*WRONG_TYPES, "", " \n\t", "a\0b", "a\x1bb", "a\rb", "a\u2028b", "x" * 100_001],
    "upstream": [*WRONG_TYPES, *TEXTS, *URLS, "", "unix//run/immich.sock", "http://localhost:2283/", "localhost:2283"],
    "other_doors": [
        "",
        "a:1",
        {},
        1,
        True,
        [1],
        [None],
        [[]],
        [""],
        ["a"],
        ["a:"],
        ["A:1"],
        ["a:b"],
        ["a:1\n"],
        ["a b:1"],
    ],
    "more": ["x"],
}


@pytest.fixture(scope="module")
def site(host_with_nothing: Host) -> Resource:
    return Resource(host_with_nothing, CaddyConfigProvider)


@pytest.fixture(scope="module")
def host_with_nothing() -> Any:
    with Host({}, {}) as host:
        yield host


@pytest.mark.parametrize(
    ("field", "value"), [pytest.param(name, each, id=f"{name}-{each!r:.40}") for name in SITE for each in SITE[name]]
)
def test_a_hostile_site_is_refused_by_the_name_of_what_is_wrong(site: Resource, field: str, value: Any) -> None:
    assert site.check(GOOD)[1] == {}
    _, failures = site.check(GOOD | {field: value})
    assert list(failures) == [field]
    assert is_one_line_about(field, failures[field])
