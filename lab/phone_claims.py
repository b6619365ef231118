"""The claims about phones that come, change and go while they are in use."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping

from lab.driver import Driver
from lab.files import ROOT
from lab.load import Answer, Load
from lab.proof import Proof
from lab.qr_reader import read_terminal


def prove_phones_in_use(proof: Proof, driver: Driver) -> None:
    """Two phones that never stop asking: one gets a new password, the other is revoked."""
    driver.stack.configure(phones=[{"name": "phone"}, {"name": "anna"}])
    try:
        driver.stack.up()
        headers = driver.headers()
        for header in headers.values():
            driver.until(True, {"Authorization": header})
        proof.judge(
            "Each phone's QR code reads as its header",
            "one code for each phone, read again by another library",
            lambda: _handed_over(driver, headers),
        )
        with Load(driver.lab, headers["phone"]) as rotated, Load(driver.lab, headers["anna"]) as revoked:
            proof.judge(
                "A phone that gets a new password is never refused, with overlap",
                "0 requests fail with the former header, then the new one",
                lambda: _rotated(driver, rotated),
            )
            proof.judge(
                "A phone that is revoked is refused, and it alone",
                f"all of its requests fail within {driver.lab.cache_seconds:.0f} s of cache, none of the other's",
                lambda: _revoked(driver, rotated, revoked),
            )
    finally:
        driver.stack.configure(phones=None)
        driver.stack.up()


def _handed_over(driver: Driver, headers: Mapping[str, str]) -> tuple[str, bool]:
    """What the operator sees of each phone; the values are the lab's own."""
    read = {}
    for phone in headers:
        shown = subprocess.run(
            [sys.executable, "-m", "phone", "show", phone, "--force"],
            cwd=ROOT,
            env={**os.environ, **driver.lab.env, "PULUMI_STACK": driver.lab.stack},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        print(shown, flush=True)
        read[phone] = read_terminal(shown)
    right = [phone for phone, header in headers.items() if read[phone] == [header]]
    return f"{', '.join(right)}: {len(right)} of {len(headers)}", len(right) == len(headers) == 2


def _rotated(driver: Driver, load: Load) -> tuple[str, bool]:
    former = load.header
    driver.stack.configure(phones=[{"name": "phone", "generation": 2, "overlap": True}, {"name": "anna"}])
    driver.stack.up()
    load.header = driver.headers()["phone"]
    moment = time.monotonic()
    load.since(moment)
    driver.stack.configure(phones=[{"name": "phone", "generation": 2}, {"name": "anna"}])
    driver.stack.up()
    ended = driver.until(False, {"Authorization": former})
    answers = load.since()
    new = sum(answer.header != former for answer in answers)
    shown = f"{_failed(answers)} of {len(answers)} requests failed{_how(answers)}, {new} of them with the new header"
    return f"{shown}; the former one ends with the overlap", _failed(answers) == 0 and ended is not None


def _revoked(driver: Driver, kept: Load, revoked: Load) -> tuple[str, bool]:
    begun = time.monotonic()
    driver.stack.configure(phones=[{"name": "phone", "generation": 2}])
    driver.stack.up()
    seconds = driver.until(False, {"Authorization": revoked.header})
    after, other = revoked.since(time.monotonic()), kept.since(begun)
    shown = f"{_failed(after)} of {len(after)} failed {seconds or 0:.1f} s after the run"
    fine = seconds is not None and _failed(after) == len(after) and _failed(other) == 0
    return f"{shown}; {_failed(other)} of {len(other)}{_how(other)} of the other phone", fine


def _how(answers: list[Answer]) -> str:
    """The kinds of failures, where there are any."""
    kinds = sorted({answer.seen for answer in answers if not answer.passed})
    return f" ({', '.join(kinds)})" if kinds else ""


def _failed(answers: list[Answer]) -> int:
    return sum(not answer.passed for answer in answers)
