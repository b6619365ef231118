"""A browser in the lab: it trusts the lab's own authority, and reaches the lab's names alone."""

from pathlib import Path

import pytest
from playwright.sync_api import Error

from lab.driver import Driver
from tests.browsers import Open, leads_here


@pytest.mark.real
def test_a_browser_meets_the_login_page_with_the_labs_certificate_trusted(driver: Driver, open_browser: Open) -> None:
    leads_here(driver)
    host, _, port = driver.lab.address.rpartition(":")
    name = driver.lab.immich_url.removeprefix("https://").partition(":")[0]
    trusted = Path(driver.lab.ca).with_name("intermediate.crt")
    page = open_browser(hosts={name: host}, trusted=trusted).new_page()
    page.goto(driver.lab.immich_url)
    assert page.url.startswith(driver.lab.authentik_url)
    strict = open_browser(hosts={name: host}).new_page()
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        strict.goto(driver.lab.immich_url)
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        strict.goto(f"https://other.lab.test:{port}")
