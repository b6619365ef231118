"""The sealed page in a real browser, opened from a file as whoever it is handed to opens it."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from lab.qr_reader import read_image
from phone.page import Handed, sealed_page

HANDED = Handed("anna", "https://photos.example.org", "Authorization", "Basic " + "YW5uYTpz" * 18, "12ab34cd")
PASSPHRASE = "Grüße aus dem Süden 7"
SEALED = sealed_page(HANDED, PASSPHRASE)
WRONG = "That is not the passphrase. Try again."
DAMAGED = "This page was damaged on its way. Ask for it again."
SECRETS = (HANDED.value, HANDED.server, HANDED.fingerprint)

Opened = Callable[[str], Page]


@pytest.fixture
def at(page: Page, tmp_path: Path) -> Iterator[Opened]:
    """Opens a file with this text. Whatever it asks of a network or its policy refuses fails the test."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    path = tmp_path / "page.html"

    def opened(text: str) -> Page:
        path.write_text(text, encoding="utf-8")
        page.goto(path.as_uri())
        return page

    yield opened
    assert set(seen) <= {path.as_uri()}


def unlock(page: Page, passphrase: str = PASSPHRASE) -> None:
    page.get_by_label("Passphrase", exact=True).fill(passphrase)
    page.get_by_role("button", name="Open").click()


def test_the_passphrase_opens_everything_once(at: Opened) -> None:
    page = at(SEALED)
    for secret in SECRETS:
        assert secret not in page.content()
    unlock(page)
    expect(page.get_by_role("heading", name="The header of anna")).to_be_focused()
    text = page.locator("body").inner_text()
    for shown in (*SECRETS, HANDED.header, "Settings", "Advanced", "Custom proxy headers"):
        assert text.count(shown) == 1, shown
    expect(page.get_by_label("Passphrase", exact=True)).to_be_hidden()


