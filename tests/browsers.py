"""The system's Chromium under Playwright. What it opens reaches no network but the hosts that a test maps."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page, sync_playwright

from lab.driver import Driver
from lab.person import LOGIN_FLOW
from lab.system import CHROMIUM
from tests.programs import needed

ARGUMENTS = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Open = Callable[..., Browser]
"""`open_browser(hosts={"immich.lab.test": "127.0.0.1"}, trusted=path of a certificate)`; see the fixture."""


@pytest.fixture(scope="module")
def open_browser() -> Iterator[Open]:
    """Starts browsers, ended with the module: Playwright's event loop must not outlive it, for others need theirs.

    hosts: name, or pattern such as *.lab.test, to the address (and :port) that it stands for. trusted: the PEM of a
    certificate in the server's chain, such as the lab's intermediate CA; nothing else untrusted is accepted.
    """
    program = needed(CHROMIUM)
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())

        def started(*, hosts: Mapping[str, str] | None = None, trusted: Path | None = None) -> Browser:
            arguments = [*ARGUMENTS, *_mapping(hosts or {}), *_trust(trusted)]
            browser = playwright.chromium.launch(executable_path=program, args=arguments)
            stack.callback(browser.close)
            return browser

        yield started


@pytest.fixture(scope="module")
def browser(open_browser: Open) -> Browser:
    """A browser that resolves no name."""
    return open_browser()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page, with nothing in its storage."""
    with browser.new_context() as context:
        yield context.new_page()


def leads_here(driver: Driver) -> None:
    """Skip where a real outpost sends logins to another address than the one that the lab knows Authentik by."""
    host = driver.admin.login_host if driver.lab.real else driver.lab.authentik_url
    if host != driver.lab.authentik_url:
        pytest.skip(f"the embedded outpost sends logins to {host}, which is not LAB_AUTHENTIK_URL")


def shows_logins(driver: Driver) -> None:
    """Skip where Authentik has no web interface to log in at, as one that runs from its source."""
    if not driver.lab.real:
        return
    authentik = driver.lab.authentik_url
    page = requests.get(f"{authentik}/if/flow/{LOGIN_FLOW}/", timeout=30).text
    scripts = re.findall(r'<script src="(/[^"]+)"', page)
    if not all(requests.get(authentik + script, timeout=30).ok for script in scripts):
        pytest.skip("this Authentik's login page lacks its scripts")


def _mapping(hosts: Mapping[str, str]) -> list[str]:
    rules = [f"MAP {name} {address}" for name, address in hosts.items()]
    return [
        f"--host-resolver-rules={', '.join([*rules, 'MAP * ~NOTFOUND', *(f'EXCLUDE {each}' for each in _kept(hosts))])}"
    ]


def _kept(hosts: Mapping[str, str]) -> list[str]:
    """Addresses are looked up too, and must stand for themselves."""
    return sorted({address.rpartition(":")[0] or address for address in hosts.values()} | {"127.0.0.1"})


def _trust(trusted: Path | None) -> list[str]:
    """Accept chains in which this certificate's public key stands, as its SHA-256."""
    if trusted is None:
        return []
    key = x509.load_pem_x509_certificate(trusted.read_bytes()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return [f"--ignore-certificate-errors-spki-list={base64.b64encode(digest).decode()}"]
