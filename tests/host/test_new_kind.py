"""A new kind is one file of at most 40 lines: ScopeMapping lives its whole life with nothing else written for it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from docs.resources import described
from lab.files import ROOT

from .conftest import Authentik
from .engine import Host, HostError, Props, Resource
from .scope_mapping import ScopeMapping, ScopeMappingArgs, ScopeMappingProvider

FILE = Path(__file__).parent / "scope_mapping.py"
USES = """\
from tests.host.scope_mapping import ScopeMapping, ScopeMappingArgs

ScopeMapping("right", ScopeMappingArgs(name="a", scope_name="a", expression="return {}"), adopt=True)
ScopeMapping("missing", ScopeMappingArgs(name="a", scope_name="a"))
ScopeMapping("misspelt", {"name": "a", "scope_name": "a", "expression": "", "descripton": ""})
ScopeMapping("wrong type", {"name": 1, "scope_name": "a", "expression": ""})
"""
EXPRESSION = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40)


@pytest.fixture
def made(superusers_host: Host) -> Resource:
    return Resource(superusers_host, ScopeMappingProvider)


@pytest.fixture
def declared(authentik: Authentik) -> Props:
    return {"name": authentik.name("scope"), "scope_name": "photos", "expression": "return {}", "description": "Photos"}


def test_its_file_has_at_most_40_lines() -> None:
    assert len([line for line in FILE.read_text().splitlines() if line.strip()]) <= 40


def test_each_argument_is_described() -> None:
    lines = described(ScopeMappingArgs)
    assert list(lines) == ["name", "scope_name", "expression", "description"]
    assert all(lines.values())
    assert ScopeMapping._resource_type_name == "dynamic/authentik:ScopeMapping"


def test_the_type_checker_refuses_a_missing_a_misspelt_and_a_wrong_argument(tmp_path: Path) -> None:
    (tmp_path / "uses.py").write_text(USES)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", tmp_path / "uses.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line.split(":")[1] for line in checked.stdout.splitlines() if "error:" in line] == ["4", "5", "6"]


def test_it_is_created_read_updated_and_deleted(made: Resource, declared: Props, authentik: Authentik) -> None:
    assert made.up(declared) == "created"
    assert made.refresh()
    assert made.up(declared) == "same"
    path = f"/propertymappings/provider/scope/{made.id}/"
    authentik.call("PATCH", path, {"expression": "return None"})
    assert made.refresh()
    assert made.up(declared) == "updated"
    assert authentik.call("GET", path)["expression"] == "return {}"
    assert made.up(declared | {"description": None}) == "updated"
    assert authentik.call("GET", path)["description"] == ""
    made.delete()
    assert authentik.status(path) == 404


def test_what_has_its_name_is_taken_over_only_with_adopt_and_restored(
    made: Resource, declared: Props, authentik: Authentik
) -> None:
    found = authentik.call("POST", "/propertymappings/provider/scope/", {**declared, "expression": "return 1"})
    with pytest.raises(HostError, match=r"it exists, and expression is 'return 1', declared 'return {}'"):
        made.up(declared)
    made.up(declared | {"adopt": True})
    assert made.id == found["pk"]
    made.delete()
    assert authentik.call("GET", f"/propertymappings/provider/scope/{found['pk']}/") == found


def test_a_missing_right_is_named(host: Host, declared: Props) -> None:
    with pytest.raises(HostError, match=r"right authentik_providers_oauth2\.add_scopemapping"):
        Resource(host, ScopeMappingProvider).up(declared)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(expression=EXPRESSION.filter(str.strip))
@example(expression="if user.is_active:\n\treturn {'a': \"b\"}\nreturn {}\n")
@example(expression="  # é\n\n\treturn {}\r\n\n ")
def test_any_python_text_is_taken_and_seen_unchanged(expression: str, authentik: Authentik, made: Resource) -> None:
    bag = {"name": authentik.name("scope"), "scope_name": "photos", "expression": expression}
    made.id, made.outs = "", {}
    assert made.up(bag) == "created"
    assert made.refresh()
    assert made.up(bag) == "same"
