"""The API token is masked in every spelling, wherever it stands in a text, and nothing else is."""

import base64
import html
import json
import textwrap
import urllib.parse
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers import masking
from providers.authentik.api.answers import printable
from providers.console import info, warn
from providers.errors import ProviderError
from providers.masking import conceal, masked

Spell = Callable[[str], str]

ESCAPES: dict[str, Spell] = {
    "as it is": str,
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON in repr": lambda text: repr(json.dumps(text)),
    "JSON with slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "URL": lambda text: urllib.parse.quote(text, safe=""),
    "form": urllib.parse.quote_plus,
    "URL twice": lambda text: urllib.parse.quote(urllib.parse.quote(text, safe=""), safe=""),
    "URL, every character": lambda text: "".join(f"%{ord(each):02x}" for each in text),
    r"\u0000": lambda text: "".join(f"\\u{ord(each):04x}" for each in text),
    r"\x00": lambda text: "".join(f"\\x{ord(each):02x}" for each in text),
    "HTML": html.escape,
    "&#0;": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "&#x0;": lambda text: "".join(f"&#x{ord(each):X};" for each in text),
    "folded": lambda text: "\r\n ".join(textwrap.wrap(text, 20, break_on_hyphens=False)),
    "folded in JSON": lambda text: json.dumps("\r\n".join(textwrap.wrap(text, 20, break_on_hyphens=False))),
}
DIGITS: dict[str, Spell] = {
    "as it is": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of user:token": lambda text: base64.b64encode(f"akadmin:{text}".encode()).decode(),
    "base64 of a header": lambda text: base64.b64encode(f"Bearer {text}\r\n".encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(f"Authorization: Bearer {text}; and more".encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
}
CASES: dict[str, Spell] = {"as it is": str, "upper": str.upper, "lower": str.lower}
TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=12, max_size=128)


@pytest.fixture(autouse=True)
def none_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_secrets", set())
    monkeypatch.setattr(masking, "_pattern", None)


def of(token: str, text: str, most: int | None = None) -> str:
    """What is shown of a text where this token is the only secret."""
    with pytest.MonkeyPatch.context() as patch:
        forget(patch)
        conceal(token)
        return masked(text, most)


def spellings(token: str) -> Iterator[tuple[str, str]]:
    for digits, encode in DIGITS.items():
        for escape, spell in ESCAPES.items():
            for case, cased in CASES.items():
                yield f"{digits}, {escape}, {case}", cased(spell(encode(token)))


@given(token=TOKENS)
@example(token="ak-Token_1.2/3+4==")
@example(token="%s%(x)s{0}{token}\\n$1'\"&<>")
@example(token="\\\\\\\\\\\\\\\\\\\\\\\\")
@example(token="k" * 60)
def test_no_spelling_of_the_token_is_shown(token: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        forget(patch)
        conceal(token)
        for name, spelt in spellings(token):
            shown = masked(f"({spelt})")
            assert "…" in shown, name
            assert len(spelt) - len(shown) > len(token) - 6, name
            if name.startswith(("as it is", "hex")):  # in base64 the digits of what stands beside it are left
                assert len(shown) <= len("(…)") + 12, name


@given(token=TOKENS, before=st.integers(0, 400), fill=st.sampled_from("a \\%&"))
def test_a_text_that_is_cut_shows_no_part_of_the_token(token: str, before: int, fill: str) -> None:
    for spelt in (token, ESCAPES["JSON in JSON"](token), DIGITS["base64 of a header"](token)):
        whole, cut = of(token, fill * before + spelt), of(token, fill * before + spelt, 300)
        assert len(cut) <= 301
        assert whole.startswith(cut.removesuffix("…"))
        assert token[:12] not in cut


@given(token=TOKENS, text=st.text(st.sampled_from("abcdef \\%&{}0123456789"), max_size=40))
def test_other_texts_are_shown_as_they_are(token: str, text: str) -> None:
    said = f"cannot make group {text!r}: POST /core/groups/ answered 400: {text}"
    if not any(text and spelt in said for _, spelt in spellings(token)):
        assert of(token, said) == said or token[:1].lower() in said.lower()
    assert of("another-token-than-any-of-these", said) == said


def test_what_is_too_short_for_a_key_is_not_masked() -> None:
    conceal("token")
    assert masked("AUTHENTIK_TOKEN is not set") == "AUTHENTIK_TOKEN is not set"


def test_the_time_it_takes_is_bounded() -> None:
    conceal("ak-Token_1.2/3+4==" * 7)
    for text in ("\\" * 10_000_000, "%" * 10_000_000, ("ak-Token_1.2/3+4==" * 6 + " ") * 100_000):
        printable(text)  # the limit of every test is the bound: seconds would fail on a busy machine


def test_errors_and_lines_on_stderr_mask_it(capsys: pytest.CaptureFixture[str]) -> None:
    conceal("the-token-of-this-test")
    said = "cannot read 'The-Token-of-this-test': dGhlLXRva2VuLW9mLXRoaXMtdGVzdA=="
    assert str(ProviderError(said)) == "cannot read '…': …"
    info(said)
    warn(said)
    assert capsys.readouterr().err == "cannot read '…': …\nwarning: cannot read '…': …\n"
