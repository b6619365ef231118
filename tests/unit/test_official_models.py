"""Every path and field that a kind names is in Authentik's official Python client."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from providers.authentik.model.kind import Kind
from providers.fields import ListOf, Reference

from .values import KINDS

EVERY_KIND = pytest.mark.parametrize("name", KINDS)
ELSEWHERE = {
    # The service account's endpoint takes these; an outpost's list is written as `providers`.
    "ServiceAccount": {"expiring": "user_service_account_request", "expires": "user_service_account_request"},
    "OutpostAttachment": {"outpost": "", "provider": "", "application": "", "group": ""},
}

Operation = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def client() -> ModuleType:
    """The official client; importing it takes seconds, and no other test needs it."""
    import authentik_client

    return authentik_client


@pytest.fixture(scope="module")
def operation(client: ModuleType) -> Operation:
    """The client's function for a method and a path."""
    folder = Path(str(client.__file__)).parent / "api"
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for source in folder.glob("*_api.py"):
        pattern = r"def _(\w+)_serialize\(.*?method='(\w+)',\s+resource_path='([^']*)'"
        for name, method, path in re.findall(pattern, source.read_text(), re.DOTALL):
            found[method, path] = source.stem, name

    def function(method: str, path: str) -> Any:
        module, name = found[method, path]
        api = getattr(client, "".join(word.capitalize() for word in module.split("_")))
        return getattr(api, name)

    return function


def fields_of(function: Any, suffix: str) -> set[str]:
    """The fields of the body that a function of the client takes."""
    for parameter in inspect.signature(function).parameters.values():
        model = next(iter(getattr(parameter.annotation, "__args__", ())), parameter.annotation)
        if parameter.name.endswith(suffix) and hasattr(model, "model_fields"):
            return set(model.model_fields)
    raise AssertionError(f"{function} takes no {suffix}")


@EVERY_KIND
def test_an_object_of_the_kind_can_be_made_with_every_field(name: str, operation: Operation) -> None:
    kind = KINDS[name]
    own = set(kind.fields)
    assert own - ELSEWHERE.get(name, {}).keys() <= fields_of(operation("POST", kind.path), "_request")


@EVERY_KIND
def test_an_object_of_the_kind_can_be_changed_in_every_field_that_does_not_replace_it(
    name: str, operation: Operation
) -> None:
    kind = KINDS[name]
    kept = {field for field, each in kind.fields.items() if not each.replaces} | set(kind.sent_with_every_patch)
    method, item = "PUT" if kind.whole_body else "PATCH", f"{kind.path}{{{address(kind, name)}}}/"
    assert kept - ELSEWHERE.get(name, {}).keys() <= fields_of(operation(method, item), "_request")


@EVERY_KIND
def test_an_object_of_the_kind_can_be_read_listed_and_deleted(name: str, operation: Operation) -> None:
    kind = KINDS[name]
    item = f"{kind.path}{{{address(kind, name)}}}/"
    assert operation("GET", item)
    assert operation("DELETE", item)
    assert operation("GET", kind.path)


@EVERY_KIND
def test_the_filter_that_finds_an_object_again_is_one_of_its_list(name: str, operation: Operation) -> None:
    kind = KINDS[name]
    if kind.lookup_param:
        assert kind.lookup_param in inspect.signature(operation("GET", kind.path)).parameters


@EVERY_KIND
def test_every_name_is_looked_up_in_a_list_by_a_filter_that_it_has(name: str, operation: Operation) -> None:
    for field in KINDS[name].fields.values():
        item = field.item if isinstance(field, ListOf) else field
        if isinstance(item, Reference):
            parameters = inspect.signature(operation("GET", item.lookup.path)).parameters
            assert {query for query, _ in item.lookup.by} <= parameters.keys()


def test_the_service_account_endpoint_takes_what_is_sent_to_it(client: ModuleType, operation: Operation) -> None:
    taken = fields_of(operation("POST", "/core/users/service_account/"), "_request")
    assert {"name", "create_group", "expiring", "expires"} <= taken
    assert set(client.UserServiceAccountResponse.model_fields) >= {"user_pk", "token"}


def test_the_outpost_takes_the_list_that_an_attachment_writes(operation: Operation) -> None:
    assert "providers" in fields_of(operation("PATCH", "/outposts/instances/{uuid}/"), "_request")


def address(kind: Kind, name: str) -> str:
    """What the official client calls the key in the path."""
    return {
        "Application": "slug",
        "Group": "group_uuid",
        "OutpostAttachment": "uuid",
        "PolicyBinding": "policy_binding_uuid",
    }.get(name, "id")
