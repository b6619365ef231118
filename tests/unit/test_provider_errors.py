"""How an error of a provider reaches the operator: a defect by its place, and never by the value that it met."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest

from providers.errors import ProviderError, brief

SECRET = "s3cret-of-a-phone"


def _no_such_key(value: str) -> Any:
    known: dict[str, str] = {}
    return known[value]


def _no_number(value: str) -> Any:
    return int(value)


def _raised_from_another(value: str) -> Any:
    try:
        return _no_such_key(value)
    except KeyError as error:
        raise RuntimeError(value) from error


@pytest.mark.parametrize(
    ("defect", "name"),
    [(_no_such_key, "KeyError"), (_no_number, "ValueError"), (_raised_from_another, "RuntimeError")],
)
def test_an_unexpected_exception_is_told_by_its_class_and_place_and_not_by_its_text(
    defect: Callable[[str], Any], name: str
) -> None:
    with pytest.raises(ProviderError) as caught:
        brief(defect)(SECRET)
    said = "".join(traceback.format_exception(caught.value))  # what the host prints
    assert f"a defect of this program ({name}); please report it with" in said
    assert f"in {defect.__name__}" in said
    assert SECRET not in said


def test_an_error_that_was_meant_for_the_operator_is_told_as_it_is() -> None:
    def fails() -> None:
        raise ProviderError("cannot do it")

    with pytest.raises(ProviderError, match=r"^cannot do it$"):
        brief(fails)()
