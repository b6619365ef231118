"""Somebody at a browser passes both layers: forward auth's login page, and Immich's own login by Authentik."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from lab.driver import Driver
from lab.person import Person
from tests.browsers import Open, leads_here, shows_logins
from tests.logins import Login, login_up


@pytest.fixture(scope="module")
def login(driver: Driver) -> Iterator[Login]:
    leads_here(driver)
    shows_logins(driver)
    with login_up(driver) as login:
        yield login


@pytest.fixture
def page(login: Login, open_browser: Open) -> Page:
    """A page of a browser that reaches the lab, and Authentik by its name if it has one."""
    lab = login.driver.lab
    hosts = {urlsplit(lab.immich_url).hostname: lab.address.rpartition(":")[0]}
    if (authentik := urlsplit(lab.authentik_url).hostname or "") != "127.0.0.1":
        hosts[authentik] = socket.gethostbyname(authentik)
    return open_browser(hosts=hosts, trusted=Path(lab.ca).with_name("intermediate.crt")).new_page()


def log_in(page: Page, person: Person) -> None:
    """Fill in Authentik's login page, of one step or of two; a real one's fields are in shadow roots."""
    page.locator("input[autocomplete^=username]:visible, input[name=uidField]:visible").first.fill(person.username)
    password = page.locator("input[type=password]:visible").first
    if not password.is_visible():
        page.keyboard.press("Enter")
    password.fill(person.password)
    page.keyboard.press("Enter")


@pytest.mark.real
def test_a_browser_logs_in_through_both_layers(login: Login, page: Page) -> None:
    lab = login.driver.lab
    with login.person() as person:
        page.goto(f"{lab.immich_url}/auth/login")
        assert page.url.startswith(lab.authentik_url)  # the first layer shows nothing of Immich
        log_in(page, person)
        page.wait_for_url(f"{lab.immich_url}/auth/login")
        page.get_by_role("button", name="Log in with Authentik").click()
        page.wait_for_url(f"{lab.immich_url}/photos")
        expect(page.get_by_text(re.compile(f"Signed in as .*{re.escape(person.email)}"))).to_be_visible()
        page.reload()
        expect(page.get_by_text(person.email)).to_be_visible()


@pytest.mark.real
def test_a_browser_that_is_only_through_the_first_layer_is_nobody_at_immich(login: Login, page: Page) -> None:
    with login.person() as person:
        page.goto(f"{login.driver.lab.immich_url}/photos")
        log_in(page, person)
        page.wait_for_url(f"{login.driver.lab.immich_url}/auth/login")
        expect(page.get_by_role("button", name="Log in with Authentik")).to_be_visible()
