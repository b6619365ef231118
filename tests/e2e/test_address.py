"""Where the API token goes: a preview shows authentik:url, and no run sends the token to a former address."""

import re
from collections.abc import Iterator

import pytest

from lab.driver import Driver
from lab.stack import StackError
from tests.proxy import Proxy


@pytest.fixture
def elsewhere(driver: Driver) -> Iterator[Proxy]:
    """Another address of the same Authentik, which sees what is sent to it; the settings are given back."""
    before = driver.stack.settings()["authentik:url"]
    with Proxy(before) as proxy:
        yield proxy
        driver.stack.set({"authentik:url": before})
        driver.stack.up()


FROM_THE_STATE = (("up", "--refresh"), ("refresh",), ("preview", "--refresh"), ("destroy",))
"""What asks before the program has run, with the providers as the last `up` had them."""


def refused(driver: Driver, command: tuple[str, ...]) -> str:
    with pytest.raises(StackError) as caught:
        getattr(driver.stack, command[0])(*command[1:])
    return " ".join(str(caught.value).split())


def test_an_address_that_no_preview_has_shown_gets_no_token_and_a_preview_shows_it(
    driver: Driver, elsewhere: Proxy
) -> None:
    before = driver.stack.settings()["authentik:url"]
    assert driver.stack.outputs()["authentikUrl"] == before
    driver.stack.set({"authentik:url": elsewhere.url})
    for command in FROM_THE_STATE:
        assert f"the last `pulumi up` was at {before}, and authentik:url is {elsewhere.url}" in refused(driver, command)
    shown = " ".join(driver.stack.preview().output.split())
    assert re.search(rf'~ authentikUrl ?: "{re.escape(before)}" => "{re.escape(elsewhere.url)}"', shown)
    assert elsewhere.calls == []


def test_set_back_the_address_gets_no_token_from_then_on(driver: Driver, elsewhere: Proxy) -> None:
    before = driver.stack.settings()["authentik:url"]
    driver.stack.set({"authentik:url": elsewhere.url})
    driver.stack.configure(applicationName="Photos")
    driver.stack.up()
    assert elsewhere.calls
    elsewhere.clear()
    driver.stack.set({"authentik:url": before})
    driver.stack.configure(applicationName=None)
    for command in FROM_THE_STATE:
        assert f"the last `pulumi up` was at {elsewhere.url}, and authentik:url is {before}" in refused(driver, command)
    driver.stack.up()
    driver.stack.up("--refresh")
    assert elsewhere.calls == []