def test_a_wrong_passphrase_says_so_and_may_be_tried_again(at: Opened) -> None:
    page = at(SEALED)
    unlock(page, "not that one at all")
    expect(page.get_by_role("alert")).to_have_text(WRONG)
    field = page.get_by_label("Passphrase", exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert HANDED.value not in page.content()
    unlock(page)
    expect(page.locator("#value")).to_have_text(HANDED.value)


def test_a_letter_may_be_composed_otherwise_on_a_phone(at: Opened) -> None:
    page = at(SEALED)
    unlock(page, PASSPHRASE.replace("ü", "u\u0308"))
    expect(page.locator("#value")).to_have_text(HANDED.value)


def test_the_code_on_the_screen_reads_as_the_header(at: Opened) -> None:
    page = at(SEALED)
    page.set_viewport_size({"width": 360, "height": 740})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.reload()
        unlock(page)
        code = page.get_by_role("img", name="QR code of the header's value")
        expect(code).to_be_visible()
        page.get_by_role("button", name="Copy the header's value").click()  # what it says covers nothing
        assert read_image(Image.open(io.BytesIO(code.screenshot()))) == [HANDED.value]


@pytest.mark.parametrize(("name", "held"), [("value", HANDED.value), ("server", HANDED.server)])
def test_a_button_copies_what_stands_beside_it(at: Opened, name: str, held: str) -> None:
    page = at(SEALED)
    unlock(page)
    button = page.locator(f"[data-copy={name}]")
    button.click()
    expect(button).to_contain_text("Copied")
    expect(page.get_by_role("status")).to_have_text(re.compile("^Copied the "))
    page.context.grant_permissions(["clipboard-read"])
    assert page.evaluate("navigator.clipboard.readText()") == held


def test_where_copying_is_not_allowed_the_text_is_selected(at: Opened) -> None:
    page = at(SEALED)
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.reload()
    unlock(page)
    page.locator("[data-copy=value]").click()
    expect(page.get_by_role("status")).to_have_text(re.compile("^Copy it yourself: selected"))
    assert page.evaluate("getSelection().toString()").strip() == HANDED.value


def test_nothing_is_stored_and_hiding_takes_everything_away(at: Opened) -> None:
    page = at(SEALED)
    unlock(page)
    expect(page.locator("#value")).to_have_text(HANDED.value)
    assert page.evaluate("[localStorage.length, sessionStorage.length, history.length]") == [0, 0, 2]
    assert page.context.storage_state() == {"cookies": [], "origins": []}
    page.get_by_role("button", name="Hide it again").click()
    expect(page.get_by_label("Passphrase", exact=True)).to_be_focused()
    expect(page.get_by_label("Passphrase", exact=True)).to_have_value("")
    for secret in (*SECRETS, "M4 4h7"):  # the code's first finder
        assert secret not in page.content()


def test_leaving_the_page_hides_it_where_the_browser_keeps_it(at: Opened) -> None:
    page = at(SEALED)
    unlock(page)
    expect(page.locator("#value")).to_have_text(HANDED.value)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    expect(page.get_by_label("Passphrase", exact=True)).to_be_visible()
    assert HANDED.value not in page.content()


_LINE = re.compile(r'(<script id="sealed" type="text/plain">)(.*)(</script>)')
_HELD = _LINE.search(SEALED)
assert _HELD is not None
_PLACES = {
    "iterations": "600000",
    "format": "page/1",
    "cipher": "AES-256-GCM",
    "salt": _HELD[2].split(".")[4][:8],
    "ciphertext": _HELD[2].split(".")[6][40:48],
    "checksum": _HELD[2].split(".")[7][:8],
}


@pytest.mark.parametrize("place", _PLACES)
def test_a_page_with_an_altered_line_is_refused_before_any_passphrase(at: Opened, place: str) -> None:
    altered = _PLACES[place][:-1] + ("1" if _PLACES[place][-1] != "1" else "2")
    page = at(_LINE.sub(lambda found: found[1] + found[2].replace(_PLACES[place], altered) + found[3], SEALED))
    expect(page.get_by_role("alert").filter(visible=True)).to_have_text(DAMAGED)
    expect(page.get_by_label("Passphrase", exact=True)).to_be_hidden()


@pytest.mark.parametrize("share", [0.2, 0.45, 0.7, 0.85, 0.99])
def test_a_page_that_is_cut_off_is_refused(page: Page, tmp_path: Path, share: float) -> None:
    """In its style or script nothing runs at all, and what stands there from the start says what to do."""
    (tmp_path / "page.html").write_text(SEALED[: int(len(SEALED) * share)])
    page.goto((tmp_path / "page.html").as_uri())
    shown = page.locator("body").inner_text().strip()
    assert shown == "" or DAMAGED in shown or "its script did not run" in shown
    expect(page.get_by_label("Passphrase", exact=True)).to_be_hidden()


def test_an_altered_script_does_not_run(page: Page, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(SEALED.replace('"use strict";', '"use strict"; '))
    page.goto((tmp_path / "page.html").as_uri())
    expect(page.get_by_text("its script did not run")).to_be_visible()
    expect(page.get_by_label("Passphrase", exact=True)).to_be_hidden()


def test_where_the_browser_withholds_its_cryptography_the_page_says_why(browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.route("http://plain.example.org/", lambda route: route.fulfill(body=SEALED, content_type="text/html"))
        page.goto("http://plain.example.org/")
        assert page.evaluate("[isSecureContext, typeof crypto.subtle]") == [False, "undefined"]
        expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("only from a file or over https")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1024])
def test_it_is_accessible_and_fits(at: Opened, scheme: str, width: int) -> None:
    """By axe-core's rules, contrast among them; WCAG's reflow at 320 pixels."""
    page = at(SEALED)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 700})

    def check(state: str) -> None:
        found = Axe().run(page)
        assert not found.response["violations"], f"{state}:\n{found.generate_report()}"
        assert "color-contrast" in {rule["id"] for rule in found.response["passes"]}
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    check("locked")
    unlock(page, "not that one at all")
    expect(page.get_by_role("alert")).to_have_text(WRONG)
    check("refused")
    unlock(page)
    expect(page.locator("#value")).to_have_text(HANDED.value)
    check("opened")
