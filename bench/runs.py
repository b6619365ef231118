"""The program and the floor, each through its life at one size."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.budget import OPERATIONS, Operation, budget, goal, slowest
from bench.gateway import Gateway
from bench.measure import Measured, measure
from lab.driver import Driver
from lab.files import ROOT, Lab
from lab.stack import Run, Stack

_FLOOR = Path(__file__).parent / "floor"
_PREVIEWS = 5
"""A preview is too short for one measure to tell a fifth more or less, so the quickest of several counts."""


@dataclass(frozen=True)
class Row:
    """One operation at one size, beside the floor's."""

    phones: int
    operation: Operation
    allowed: int
    program: Measured
    floor: Measured

    @property
    def ratio(self) -> float:
        """How many times the floor's seconds."""
        return self.program.seconds / self.floor.seconds

    @property
    def regressions(self) -> list[str]:
        """What it takes more of than it may, in words."""
        found = []
        if self.program.calls > self.allowed:
            found.append(f"{self.program.calls} calls, allowed {self.allowed}")
        most = slowest(self.operation, self.phones)
        if most is not None and self.ratio > most:
            found.append(f"{self.ratio:.2f} times the floor's seconds, allowed {most:.2f}")
        return found


@dataclass(frozen=True)
class Late:
    """One operation at one size where Authentik answers as late as a real one. proven: whether it ends with a proof."""

    phones: int
    operation: Operation
    program: Measured
    proven: bool = False

    @property
    def verdict(self) -> str:
        """Its seconds beside those of Terraform and the goal, where there is one."""
        wanted = None if self.proven else goal(self.operation, self.phones)
        if wanted is None:
            return ""
        times = self.program.seconds / wanted.terraform
        said = "reached" if times <= wanted.most else "MISSED"
        return f"{times:.2f} of Terraform's {wanted.terraform:.1f} s; at most {wanted.most} {said}; aim {wanted.aim}"


def life(driver: Driver, phones: int, say: Callable[[str], None]) -> list[Row]:
    """Every operation at one size: phones, and as many groups of people. The stack is empty before and after."""
    say(f"{phones} phones: the program")
    program, types = of_program(driver, phones)
    say(f"{phones} phones: {len(types)} resources that do nothing")
    floor = _of_floor(driver.lab, len(types), rotated=phones)
    return [Row(phones, each, allowed(each, phones, types), program[each], floor[each]) for each in OPERATIONS]


def of_program(
    driver: Driver, phones: int, gateway: Gateway | None = None
) -> tuple[Mapping[Operation, Measured], list[str]]:
    """The measures of the program's life, and the types of the dynamic resources in it."""
    with _declared(driver, phones):
        return _measured(driver.lab, driver.stack, lambda: driver.stack.configure(phones=_phones(phones, 2)), gateway)


def late_life(driver: Driver, phones: int, say: Callable[[str], None]) -> list[Late]:
    """The same of the program where Authentik answers as late as a real one; without the proof, and an up with it."""
    say(f"{phones} phones: the program, with the latencies of a real Authentik")
    stack, direct = driver.stack, driver.stack.settings()["authentik:url"]
    with Gateway(direct) as gateway:
        stack.set({"authentik:url": gateway.url, "immich:verify": False})
        try:
            measured, _ = of_program(driver, phones, gateway)
            stack.set({"immich:verify": None})
            with _declared(driver, phones):
                proven = measure(driver.lab, stack.up, gateway)
                stack.destroy()
        finally:
            stack.set({"authentik:url": direct, "immich:verify": None})
    return [*(Late(phones, each, measured[each]) for each in OPERATIONS), Late(phones, "up", proven, proven=True)]


def allowed(operation: Operation, phones: int, types: list[str]) -> int:
    """The most calls that an operation may take at that size."""
    return budget(operation, phones, phones, sum("dynamic/authentik:" in each for each in types))


def _of_floor(lab: Lab, resources: int, rotated: int) -> Mapping[Operation, Measured]:
    stack = _floor(lab, resources)
    try:
        return _measured(lab, stack, lambda: stack.set({"floor:rotated": rotated}))[0]
    finally:
        stack.must("stack", "rm", "--yes", "--force")


def _measured(
    lab: Lab, stack: Stack, rotate: Callable[[], None], gateway: Gateway | None = None
) -> tuple[Mapping[Operation, Measured], list[str]]:
    """The measures of a life, and the types of the dynamic resources in it."""
    found: dict[Operation, Measured] = {}

    def note(operation: Operation, run: Callable[[], Run]) -> None:
        found[operation] = measure(lab, run, gateway)

    found["preview"] = min(
        (measure(lab, stack.preview, gateway) for _ in range(_PREVIEWS)), key=lambda each: each.seconds
    )
    note("up", stack.up)
    types = [each["type"] for each in stack.export()["deployment"]["resources"] if "dynamic/" in each["type"]]
    note("up again", stack.up)
    note("refresh", lambda: stack.refresh("--skip-preview"))
    rotate()
    note("rotate", stack.up)
    note("destroy", stack.destroy)
    return found, types


def _phones(count: int, generation: int) -> list[dict[str, object]]:
    return [{"name": f"phone-{number}", "generation": generation} for number in range(1, count + 1)]


@contextmanager
def _declared(driver: Driver, count: int) -> Iterator[None]:
    """That many phones and groups of people in the settings; the groups are there for a while."""
    names = [f"{driver.lab.names['people_group']}-{number}" for number in range(1, count + 1)]
    try:
        for name in names:
            driver.admin.group(name)
        driver.stack.configure(phones=_phones(count, generation=1), peopleGroups=names)
        yield
    finally:
        for name in names:
            driver.admin.remove_group(name)


def _floor(lab: Lab, resources: int) -> Stack:
    """A stack of resources that do nothing, with the same engine, backend and passphrase as the lab's."""
    folder = Path(lab.config_file).parent.parent / "floor"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_FLOOR, folder)
    own = {"PULUMI_OPTION_CONFIG_FILE": "", "PYTHONPATH": str(ROOT)}
    stack = Stack(replace(lab, stack="floor", config_file=str(folder / "Pulumi.floor.yaml"), env=lab.env | own), folder)
    stack.must("stack", "init")
    stack.set({"floor:resources": resources})
    return stack
