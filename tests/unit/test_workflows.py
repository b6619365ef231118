"""The workflows: what they may do, and that no fork and no stranger's action gets near a secret."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS: dict[str, dict[Any, Any]] = {path.stem: yaml.safe_load(path.read_text()) for path in FILES}
EVERY = pytest.mark.parametrize("name", WORKFLOWS)
READ = {"contents": "read"}
MAY = {
    "checks": READ,
    "torture": READ,
    "preview": READ | {"pull-requests": "write"},
    "drift": READ | {"issues": "write"},
}


def job(name: str) -> dict[str, Any]:
    """The one job of a workflow."""
    (found,) = WORKFLOWS[name]["jobs"].values()
    return dict(found)


def triggers(name: str) -> dict[str, Any]:
    """What starts a workflow; YAML reads the word `on` as true."""
    return dict(WORKFLOWS[name][True])


def test_these_workflows_are_there_and_no_others() -> None:
    assert WORKFLOWS.keys() == MAY.keys()


@EVERY
def test_a_workflow_may_do_what_it_must_and_no_more(name: str) -> None:
    everywhere = WORKFLOWS[name]["permissions"]
    assert everywhere in ({}, READ)
    assert job(name).get("permissions", everywhere) == MAY[name]


@EVERY
def test_two_runs_of_one_kind_do_not_go_at_once(name: str) -> None:
    assert WORKFLOWS[name]["concurrency"]["group"]


@EVERY
def test_every_action_is_pinned_by_its_commit_with_its_version_beside_it(name: str) -> None:
    lines = re.findall(r"uses: (.*)", (ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@EVERY
def test_no_token_is_left_in_the_checkout(name: str) -> None:
    (checkout,) = (step for step in job(name)["steps"] if step.get("uses", "").startswith("actions/checkout@"))
    assert checkout["with"]["persist-credentials"] is False


@EVERY
def test_no_workflow_runs_a_forks_branch_with_this_repositorys_rights(name: str) -> None:
    assert triggers(name).keys() <= {"push", "pull_request", "schedule", "workflow_dispatch"}


def test_the_checks_know_no_secret_and_run_what_everybody_runs() -> None:
    assert "secrets." not in (ROOT / ".github" / "workflows" / "checks.yml").read_text()
    *newest, oldest = job("checks")["strategy"]["matrix"]["include"]
    assert job("checks")["steps"][-1]["run"] == "make ${{ matrix.targets }}"
    (tiers,) = re.findall(r"(?m)^TIERS := (.*)$", (ROOT / "Makefile").read_text())
    targets = sorted(target for each in newest for target in each["targets"].split())
    assert targets == sorted(["check", *(f"test-{tier}" for tier in tiers.split())])
    assert oldest["targets"] == "test-unit test-host test-program"
    promised = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert promised == f">={oldest['python']}"


def test_a_preview_is_for_branches_of_this_repository_and_has_no_token_of_authentiks() -> None:
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job("preview")["if"]
    assert triggers("preview").keys() == {"pull_request"}
    assert "AUTHENTIK" not in str(job("preview"))


def test_drift_is_looked_for_every_night_on_a_runner_that_reaches_the_house() -> None:
    assert re.fullmatch(r"\d+ \d+ \* \* \*", triggers("drift")["schedule"][0]["cron"])
    assert job("drift")["runs-on"] == "self-hosted"


def test_the_matrices_are_gone_through_in_full_every_night() -> None:
    assert re.fullmatch(r"\d+ \d+ \* \* \*", triggers("torture")["schedule"][0]["cron"])
    assert job("torture")["steps"][-1]["run"] == "make torture"


@pytest.mark.parametrize("name", ["checks", "torture"])
def test_tools_are_kept_until_their_versions_change(name: str) -> None:
    (kept,) = (step["with"] for step in job(name)["steps"] if step.get("uses", "").startswith("actions/cache@"))
    assert kept["path"] == ".lab/tools"
    folders = re.findall(r"'(\S+)/\*\*'", kept["key"])
    assert {folder for folder in folders if (ROOT / folder).is_dir()} == {"lab/tools", "lab/toolchain"}


def test_the_engine_is_the_one_that_the_lab_builds() -> None:
    (built,) = re.findall(r"pulumi/pkg/v3 v(\S+)", (ROOT / "lab/tools/pulumi/go.mod").read_text())
    for name in ("preview", "drift"):
        (action,) = (step["with"] for step in job(name)["steps"] if step.get("uses", "").startswith("pulumi/"))
        assert action["pulumi-version"] == built


def test_every_secret_and_variable_of_the_workflows_is_told_of() -> None:
    told = (ROOT / "docs" / "pull-requests.md").read_text()
    used = {found for path in FILES for found in re.findall(r"(?:secrets|vars)\.(\w+)", path.read_text())}
    assert used
    assert {each for each in used if f"`{each}`" not in told} == set()
