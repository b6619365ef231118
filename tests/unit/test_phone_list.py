"""The list of phones: from the stack's outputs, and from what Authentik answers to a token that may only look."""

from collections.abc import Sequence

import pytest

from phone.listing import lines, table
from phone.logins import Account, look
from phone.outputs import Outputs

from .server import Answer, Server, page, reply

BASE = "immich-mobile-service"
OUTPUTS = Outputs(
    url="https://photos.example.org",
    header_name="Authorization",
    application="immich",
    generations={"phone": 1, "anna": 3},
    accounts={"phone": BASE, "anna": f"{BASE}-anna-g3"},
    former_accounts={"anna": f"{BASE}-anna-g2"},
    fingerprints={"phone": "00000001", "anna": "00000002"},
    headers={},
)


def test_a_phone_in_overlap_has_a_line_for_each_of_its_accounts() -> None:
    login = Account(enabled="yes", last_login="2026-11-24T20:15:30.123456+00:00")
    shown = table(lines(OUTPUTS, {f"{BASE}-anna-g2": login, BASE: Account("no", "none seen")}))
    assert shown.splitlines() == [
        "name   account                        generation  fingerprint  last login            enabled      overlap",
        "anna   immich-mobile-service-anna-g3  3           00000002     cannot tell           cannot tell  current",
        "anna   immich-mobile-service-anna-g2  2           -            2026-11-24 20:15 UTC  yes          former",
        "phone  immich-mobile-service          1           00000001     none seen             no           -",
    ]


def test_an_account_of_another_name_is_not_taken_for_the_phones() -> None:
    other = page({"username": "svc-g2", "is_active": True})
    assert _looked(other, page())[0] == {"svc": Account("gone", "none seen")}


def _looked(*answers: Answer, usernames: Sequence[str] = ("svc",)) -> tuple[dict[str, Account], list[str], list[str]]:
    with Server(*answers) as server:
        accounts, reasons = look(server.url, "the-token", usernames)
        return accounts, reasons, [f"{asked.method} {asked.path.removeprefix('/api/v3')}" for asked in server.asked]


def test_two_calls_that_only_read_tell_of_an_account() -> None:
    later = {"created": "2026-11-24T21:16:00+01:00", "action": "login_failed"}
    events = page(later, {"created": "2026-11-24T21:15:30.5+01:00", "action": "login"})
    accounts, reasons, asked = _looked(page({"username": "svc", "is_active": True}), events)
    assert accounts == {"svc": Account("yes", "2026-11-24T20:15:30.500000+00:00")}
    assert reasons == []
    assert asked == [
        "GET /core/users/?username=svc&page_size=100",
        "GET /events/events/?username=svc&actions=login&ordering=-created&page_size=20",
    ]


def test_no_account_and_no_login_are_told_apart_from_not_knowing() -> None:
    assert _looked(page(), page())[0] == {"svc": Account("gone", "none seen")}
    assert _looked(page({"username": "svc", "is_active": False}), page())[0] == {"svc": Account("no", "none seen")}


def test_a_missing_right_leaves_the_rest_and_is_named() -> None:
    forbidden = reply(403, {"detail": "You do not have permission."})
    seen, other = (page({"username": name, "is_active": True}) for name in ("svc", "svc-g2"))
    accounts, reasons, _ = _looked(seen, forbidden, other, forbidden, usernames=["svc", "svc-g2"])
    assert accounts == dict.fromkeys(["svc", "svc-g2"], Account("yes", "cannot tell"))
    assert ["authentik_events.view_event" in reason for reason in reasons] == [True, True]


@pytest.mark.parametrize(
    "answer",
    [reply(200, {"results": [{}]}), reply(200, {"results": 3}), reply(200, b"<html>"), reply(404, {}), reply(501)],
)
def test_after_an_answer_that_makes_no_sense_the_rest_is_not_asked(answer: Answer) -> None:
    accounts, (reason,), asked = _looked(
        page({"username": "svc", "is_active": True}), answer, usernames=["svc", "svc-g2"]
    )
    assert (accounts, len(asked)) == ({}, 2)
    assert "cannot find the last login of 'svc'" in reason
