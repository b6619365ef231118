"""Rotation: a phone gets a new password, and is never locked out on the way."""

from collections.abc import Iterator

import pytest

from components.fingerprint import fingerprint
from lab.driver import Driver
from lab.gateway import counted
from lab.phone_claims import prove_phones_in_use
from lab.proof import Proof


@pytest.fixture
def old(driver: Driver) -> Iterator[str]:
    """The header of the one phone, at generation 1; afterwards the lab is as it was."""
    yield driver.headers()["phone"]
    driver.stack.configure(phones=None)
    driver.stack.up()


def declare(driver: Driver, generation: int, **more: object) -> None:
    driver.stack.configure(phones=[{"name": "phone", "generation": generation, **more}])


@pytest.mark.real
def test_no_request_fails_while_a_phone_gets_a_new_password_and_all_do_of_one_that_is_revoked(driver: Driver) -> None:
    proof = Proof(lambda _: None)
    prove_phones_in_use(proof, driver)
    assert [claim for claim in proof.claims if not claim.ok] == []
    assert len(proof.claims) == 3


@pytest.mark.real
def test_while_they_overlap_both_headers_pass_and_the_former_one_is_the_very_same(driver: Driver, old: str) -> None:
    before = driver.account()
    declare(driver, 2, overlap=True)
    with counted(driver.lab) as calls:
        driver.stack.up()
    assert len(calls) <= 3 + 3  # three are the proof's looks
    base, outputs = driver.lab.names["service_account"], driver.stack.outputs()
    assert outputs["serviceAccounts"] == {"phone": f"{base}-g2"}
    assert outputs["formerServiceAccounts"] == {"phone": base}
    new = outputs["headers"]["phone"]
    assert outputs["fingerprints"] == {"phone": fingerprint(new)}
    assert fingerprint(new) != fingerprint(old)
    assert driver.passes({"Authorization": old})
    assert driver.until(True, {"Authorization": new}) is not None
    former = driver.admin.user(base)
    assert former is not None
    assert (former["pk"], former["password_change_date"]) == (before["pk"], before["password_change_date"])
    with counted(driver.lab) as calls:
        driver.stack.preview("--expect-no-changes")
        driver.stack.up("--expect-no-changes")
    assert calls.made == []
    declare(driver, 2)
    with counted(driver.lab) as calls:
        driver.stack.up()
    assert calls.by_method() == "1 DELETE"
    assert driver.headers() == {"phone": new}
    assert driver.until(False, {"Authorization": old}) is not None


def test_going_back_while_they_overlap_leaves_the_phone_its_former_header(driver: Driver, old: str) -> None:
    declare(driver, 2, overlap=True)
    driver.stack.up()
    new = driver.headers()["phone"]
    declare(driver, 1)
    driver.stack.up()
    assert driver.headers() == {"phone": old}
    assert driver.passes({"Authorization": old})
    assert driver.until(False, {"Authorization": new}) is not None


def test_without_overlap_the_former_header_goes_once_the_new_one_is_proved_and_not_in_a_run_whose_proof_fails(
    driver: Driver, old: str
) -> None:
    base, address = driver.lab.names["service_account"], driver.stack.settings()["immich:probeAddress"]
    declare(driver, 2)
    driver.stack.configure(probeAddress="127.0.0.1:9")
    try:
        run = driver.stack.run("up", "--yes", "--config-file", driver.lab.config_file)
    finally:
        driver.stack.configure(probeAddress=address)
    assert run.code != 0
    assert driver.admin.user(f"{base}-g2") is not None
    account = driver.admin.user(base)
    assert account is not None
    assert account["is_active"]
    assert driver.passes({"Authorization": old})
    driver.stack.up()
    assert driver.until(True, driver.header()) is not None
    assert driver.until(False, {"Authorization": old}) is not None
    assert driver.admin.user(base) is None


def test_an_overlap_with_a_generation_that_is_not_there_is_refused_before_anything_is_done(
    driver: Driver, old: str
) -> None:
    declare(driver, 3, overlap=True)
    for command in (("preview",), ("up", "--yes")):
        with counted(driver.lab) as calls:
            run = driver.stack.run(*command, "--config-file", driver.lab.config_file)
        assert run.code != 0
        assert f"this stack has no account '{driver.lab.names['service_account']}-g2' to keep" in run.output
        assert "raise it by one" in run.output
        assert not [each for each in calls.made if each[0] != "GET"]
    assert driver.headers()["phone"] == old
    assert driver.passes({"Authorization": old})
