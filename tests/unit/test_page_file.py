"""The sealed page as a file: what its policy allows, what stands in it, how it gets onto the disk."""

import base64
import hashlib
import os
import re
import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest

from phone.page import Handed, sealed_page
from phone.private_file import write_private
from tests.sealed import unseal

HANDED = Handed("annas-old-phone", "https://photos.example.org", "Authorization", "Basic YW5uYTpzZWNyZXQ=", "12ab34cd")
PASSPHRASE = "correct horse battery staple"
PAGE = sealed_page(HANDED, PASSPHRASE)


class Elements(HTMLParser):
    """Every element's tag and attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in self.texts and data.strip():
            self.texts[self._open].append(data)

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


ELEMENTS = Elements(PAGE)


def _policy() -> dict[str, list[str]]:
    (policy,) = [a["content"] or "" for _, a in ELEMENTS.found if a.get("http-equiv") == "Content-Security-Policy"]
    return {name: values for name, *values in (part.split() for part in policy.split(";"))}


def _named(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_lets_the_pages_own_script_and_style_run_and_nothing_else() -> None:
    script, _ = ELEMENTS.texts["script"]
    (style,) = ELEMENTS.texts["style"]
    assert _policy() == {
        "default-src": ["'none'"],
        "style-src": [_named(style)],
        "script-src": [_named(script)],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "require-trusted-types-for": ["'script'"],
    }


def test_the_page_refers_to_nothing_outside_itself() -> None:
    outside = {"src", "href", "action", "style", "srcset", "data", "poster", "formaction"}
    assert not [(tag, attrs) for tag, attrs in ELEMENTS.found if outside & attrs.keys()]
    assert not [name for _, attrs in ELEMENTS.found for name in attrs if name.startswith("on")]
    assert re.findall(r"https?://\S+", PAGE) == ['http://www.w3.org/2000/svg"><path></path></svg>']


def test_the_page_shows_nothing_of_what_it_holds() -> None:
    for held in (HANDED.value, HANDED.value.split()[1], HANDED.server, HANDED.fingerprint, HANDED.phone, PASSPHRASE):
        assert held not in PAGE


def test_the_sealed_line_opens_to_what_was_handed() -> None:
    _, sealed = ELEMENTS.texts["script"]
    assert HANDED.value in unseal(sealed, PASSPHRASE)


def test_the_header_is_not_shown_where_the_object_is() -> None:
    assert HANDED.value.split()[1] not in repr(HANDED)


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "new.html", "new", overwrite=False)
        (tmp_path / "old.html").write_text("old")
        write_private(tmp_path / "old.html", "new", overwrite=True)
    finally:
        os.umask(before)
    for path in tmp_path.iterdir():
        assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("what", ["file", "link", "dangling link"])
def test_what_stands_there_is_not_overwritten_unasked(tmp_path: Path, what: str) -> None:
    target, path = tmp_path / "target", tmp_path / "page.html"
    if what != "dangling link":
        target.write_text("kept")
    path.symlink_to(target) if what != "file" else path.write_text("kept")
    with pytest.raises(FileExistsError):
        write_private(path, "new", overwrite=False)
    assert not target.exists() if what == "dangling link" else path.read_text() == "kept"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, overwrite: bool) -> None:
    path = tmp_path / "page.html"
    if overwrite:
        path.write_text("kept")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "half of it \ud800", overwrite=overwrite)
    assert [each.read_text() for each in tmp_path.iterdir()] == (["kept"] if overwrite else [])
