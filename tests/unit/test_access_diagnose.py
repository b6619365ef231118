"""Finding out from what was seen: the likeliest cause, and what cannot be told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.basic_header import basic_header
from providers.access.diagnose import State, examine, examine_phone, likeliest, worst
from providers.access.facts import (
    Account,
    Answer,
    Facts,
    Hidden,
    NoAnswer,
    Outpost,
    Password,
    PeopleAccess,
    Phone,
    PhonesGroup,
    ProbeResult,
    Provider,
)
from providers.access.findings import Finding
from providers.access.header import take_apart
from providers.caddy.doors import Doors

DOWN = Hidden("no answer", Finding.AUTHENTIK_UNREACHABLE)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LOGIN = Answer(302, location="https://auth.example.org/application/o/authorize/", verdict="login")
REFUSED, PONG = Answer(403, verdict="refused"), Answer(200, immich=True)
MISSING, NOT_ASKED, FAILED = (
    Answer(403, verdict="header-missing"),
    Answer(502, verdict="not-asked"),
    Answer(502, verdict="failed"),
)
UNLOADED = Answer(404, verdict="not-asked")
WAY = Facts(
    url="https://photos.example.org",
    without=LOGIN,
    wrong=REFUSED,
    app=MISSING,
    plain=NoAnswer("connection", "photos.example.org:80 refuses connections"),
    route=True,
    outpost=Outpost(attached=True, heard=NOW - timedelta(seconds=9)),
    provider=Provider("https://photos.example.org"),
    application=True,
    bound=True,
    now=NOW,
)
HEADER = basic_header("immich-mobile-service", "s3cret-s3cret")
PHONE = Phone(take_apart(HEADER), PONG, Account(active=True, in_group=True), Password(None), declared=HEADER)


def facts(**seen: Any) -> Facts:
    return replace(WAY, **seen)


def phone(**seen: Any) -> Phone:
    return replace(PHONE, **{"asked": REFUSED, **seen})


def test_a_way_and_a_phone_that_are_well_are_ok_in_every_link() -> None:
    assert {each.state for each in [*examine(WAY), *examine_phone(WAY, PHONE)]} == {State.OK}


@pytest.mark.parametrize(
    ("seen_way", "seen_phone", "finding"),
    [
        (WAY, phone(asked=FAILED), Finding.IMMICH_DOWN),
        (WAY, phone(asked=NOT_ASKED), Finding.CORE_DOWN),
        (facts(wrong=NOT_ASKED), phone(asked=NOT_ASKED), Finding.CORE_DOWN),
        (facts(former=True), phone(), Finding.OUTPOST_NOT_LOADED),
        (facts(without=replace(NOT_ASKED, status=503), wrong=NOT_ASKED), phone(asked=NOT_ASKED), Finding.CORE_DOWN),
        # A standalone outpost does not tell; then Authentik's API does.
        (WAY, phone(account=DOWN, password=DOWN), Finding.CORE_DOWN),
        (facts(restricted=True), phone(account=DOWN, password=DOWN), Finding.CORE_DOWN),
        (facts(without=FAILED, wrong=FAILED), phone(asked=FAILED), Finding.OUTPOST_UNREACHABLE),
        (facts(without=UNLOADED, wrong=NOT_ASKED), phone(asked=NOT_ASKED), Finding.OUTPOST_NOT_LOADED),
        (facts(without=UNLOADED, wrong=NOT_ASKED, outpost=Outpost(attached=False, heard=NOW)),
         phone(asked=NOT_ASKED), Finding.OUTPOST_WITHOUT_PROVIDER),
        (facts(without=UNLOADED, wrong=NOT_ASKED, outpost=Hidden("no right")), phone(asked=NOT_ASKED),
         Finding.OUTPOST_WITHOUT_PROVIDER),
        (facts(without=UNLOADED, wrong=NOT_ASKED, provider=Provider("https://other.example.org")),
         phone(asked=NOT_ASKED), Finding.PROVIDER_HOST),
        (facts(route=False, without=Answer(200), wrong=Answer(200)), phone(asked=Answer(200)), Finding.ROUTE_MISSING),
        # Something in front of Caddy: a parked page, a tunnel's login, a firewall.
        (facts(without=Answer(200), wrong=Answer(200), app=Answer(200)), phone(asked=Answer(200)),
         Finding.OTHER_ANSWERS),
        (facts(without=Answer(302, location="https://team.cloudflareaccess.com/"), wrong=Answer(302), app=Answer(302)),
         phone(asked=Answer(302)), Finding.OTHER_ANSWERS),
        (facts(wrong=Answer(403)), phone(asked=Answer(403)), Finding.OTHER_ANSWERS),
        (facts(without=Answer(522), wrong=Answer(522), app=Answer(522)), phone(asked=Answer(522)),
         Finding.OTHER_ANSWERS),
        (WAY, phone(asked=Answer(403)), Finding.OTHER_ANSWERS),
        (WAY, phone(asked=Answer(503)), Finding.OTHER_ANSWERS),
        (facts(wrong=LOGIN), phone(asked=LOGIN), Finding.HEADER_LOST),
        (facts(wrong=replace(LOGIN, verdict="")), phone(asked=replace(LOGIN, verdict="")), Finding.OTHER_ANSWERS),
        (WAY, phone(asked=MISSING), Finding.HEADER_LOST),
        (facts(route=False, without=NoAnswer("certificate", "internal error")),
         phone(asked=NoAnswer("certificate", "internal error")), Finding.ROUTE_MISSING),
        (facts(without=NoAnswer("certificate", "self-signed")), phone(asked=NoAnswer("certificate", "self-signed")),
         Finding.TLS),
        (facts(without=NoAnswer("name", "x")), phone(asked=NoAnswer("name", "x")), Finding.DNS),
        (facts(without=NoAnswer("connection", "x")), phone(asked=NoAnswer("connection", "x")), Finding.UNREACHABLE),
        (WAY, phone(asked=Answer(200)), Finding.NOT_IMMICH),
        (WAY, phone(asked=Answer(404)), Finding.NOT_IMMICH),
        (WAY, phone(asked=LOGIN), Finding.HEADER_LOST),
        (facts(bound=False), phone(), Finding.BINDING_MISSING),
        (facts(restricted=True), phone(), Finding.NETWORK),
        (WAY, phone(account=None, password=None), Finding.ACCOUNT_MISSING),
        (facts(people=PeopleAccess(mode="all")), phone(), Finding.ENGINE_MODE),
        (facts(people=PeopleAccess(("family",))), phone(), Finding.PASSWORD_WRONG),  # that keeps nobody's phone out
        (WAY, phone(account=Account(active=False, in_group=True)), Finding.ACCOUNT_INACTIVE),
        # Before 2025.8.6 and 2025.10.2 that alone keeps no account out, so what else is wrong comes first.
        (WAY, phone(account=Account(active=False, in_group=False)), Finding.ACCOUNT_NOT_IN_GROUP),
        (facts(bound=False), phone(account=Account(active=False, in_group=True)), Finding.BINDING_MISSING),
        (WAY, phone(account=Account(active=True, in_group=False)), Finding.ACCOUNT_NOT_IN_GROUP),
        (WAY, phone(password=None), Finding.PASSWORD_MISSING),
        (WAY, phone(password=Password(NOW)), Finding.PASSWORD_EXPIRED),
        # The server gives an expired one a new key and a new end.
        (WAY, phone(password=Password(NOW + timedelta(days=30))), Finding.PASSWORD_EXPIRED),
        (WAY, phone(password=Password(NOW + timedelta(days=3))), Finding.PASSWORD_EXPIRED),
        (WAY, phone(), Finding.PASSWORD_WRONG),
        (WAY, phone(account=Account(active=True, in_group=True, extra=("admins",))), Finding.PASSWORD_WRONG),
        (WAY, phone(password=Hidden("no right")), Finding.UNEXPLAINED),
        (WAY, phone(header=take_apart(HEADER + "\n"), password=None), Finding.HEADER_LINE_BREAK),
        (WAY, phone(declared=""), Finding.HEADER_ACCOUNT),
        (WAY, phone(declared=basic_header("immich-mobile-service", "newer")), Finding.HEADER_OLD),
    ],
)  # fmt: skip
def test_the_likeliest_cause(seen_way: Facts, seen_phone: Phone, finding: Finding) -> None:
    assert likeliest(seen_way, seen_phone) is finding
    last = examine_phone(seen_way, seen_phone)[-1]
    assert (last.link, last.state, last.finding) == ("Immich", State.NOT_OK, finding)


@pytest.mark.parametrize(
    ("seen", "finding"),
    [
        ({"without": PONG}, Finding.OPEN),
        ({"wrong": PONG}, Finding.OPEN_TO_ANY_HEADER),
        ({"wrong": LOGIN}, Finding.HEADER_LOST),
        ({"wrong": replace(LOGIN, verdict="")}, Finding.OTHER_ANSWERS),
        ({"app": LOGIN}, Finding.OTHER_ANSWERS),
        ({"app": PONG}, Finding.OPEN),
        ({"without": Answer(200)}, Finding.OTHER_ANSWERS),
        ({"plain": PONG}, Finding.OPEN_PLAINLY),
        ({"rivals": ("zz-photos",)}, Finding.OTHER_PROVIDER),
        ({"doors": Doors(("photos.lan:8080",))}, Finding.OTHER_DOORS),
        ({"without": replace(LOGIN, location="http://localhost/application/o/authorize/")}, Finding.OUTPOST_HOST),
        ({"outpost": Outpost(attached=True, heard=None)}, Finding.OUTPOST_SILENT),
        ({"phones_group": PhonesGroup(others=("user 'somebody'",))}, Finding.MEMBERS_OF_OTHERS),
        ({"phones_group": PhonesGroup(rights=("is_superuser",))}, Finding.GROUP_RIGHTS),
        ({"provider": Provider("https://photos.example.org", ("skip_path_regex",))}, Finding.PROVIDER_OPENED),
        ({"outpost": Outpost(attached=True, heard=NOW - timedelta(minutes=6))}, Finding.OUTPOST_SILENT),
    ],
)
def test_what_lets_others_in_or_will_keep_people_out_is_found_where_phones_get_through(
    seen: dict[str, Any], finding: Finding
) -> None:
    assert [each.finding for each in examine(facts(**seen)) if each.state is State.NOT_OK] == [finding]


def test_a_redirect_that_leads_to_no_url_is_judged_all_the_same() -> None:
    assert worst(examine(facts(without=replace(LOGIN, location="https://[auth/login")))) is State.OK


@pytest.mark.parametrize(
    ("plain", "state"),
    [
        *((Answer(status), State.OK) for status in (301, 308, 400, 403, 404, 502)),
        (NoAnswer("connection", "x"), State.OK),
        (Answer(200), State.UNKNOWN),
    ],
)
def test_over_http_a_redirect_a_refusal_and_silence_are_well(plain: ProbeResult, state: State) -> None:
    (check,) = [each for each in examine(facts(plain=plain)) if each.link == "http://"]
    assert check.state is state


def test_a_further_password_is_found_where_the_phone_gets_through() -> None:
    checks = examine_phone(WAY, phone(asked=PONG, password=Password(None, others=("a", "b"))))
    assert [(each.finding, each.detail) for each in checks if each.state is State.NOT_OK] == [
        (Finding.PASSWORDS_OF_OTHERS, "a, b")
    ]


@pytest.mark.parametrize("failed", [FAILED, NOT_ASKED])
def test_an_answer_that_failed_does_not_prove_that_nobody_gets_in(failed: Answer) -> None:
    checks = {each.link: each for each in examine(facts(without=failed, wrong=NoAnswer("connection", "x")))}
    assert checks["no header"].state is checks["wrong header"].state is State.UNKNOWN


def test_a_route_that_cannot_be_seen_is_there_where_the_outpost_answers_through_it() -> None:
    hidden = Hidden("no admin API", Finding.CADDY_UNREACHABLE)
    assert worst(examine(facts(route=hidden))) is State.OK
    (route,) = [each for each in examine(facts(route=hidden, without=Answer(200))) if each.link == "route"]
    assert route.state is State.UNKNOWN


def test_a_phone_that_is_switched_off_is_well_where_it_is_refused() -> None:
    assert worst(examine_phone(WAY, phone(off=True, account=Account(active=False, in_group=True)))) is State.OK
    assert examine_phone(WAY, phone(off=True, asked=PONG))[-1].finding is Finding.STILL_IN


LOCATIONS = st.sampled_from(["", "http://localhost/", "https://[auth/"])
PROBES: st.SearchStrategy[ProbeResult] = st.builds(
    Answer,
    st.sampled_from([200, 301, 302, 401, 403, 404, 500, 502, 503, 504]),
    location=LOCATIONS,
    verdict=st.sampled_from(["", "refused", "header-missing", "login", "not-asked", "failed"]),
) | st.builds(NoAnswer, st.sampled_from(["header", "name", "connection", "certificate"]), st.just("x"))  # fmt: skip
HIDDEN = st.just(Hidden("no right"))
MOMENTS = st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
WAYS = st.builds(
    Facts,
    url=st.just(WAY.url),
    without=PROBES,
    wrong=PROBES,
    app=PROBES,
    plain=PROBES,
    route=st.booleans() | HIDDEN,
    outpost=st.builds(Outpost, st.booleans(), MOMENTS | HIDDEN) | st.none() | HIDDEN,
    provider=st.builds(Provider, st.sampled_from([WAY.url, "https://x"])) | st.none() | HIDDEN,
    application=st.booleans() | HIDDEN,
    bound=st.booleans() | HIDDEN,
    now=st.just(NOW),
    restricted=st.booleans(),
)
PHONES = st.builds(
    Phone,
    header=st.sampled_from([take_apart(HEADER), take_apart(HEADER + " ")]),
    asked=PROBES,
    account=st.builds(Account, st.booleans(), st.booleans(), st.just(())) | st.none() | HIDDEN,
    password=st.builds(Password, MOMENTS) | st.none() | HIDDEN,
    declared=st.none() | st.sampled_from(["", HEADER]),
)


@given(WAYS, PHONES)
def test_whatever_was_seen_a_phone_that_did_not_get_through_has_a_cause_that_explains_it(
    seen_way: Facts, seen_phone: Phone
) -> None:
    checks = [*examine(seen_way), *examine_phone(seen_way, seen_phone)]
    finding = likeliest(seen_way, seen_phone)
    assert finding.blocks
    assert worst(checks) is State.NOT_OK
    assert all((each.finding is not None) == (each.state is State.NOT_OK) for each in checks)
    assert HEADER.split()[1] not in repr(checks)


@given(WAYS, PHONES)
def test_what_the_outpost_let_through_and_caddy_failed_on_is_immichs_fault_alone(
    seen_way: Facts, seen_phone: Phone
) -> None:
    answered = replace(seen_way, without=LOGIN)
    assert likeliest(answered, replace(seen_phone, asked=FAILED)) is Finding.IMMICH_DOWN
