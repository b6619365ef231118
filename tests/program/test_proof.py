"""The proof in the program: last of all, with the header of each phone."""

import certifi
import pulumi
import pytest

from components.access_proof import look_for_ca
from components.arguments import Verify
from tests.reference import STACK

from .engine import Run, Secret, changed, good, phones, run

TWO = phones({"name": "phone"}, {"name": "anna", "generation": 2})


def test_the_proof_comes_after_everything_and_asks_with_each_phones_header() -> None:
    done = good(TWO)
    proof = done.named("immich-proof")
    beside = {"immich-members", "immich-isolation", "immich-outpost-confirmation"}
    others = {"immich", "immich-caddy", "immich-proof", *beside}
    assert proof.dependencies >= done.resources.keys() - others
    assert proof.inputs["headers"] == done.exports["headers"]
    assert proof.inputs["refused"] == Secret({})
    assert proof.inputs["url"] == "https://photos.example.org"


def test_what_the_proof_keeps_of_the_headers_is_secret(reference: Run) -> None:
    assert reference.named("immich-proof").secret_outputs == ["proven"]


def test_phones_that_are_switched_off_are_proved_to_stay_out() -> None:
    off = good(TWO | {"immich:enabled": "false"})
    proof = off.named("immich-proof").inputs
    assert (proof["headers"], proof["refused"]) == (Secret({}), off.exports["headers"])


def test_without_verify_nothing_is_proved_and_all_else_is_the_same(reference: Run) -> None:
    done = good(STACK | {"immich:verify": "false"})
    assert reference.resources.keys() - done.resources.keys() == {"immich-proof"}
    assert changed(reference, done) == []


def test_the_proof_goes_where_the_probe_settings_say() -> None:
    settings = {"immich:probeAddress": "192.0.2.7:8443", "immich:probeCa": certifi.where()}
    proof = good(STACK | settings).named("immich-proof").inputs
    assert (proof["address"], proof["ca"]) == ("192.0.2.7:8443", certifi.where())


def test_a_ca_that_cannot_be_read_ends_the_program_before_anything_is_made() -> None:
    missing = {"immich:probeCa": "/nowhere/ca.pem"}
    done = run(STACK | missing)
    assert isinstance(done.error, pulumi.RunError)
    assert "/nowhere/ca.pem is not a readable PEM file" in str(done.error)
    assert done.resources == {}
    assert good(STACK | missing | {"immich:verify": "false"}).resources


def test_a_preview_on_a_machine_without_the_ca_only_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    look_for_ca(Verify(on=True, address="", ca="/nowhere/ca.pem", path="/"))
    (line,) = said
    assert "immich:probeCa" in line
