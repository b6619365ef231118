"""The fingerprint of a header: the same for the same header, and nothing of it."""

import base64
import hashlib
import re
import string

from hypothesis import given
from hypothesis import strategies as st

from components.basic_header import basic_header
from components.fingerprint import fingerprint

PASSWORDS = st.text(string.ascii_letters + string.digits, min_size=60, max_size=60)


@given(password=PASSWORDS)
def test_a_fingerprint_is_8_hexadecimal_digits_and_the_same_each_time(password: str) -> None:
    header = basic_header("immich-mobile-service", password)
    assert re.fullmatch(r"[0-9a-f]{8}", fingerprint(header))
    assert fingerprint(header) == fingerprint(header)


@given(password=PASSWORDS)
def test_no_plain_hash_of_the_header_or_of_a_part_of_it_is_its_fingerprint(password: str) -> None:
    header = basic_header("immich-mobile-service", password)
    parts = (header, header.split()[1], base64.b64decode(header.split()[1]).decode(), password)
    plain = {hashlib.new(name, part.encode()).hexdigest() for name in ("md5", "sha1", "sha256") for part in parts}
    assert not any(each.startswith(fingerprint(header)) for each in plain)


def test_many_headers_have_fingerprints_of_their_own_that_are_spread_evenly() -> None:
    prints = [fingerprint(basic_header("immich-mobile-service", f"{number:060}")) for number in range(2000)]
    assert len(set(prints)) == 2000
    assert len({each[0] for each in prints}) == len({each[-1] for each in prints}) == 16


def test_a_fingerprint_stays_what_it_is_on_paper() -> None:
    # As openssl has it: printf %s 'Basic …' | openssl dgst -sha256 -hmac 'immich-mobile-access fingerprint'
    assert fingerprint("Basic YW5uYTpzZWNyZXQ=") == "1f5ca76d"
