"""What the doctor prints, and its exit status."""

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from doctor.report import STATUS, as_json, symptoms, table, verdict
from doctor.symptoms import SYMPTOMS
from doctor.visit import PhoneCheck
from providers.access.diagnose import Check, State
from providers.access.findings import Finding

OK = PhoneCheck("", Check("route", State.OK))
UNKNOWN = PhoneCheck("anna", Check("password", State.UNKNOWN, Finding.TOKEN_RIGHTS, "GET /x/ answered 403"))
NOT_OK = PhoneCheck("anna", Check("account", State.NOT_OK, Finding.ACCOUNT_INACTIVE, "[bold]anna[/bold]"))


@pytest.mark.parametrize(
    ("findings", "status"),
    [([OK], 0), ([OK, NOT_OK], 1), ([OK, UNKNOWN], 2), ([UNKNOWN, NOT_OK, OK], 1), ([], 0)],
)
def test_what_is_not_ok_outweighs_what_cannot_be_told(findings: list[PhoneCheck], status: int) -> None:
    assert STATUS[verdict(findings)] == status


def test_the_table_has_every_word_of_a_finding_and_takes_none_for_markup() -> None:
    out = io.StringIO()
    Console(file=out, width=200).print(table([OK, UNKNOWN, NOT_OK]))
    for word in (
        Finding.ACCOUNT_INACTIVE.text,
        Finding.ACCOUNT_INACTIVE.remedy,
        "[bold]anna[/bold]",
        "GET /x/ answered 403",
    ):
        assert word in out.getvalue()


def test_what_a_phone_may_show_all_the_same_has_its_meaning() -> None:
    out = io.StringIO()
    Console(file=out, width=400).print(symptoms())
    for shown, meaning in SYMPTOMS:
        (line,) = [each for each in out.getvalue().splitlines() if shown in each]
        assert meaning in line


@given(st.text(st.sampled_from("[]/\\\\:ax="), max_size=12))
@example(r"a\[/x]b")
@example("a\\\\")
@example(":warning:")
def test_no_name_is_markup(name: str) -> None:
    out = io.StringIO()
    Console(file=out, width=200).print(table([PhoneCheck(name, Check("groups", State.NOT_OK, detail=f"({name})"))]))
    row = out.getvalue().splitlines()[4]
    assert row.split("│")[1].strip() == (name or "all")
    assert f"({name})" in row


def test_json_has_a_row_for_each_check() -> None:
    told = as_json([OK, NOT_OK])
    assert told["state"] == "not ok"
    assert [(row["phone"], row["link"], row["state"], row["finding"]) for row in told["checks"]] == [
        (None, "route", "ok", None),
        ("anna", "account", "not ok", "ACCOUNT_INACTIVE"),
    ]
