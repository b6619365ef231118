"""How an error of a provider reaches the operator: as one message, without the stack of the provider's host."""

import functools
import sys
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from providers.masking import masked

P = ParamSpec("P")
R = TypeVar("R")


class ProviderError(Exception):
    """The message names object, call, reason and remedy, and holds no secret: the API token is masked in it."""

    def __init__(self, message: str) -> None:
        super().__init__(masked(message))


def brief(method: Callable[P, R]) -> Callable[P, R]:
    """Wrap a method that the provider's host calls, so that its errors are printed briefly."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except ProviderError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  # an exception's text could hold a value: only places are told
            places = "".join(traceback.format_tb(error.__traceback__, limit=-5))
            failure = ProviderError(
                f"a defect of this program ({type(error).__name__}); please report it with\n{places}"
            )
        # The host prints traceback.format_exc(), which obeys this limit.
        sys.tracebacklimit = 0
        raise failure from None

    return call
