"""`python -m tests.browser.screenshots` draws docs/sealed-page.png anew: the page locked and opened, light and dark."""

import io
import tempfile
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from components.basic_header import basic_header
from components.fingerprint import fingerprint
from lab.files import ROOT
from lab.system import CHROMIUM
from phone.page import Handed, sealed_page
from tests.browsers import ARGUMENTS
from tests.programs import needed

WIDTH, GAP = 360, 24
PASSPHRASE = "correct horse battery staple"
VALUE = basic_header("immich-mobile-service-anna", "no-real-password-" * 3 + "of-anybody")
HANDED = Handed("anna", "https://photos.example.org", "Authorization", VALUE, fingerprint(VALUE))


def shot(browser: Browser, page: Path, scheme: Literal["light", "dark"], *, unlocked: bool) -> Image.Image:
    """The whole page on a phone's screen."""
    with browser.new_context(color_scheme=scheme, viewport={"width": WIDTH, "height": 400}) as context:
        tab = context.new_page()
        tab.goto(page.as_uri())
        if unlocked:
            tab.fill("#passphrase", PASSPHRASE)
            tab.click("#open")
            tab.wait_for_selector("#opened:visible")
        return Image.open(io.BytesIO(tab.screenshot(full_page=True))).convert("RGB")


def main() -> None:
    """Locked in light, opened in light and in dark, side by side."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "page.html"
        page.write_text(sealed_page(HANDED, PASSPHRASE))
        with playwright.chromium.launch(executable_path=needed(CHROMIUM), args=list(ARGUMENTS)) as browser:
            shots = [
                shot(browser, page, "light", unlocked=False),
                shot(browser, page, "light", unlocked=True),
                shot(browser, page, "dark", unlocked=True),
            ]
    sheet = Image.new(
        "RGB", (len(shots) * (WIDTH + GAP) + GAP, max(each.height for each in shots) + 2 * GAP), "#c9ced8"
    )
    for index, each in enumerate(shots):
        sheet.paste(each, (GAP + index * (WIDTH + GAP), GAP))
    sheet.quantize(64).save(ROOT / "docs" / "sealed-page.png", optimize=True)


if __name__ == "__main__":
    main()
