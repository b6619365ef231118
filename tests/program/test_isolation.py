"""The isolation of the phones as the program declares it, and what it says to the operator."""

import json

import pulumi
import pytest

from components.isolation import warning
from providers.authentik.api.queries import HIDDEN
from tests.reference import STACK

from .engine import Authentik, good


def test_nothing_is_said_where_the_phones_enter_immich_alone() -> None:
    assert warning("report", {"phone": [], "anna": []}, []) == ""
    assert warning("close", {}, []) == ""


def test_hidden_applications_alone_are_no_warning_on_every_run() -> None:
    assert warning("report", {"phone": []}, [HIDDEN]) == ""


def test_what_an_account_may_enter_is_said_with_what_to_do_and_what_could_not_be_told() -> None:
    said = warning("report", {"phone": ["wiki", "grafana"], "anna": [], "ben": ["wiki"]}, [HIDDEN])
    assert "ben: wiki; phone: wiki, grafana." in said
    assert "anna" not in said
    assert "set immich:isolation to close" in said
    assert f"Not told: {HIDDEN}." in said
    steps = [line.split(" > ")[2] for line in said.splitlines() if " > Policy / Group / User Bindings > " in line]
    assert steps == ["grafana", "wiki"]
    assert "bindings of others" in warning("close", {"phone": ["wiki"]}, [])


def test_an_account_that_nothing_is_told_of_is_said() -> None:
    said = warning("report", {}, ["what phone may enter: that takes the right x"])
    assert said == "Not told: what phone may enter: that takes the right x."


def test_a_run_warns_of_it_and_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, _resource: said.append(text))
    found = {"reachable": {"immich-mobile-service": ["wiki"]}, "unchecked": []}
    made = Authentik.new_resource
    monkeypatch.setattr(
        Authentik,
        "new_resource",
        lambda self, args: (
            (made(self, args)[0], args.inputs | found) if args.typ.endswith(":Isolation") else made(self, args)
        ),
    )
    done = good(STACK)
    assert [each for each in said if "immich-mobile-service: wiki" in each] == said
    assert len(said) == 1
    assert done.exports["reachable"] == found["reachable"]


def test_it_looks_after_everything_of_this_stack_is_bound() -> None:
    done = good(STACK | {"immich:login": "true"})
    bound = {name for name, each in done.resources.items() if each.type.endswith(":PolicyBinding")}
    login = {name for name in bound if name.startswith("immich-login")}
    assert login
    assert done.named("immich-isolation").dependencies >= login


def test_every_account_of_every_phone_is_looked_at_and_close_is_passed_on() -> None:
    phones = json.dumps([{"name": "phone"}, {"name": "anna", "generation": 2, "overlap": True}])
    done = good(STACK | {"immich:phones": phones, "immich:isolation": "close"})
    inputs = done.named("immich-isolation").inputs
    base = "immich-mobile-service"
    assert inputs["accounts"].keys() == {base, f"{base}-anna", f"{base}-anna-g2"}
    assert inputs["action"] == "close"
