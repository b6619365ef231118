"""The claims about an application that nothing is bound to, and so is open to everybody."""

from lab.claims import Observed
from lab.driver import Driver, basic
from lab.proof import Proof


def prove_isolation(proof: Proof, driver: Driver) -> None:
    """An open application is named by the stack, and shut to the phone alone where the settings say so."""
    slug = driver.lab.names["second"]
    host = f"{slug}.lab.test"
    phone = driver.header()
    person = basic(*next(iter(driver.lab.people.items())))

    def named() -> Observed:
        before = [driver.outpost_answers(host, header, 200) for header in (phone, person)]
        said = driver.stack.up("--refresh").output
        exported = slug in driver.stack.outputs()["reachable"][driver.account()["username"]]
        warned = any("may enter more than Immich" in line and slug in line for line in said.splitlines())
        shown = f"phone {before[0]}, person {before[1]}; {'warned of' if warned else 'NOT warned of'}"
        return f"{shown}, {'in' if exported else 'NOT in'} reachable", before == [200, 200] and warned and exported

    def shut() -> Observed:
        driver.stack.configure(isolation="close")
        try:
            driver.stack.up()
            after = driver.outpost_answers(host, phone, 302), driver.outpost_says(host, person)
        finally:
            driver.stack.configure(isolation=None)
            driver.stack.up()
        return f"phone {after[0]}, person {after[1]}", after == (302, 200)

    with driver.second_application(host, bound=False):
        proof.judge("An application that is open to everybody is named by the run", "phone 200, warned of", named)
        proof.judge("immich:isolation close shuts the phone out of it, and nobody else", "phone 302, person 200", shut)
    driver.stack.up("--refresh")  # so that nothing of it is drift
