"""The claims of the demo, each as a test on the tests' own lab, and Immich's own client."""

import json
import os
import subprocess

import pytest

from lab import claims
from lab.driver import Driver
from lab.proof import Proof
from lab.site_claims import prove_other_doors, prove_site_changes
from tests import immich_sdk


@pytest.fixture
def proof() -> Proof:
    """A proof that says nothing."""
    return Proof(lambda _: None)


def _met(proof: Proof, least: int) -> None:
    assert [claim for claim in proof.claims if not claim.ok] == []
    assert len(proof.claims) >= least


def test_a_preview_works_without_network_and_token(driver: Driver, proof: Proof) -> None:
    claims.prove_preview(proof, driver)
    _met(proof, 1)


@pytest.mark.real
def test_the_header_gets_through_and_strangers_do_not(driver: Driver, proof: Proof) -> None:
    claims.prove_access(proof, driver)
    _met(proof, 7)


@pytest.mark.real
def test_basic_ends_at_caddy_and_the_rest_passes(driver: Driver, proof: Proof) -> None:
    claims.prove_header_ends_at_caddy(proof, driver)
    _met(proof, 3)


def test_big_uploads_and_websockets_pass(driver: Driver, proof: Proof) -> None:
    claims.prove_big_and_long(proof, driver)
    _met(proof, 3)


def test_a_websocket_lives_through_changes_of_the_site(driver: Driver, proof: Proof) -> None:
    prove_site_changes(proof, driver)
    _met(proof, 1)


def test_another_way_to_immich_in_the_same_caddy_is_refused_by_its_address(driver: Driver, proof: Proof) -> None:
    prove_other_doors(proof, driver)
    _met(proof, 1)


@pytest.mark.real
def test_the_phone_enters_no_other_application(driver: Driver, proof: Proof) -> None:
    claims.prove_only_immich(proof, driver)
    _met(proof, 1)


@pytest.mark.real
def test_every_off_switch_cuts_the_phone_off(driver: Driver, proof: Proof) -> None:
    claims.prove_off_switches(proof, driver)
    _met(proof, 4)


def test_a_claim_that_is_not_met_is_not_ok(driver: Driver, proof: Proof) -> None:
    with driver.broken({"groups": []}):
        assert driver.until(False, driver.header()) is not None
        proof.judge("passes", "200", lambda: ("refused", driver.passes(driver.header())))
    assert not proof.ok
    assert driver.until(True, driver.header()) is not None


def test_immichs_own_client_works_through_caddy_with_the_header(driver: Driver) -> None:
    done = subprocess.run(
        [immich_sdk.node(), "run.mjs"],
        cwd=immich_sdk.FOLDER,
        env={
            "PATH": os.environ["PATH"],
            "IMMICH_URL": driver.lab.immich_url,
            "IMMICH_ADDRESS": driver.lab.address,
            "IMMICH_HEADER_NAME": "Authorization",
            "IMMICH_HEADER_VALUE": driver.header()["Authorization"],
            "IMMICH_EMAIL": driver.lab.immich_email,
            "IMMICH_PASSWORD": driver.lab.immich_password,
            "NODE_EXTRA_CA_CERTS": driver.lab.ca,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["ok"] is True
