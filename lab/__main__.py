"""`python -m lab up | down | demo`: the lab on the loopback; see the README."""

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from lab import claims
from lab.driver import Driver
from lab.files import lab_folder
from lab.gateway import counted
from lab.house import build, tear_down
from lab.isolation_claims import prove_isolation
from lab.phone_claims import prove_phones_in_use
from lab.processes import ProcessError, Processes
from lab.proof import Proof
from lab.proxies import DELIVERIES
from lab.site_claims import prove_other_doors, prove_site_changes
from lab.stack import StackError
from lab.toolchain import ToolchainError

console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def say(text: str) -> None:
    """One line of progress."""
    console.print(f"  {text}", markup=False, soft_wrap=True)


def _delivery() -> str:
    """What DELIVERY asks for, or nothing."""
    if (asked := os.environ.get("DELIVERY", "")) not in ("", *DELIVERIES):
        raise ValueError(f"DELIVERY: expected one of {', '.join(DELIVERIES)}, got {asked!r:.40}")
    return asked


def up() -> int:
    """Start the lab, put the stack up, leave both running."""
    folder = lab_folder()
    lab = build(folder, say, _delivery())
    driver = Driver(lab)
    say("Running pulumi up")
    run = driver.stack.up()
    ready = driver.until(True, driver.header())
    say(f"The stack is up after {run.seconds:.1f} s; the phone's header {'passes' if ready is not None else 'FAILS'}")
    say(f"Immich through Caddy: {lab.immich_url} at {lab.address}; all about the lab: {folder / 'lab.json'}")
    return 0 if ready is not None else 1


def down() -> int:
    """Destroy the stack and end the lab."""
    tear_down(lab_folder(), say)
    return 0


def demo() -> int:
    """The whole story: up, proof, destroy. A lab that ran before runs on afterwards."""
    folder = lab_folder()
    ran_before = bool(Processes(folder).running())
    lab = build(folder, say, _delivery())
    driver = Driver(lab)
    proof = Proof(say)
    if ran_before:
        driver.stack.destroy()
    before = claims.inventory(driver)
    try:
        _prove(proof, driver, before)
    except BaseException:
        if not ran_before:
            say("The demo ended early: taking away what it made")
            tear_down(folder, say)
        raise
    if ran_before:
        driver.stack.up()
    else:
        tear_down(folder, say)
    proof.write(folder / "proof.json")
    proof.show(console)
    console.print(
        f"{sum(claim.ok for claim in proof.claims)} of {len(proof.claims)} claims met; {folder / 'proof.json'}"
    )
    return 0 if proof.ok else 1


def _prove(proof: Proof, driver: Driver, before: Mapping[str, Any]) -> None:
    """Every claim, from the preview to the destroy."""
    claims.prove_preview(proof, driver)
    say("Running pulumi up")
    with counted(driver.lab) as calls:
        run = driver.stack.up()
    say(f"pulumi up took {run.seconds:.1f} s and {len(calls)} API calls ({calls.by_method()})")
    claims.prove_access(proof, driver)
    claims.prove_header_ends_at_caddy(proof, driver)
    claims.prove_big_and_long(proof, driver)
    prove_site_changes(proof, driver)
    if "caddy:delivery" not in driver.stack.settings():  # a delivered file is guarded otherwise: tests/delivery
        prove_other_doors(proof, driver)
    claims.prove_only_immich(proof, driver)
    prove_isolation(proof, driver)
    claims.prove_idempotency(proof, driver)
    claims.prove_off_switches(proof, driver)
    prove_phones_in_use(proof, driver)
    claims.prove_nothing_left(proof, driver, before)


def main() -> int:
    """Run a command of the lab; 0 if all is well."""
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = {"up": up, "down": down, "demo": demo}
    parser.add_argument("command", choices=commands)
    command = commands[parser.parse_args().command]
    try:
        return command()
    except (ProcessError, StackError, ToolchainError, ValueError) as error:
        console.print(f"make {sys.argv[1]}: {error}", style="red", markup=False, soft_wrap=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
