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
