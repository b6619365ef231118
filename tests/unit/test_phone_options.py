"""The options of `python -m phone`, wherever they stand."""

import pytest

from phone.__main__ import _asked, list_phones, page, show


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", (list_phones, None, False)),
        ("--json --stack prod", (list_phones, "prod", True)),
        ("list --json --stack prod", (list_phones, "prod", True)),
        ("--stack prod list", (list_phones, "prod", False)),
        ("--stack prod show anna", (show, "prod", False)),
        ("page anna -o FILE --stack prod", (page, "prod", False)),
    ],
)
def test_the_stack_may_be_named_before_and_after_the_command(line: str, expected: tuple[object, ...]) -> None:
    asked = _asked(line.split())
    assert (asked.run, asked.stack, asked.json) == expected


@pytest.mark.parametrize("line", ["page anna", "page anna -o FILE --passphrase secret", "show", "show anna secret"])
def test_what_is_missing_or_unknown_is_wrong_usage(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        _asked(line.split())
    assert ended.value.code == 2
    assert "usage: python -m phone" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["-1", str(2**31), str(2**40), "9" * 5000, "3.0", "1_0", "٣", "correct horse"])
def test_what_is_no_file_descriptor_is_wrong_usage_and_not_said_again(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        _asked(["page", "anna", "-o", "FILE", "--passphrase-fd", given])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "argument --passphrase-fd: expected the number of an open file descriptor: 0 for stdin" in said
    assert given not in said.partition("error:")[2]


@pytest.mark.parametrize("given", [0, 3, 2**31 - 1])
def test_a_file_descriptor_is_taken_by_its_number(given: int) -> None:
    assert _asked(["page", "anna", "-o", "FILE", "--passphrase-fd", str(given)]).passphrase_fd == given
