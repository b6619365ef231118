"""Every finding of the doctor, produced by really breaking the lab in that way; the proof's message for a good part."""

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from components.access_proof import names_of
from doctor.visit import Subject, look, read_subject
from lab.authentik.versions import accepts_inactive, hides_tokens, lax
from lab.driver import Driver, basic
from providers.access.collect import Collector
from providers.access.diagnose import State
from providers.access.findings import Finding
from providers.access.probe import PublicAddress
from providers.access.verify import ProofError, Verification
from providers.authentik.api.configured import connect
from setup.rights import RIGHTS
from tests.e2e.breaking import Breaking
from tests.e2e.real import cases, in_sight_of_tokens
from tests.unit.server import Handler, Server, reply

from .conftest import dead, found, until_alone, until_found

Break = Callable[[Breaking], AbstractContextManager[object]]
# The likeliest cause is the one that was broken, and the phone does not get through.
CUT_OFF: dict[Finding, Break] = {
    Finding.DNS: lambda breaking: breaking.configured(probeAddress=None),
    Finding.UNREACHABLE: lambda breaking: breaking.configured(probeAddress=dead()),
    Finding.TLS: lambda breaking: breaking.configured(probeCa=None),
    Finding.ROUTE_MISSING: lambda breaking: breaking.reloaded(),
    Finding.HEADER_LOST: lambda breaking: breaking.without_authorization(),
    Finding.OUTPOST_WITHOUT_PROVIDER: lambda breaking: breaking.unattached(),
    Finding.PROVIDER_HOST: lambda breaking: breaking.provider_with(external_host="https://elsewhere.lab.test"),
    Finding.BINDING_MISSING: lambda breaking: breaking.unbound(),
    Finding.ENGINE_MODE: lambda breaking: breaking.application_with(policy_engine_mode="all"),
    Finding.ACCOUNT_INACTIVE: lambda breaking: breaking.driver.broken({"is_active": False}),
    Finding.ACCOUNT_NOT_IN_GROUP: lambda breaking: breaking.driver.broken({"groups": []}),
    Finding.PASSWORD_EXPIRED: lambda breaking: breaking.expiring(timedelta(minutes=-1)),
    Finding.PASSWORD_WRONG: lambda breaking: breaking.rekeyed(),
}
BY_AUTHENTIK = {
    *(Finding.OUTPOST_WITHOUT_PROVIDER, Finding.PROVIDER_HOST, Finding.BINDING_MISSING, Finding.ENGINE_MODE),
    *(Finding.ACCOUNT_INACTIVE, Finding.ACCOUNT_NOT_IN_GROUP, Finding.PASSWORD_EXPIRED, Finding.PASSWORD_WRONG),
}
"""Those of them that Authentik decides."""
# Found, though the phone gets through.
BESIDE: dict[Finding, Break] = {
    Finding.OUTPOST_SILENT: lambda breaking: breaking.outpost_that_nobody_runs(
        f"{breaking.driver.lab.names['second']}-outpost"
    ),
    Finding.OUTPOST_HOST: lambda breaking: breaking.logins_led_to("http://localhost"),
    Finding.ACCOUNT_EXTRA_GROUPS: lambda breaking: breaking.more_groups(),
    Finding.PEOPLE_NOT_BOUND: lambda breaking: breaking.people_group_with(
        name=f"{breaking.driver.lab.names['people_group']}-renamed"
    ),
    Finding.BINDINGS_OF_OTHERS: lambda breaking: breaking.bound_to_others(),
    Finding.MEMBERS_OF_OTHERS: lambda breaking: breaking.others_in_the_group(),
    Finding.PROVIDER_OPENED: lambda breaking: breaking.provider_with(skip_path_regex="^/api/assets/"),
    Finding.GROUP_RIGHTS: lambda breaking: breaking.group_of_superusers(),
    Finding.PASSWORDS_OF_OTHERS: lambda breaking: breaking.another_password(),
    Finding.PASSWORD_EXPIRES_SOON: lambda breaking: breaking.expiring(timedelta(minutes=20)),
    Finding.OPEN: lambda breaking: breaking.provider_with(skip_path_regex=".*"),
    Finding.OPEN_TO_ANY_HEADER: lambda breaking: breaking.provider_with(skip_path_regex=".*"),
    Finding.OTHER_PROVIDER: lambda breaking: breaking.another_provider(),
    Finding.OTHER_DOORS: lambda breaking: breaking.another_door(),
    Finding.STILL_IN: lambda breaking: breaking.configured(enabled=False),
}
APART = (Finding.OUTPOST_HOST, Finding.OTHER_PROVIDER, Finding.STILL_IN, Finding.PASSWORD_EXPIRES_SOON)
TOGETHER = [each for each in BESIDE if each not in APART]
"""Those that can be so at once. Where logins lead (OUTPOST_HOST) is one setting for all stacks on an outpost."""
# Found after the program itself has carried out what cannot work: its proof says so.
CARRIED_OUT: dict[Finding, Break] = {
    Finding.OUTPOST_UNREACHABLE: lambda breaking: breaking.carried_out(outpostUrl=f"http://{dead()}"),
    Finding.IMMICH_DOWN: lambda breaking: breaking.carried_out(upstream=f"http://{dead()}"),
    Finding.NETWORK: lambda breaking: breaking.carried_out(basicNetworks=["192.0.2.0/24"]),
}
GONE: dict[Finding, Callable[[Breaking], str]] = {
    Finding.ACCOUNT_MISSING: lambda breaking: f"/core/users/{breaking.driver.account()['pk']}/",
    Finding.PASSWORD_MISSING: lambda breaking: breaking.token(),
    Finding.PROVIDER_MISSING: lambda breaking: f"/providers/proxy/{breaking.provider()['pk']}/",
    Finding.APPLICATION_MISSING: lambda breaking: f"/core/applications/{breaking.driver.lab.names['application']}/",
}
PASTED: dict[Finding, Callable[[str], str]] = {
    Finding.HEADER_EMPTY: lambda header: header[:0],
    Finding.HEADER_SCHEME: lambda header: f"Authorization: {header}",
    Finding.HEADER_LINE_BREAK: lambda header: f"{header[:40]}\n{header[40:]}",
    Finding.HEADER_SPACE: lambda header: f"{header[:30]} {header[30:]}",
    Finding.HEADER_ALPHABET: lambda header: header[:-6] + "–" + header[-5:],
    Finding.HEADER_NO_COLON: lambda header: f"Basic {base64.b64encode(username(header).encode()).decode()}",
    Finding.HEADER_OLD: lambda header: basic(username(header), "an-older-one")["Authorization"],
    Finding.HEADER_ACCOUNT: lambda header: basic(f"not-{username(header)}", "x")["Authorization"],
}
ELSEWHERE = {
    *(Finding.NOT_IMMICH, Finding.OTHER_ANSWERS, Finding.UNEXPLAINED, Finding.OUTPOST_NOT_LOADED, Finding.CORE_DOWN),
    *(Finding.TOKEN_MISSING, Finding.TOKEN_RIGHTS, Finding.AUTHENTIK_UNREACHABLE, Finding.CADDY_UNREACHABLE),
}
"""Produced by tests of their own, further down."""
PORT_80 = {Finding.OPEN_PLAINLY}
"""What only a server on that port shows: tests/unit/test_access_probe.py."""


def username(header: str) -> str:
    return base64.b64decode(header.split()[1]).decode().partition(":")[0]


def test_every_finding_there_is_is_produced_here() -> None:
    assert {*CUT_OFF, *BESIDE, *CARRIED_OUT, *GONE, *PASTED, *ELSEWHERE, *PORT_80} == set(Finding)


@pytest.mark.real
def test_a_stack_that_is_well_has_no_finding(driver: Driver, well: Subject) -> None:
    findings = list(look(well, None))
    hidden = {Finding.TOKEN_RIGHTS} if hides_tokens(driver.version) else set()
    assert [each for each in findings if each.check.state is not State.OK and each.check.finding not in hidden] == []
    assert {each.phone for each in findings} == {"", *driver.headers()}


def fails_to_prove(subject: Subject) -> str:
    """What a proof made now says; the phones must get through at once."""
    settings, verify = subject.settings, subject.settings.verify
    public = PublicAddress(settings.site.url, verify.address, verify.ca, verify.path)
    now = Verification(public, Collector(names_of(settings), subject.connect), subject.outputs.accounts)
    with pytest.raises(ProofError) as failure:
        now.prove(subject.outputs.headers, {})
    assert not [header for header in subject.outputs.headers.values() if header.split()[1] in str(failure.value)]
    return str(failure.value)


@pytest.mark.parametrize("finding", cases(CUT_OFF, BY_AUTHENTIK), ids=lambda finding: finding.name)
def test_what_cuts_the_phone_off_is_the_likeliest_cause_to_doctor_and_proof(
    driver: Driver, breaking: Breaking, finding: Finding
) -> None:
    if finding is Finding.ACCOUNT_INACTIVE and accepts_inactive(version := driver.version):
        pytest.skip(f"Authentik {version} lets a deactivated account in by its app password")
    if finding in (Finding.PASSWORD_EXPIRED, Finding.PASSWORD_WRONG):
        in_sight_of_tokens(driver)
    # In mode all such a version lets in by any one binding: found, and not proved, though the phone gets through.
    through = finding is Finding.ENGINE_MODE and lax(driver.version)
    link = "policy engine mode" if through else "Immich"
    with CUT_OFF[finding](breaking):
        subject = read_subject(None)
        findings = until_found(driver, subject, finding, link)
        assert findings[finding].check.link == link
        told = fails_to_prove(subject)
        assert (finding.text if through else f"phone 'phone' does not get through: {finding.text}") in told
        assert ("does not get through" in told) is not through


@pytest.mark.parametrize("finding", BESIDE, ids=lambda finding: finding.name)
def test_what_does_not_keep_the_phone_out_is_found_too(driver: Driver, breaking: Breaking, finding: Finding) -> None:
    with BESIDE[finding](breaking):
        findings = until_found(driver, read_subject(None), finding)
        assert finding in findings
        assert "Immich" not in {each.check.link for each in findings.values()}


@pytest.mark.real
def test_all_that_does_not_keep_the_phone_out_is_found_at_once(driver: Driver, breaking: Breaking) -> None:
    with ExitStack() as broken:
        for finding in TOGETHER:
            broken.enter_context(BESIDE[finding](breaking))
        subject = read_subject(None)
        until_found(driver, subject, Finding.OPEN)
        findings = found(subject)
        hidden = {Finding.PASSWORDS_OF_OTHERS} if hides_tokens(driver.version) else set()
        missing = {*TOGETHER} - hidden - findings.keys()
        told = [(each.check.finding, each.check.detail) for each in findings.values()]
        assert not missing, f"not found: {sorted(each.name for each in missing)}, but: {told}"
        assert "Immich" not in {each.check.link for each in findings.values()}


def test_a_site_that_is_not_ours_is_told_by_its_answers(driver: Driver, breaking: Breaking, well: Subject) -> None:
    deadline = time.monotonic() + driver.timeout
    with breaking.plain_forward_auth():
        while True:  # the outpost may still let in what another test opened
            links = {each.check.link for each in look(well, None) if each.check.finding is Finding.OTHER_ANSWERS}
            if links == {"no header", "wrong header", "app without header"}:
                return
            assert time.monotonic() < deadline, links
            time.sleep(driver.pause)


def test_an_outpost_that_has_not_loaded_its_provider_yet_is_told(
    driver: Driver, breaking: Breaking, well: Subject
) -> None:
    pk = breaking.provider()["pk"]
    deadline = time.monotonic() + driver.timeout
    while True:
        with breaking.unattached():
            until_found(driver, well, Finding.OUTPOST_WITHOUT_PROVIDER, "Immich")
            driver.admin.attach(pk, attached=True)
            findings = found(well)
        if Finding.OUTPOST_NOT_LOADED in findings:
            return
        assert time.monotonic() < deadline


@pytest.mark.parametrize("finding", PASTED, ids=lambda finding: finding.name)
def test_what_is_wrong_with_a_pasted_header_is_told(well: Subject, finding: Finding) -> None:
    findings = found(well, PASTED[finding](well.outputs.headers["phone"]))
    assert findings[finding].check.link == "Immich"
    assert findings[finding].phone == "pasted header"


def test_the_right_header_pasted_is_well(well: Subject) -> None:
    assert found(well, well.outputs.headers["phone"]) == {}


def test_without_a_token_what_authentik_knows_cannot_be_told_and_a_wrong_password_not_explained(
    breaking: Breaking, well: Subject
) -> None:
    subject = replace(well, connect=lambda: connect("http://authentik", ""))
    assert found(subject)[Finding.TOKEN_MISSING].check.state is State.UNKNOWN
    with breaking.rekeyed():
        findings = until_found(breaking.driver, subject, Finding.UNEXPLAINED)
        assert findings[Finding.UNEXPLAINED].check.link == "Immich"


@pytest.fixture
def short_of_tokens(driver: Driver) -> Iterator[str]:
    """The key of a token that may do all that the program does but see app passwords."""
    rights = [right for right in RIGHTS if right != "authentik_core.view_token"]
    with driver.admin.operating(f"{driver.lab.names['second']}-operator", rights) as key:
        yield key


@pytest.mark.real
def test_a_right_that_the_token_lacks_is_named(driver: Driver, well: Subject, short_of_tokens: str) -> None:
    in_sight_of_tokens(driver)
    subject = replace(well, connect=lambda: connect(driver.lab.authentik_url, short_of_tokens))
    findings = found(subject)
    assert findings.keys() == {Finding.TOKEN_RIGHTS}
    assert "authentik_core.view_token" in findings[Finding.TOKEN_RIGHTS].check.detail


@pytest.mark.real
def test_a_wrong_token_is_told(driver: Driver, well: Subject) -> None:
    subject = replace(well, connect=lambda: connect(driver.lab.authentik_url, "wrong"))
    assert until_alone(driver, subject, Finding.TOKEN_RIGHTS).keys() == {Finding.TOKEN_RIGHTS}


def test_an_authentik_that_does_not_answer_is_told(well: Subject) -> None:
    subject = replace(well, connect=lambda: connect(f"http://{dead()}", "x"))
    findings = found(subject)
    assert findings.keys() == {Finding.AUTHENTIK_UNREACHABLE}


def test_an_admin_api_of_caddy_that_does_not_answer_is_told(well: Subject) -> None:
    away = replace(
        well, settings=replace(well.settings, delivery=replace(well.settings.delivery, admin=f"http://{dead()}"))
    )
    unwell = {each.check.link: each.check.state for each in look(away, None) if each.check.state is not State.OK}
    assert unwell == {"other doors": State.UNKNOWN}  # the site answers through it
    nowhere = replace(away.settings, verify=replace(away.settings.verify, address=dead()))
    findings = found(replace(away, settings=nowhere))
    assert findings[Finding.CADDY_UNREACHABLE].check.state is State.UNKNOWN


@pytest.mark.parametrize("finding", GONE, ids=lambda finding: finding.name)
def test_what_is_gone_from_authentik_is_the_likeliest_cause_until_the_program_makes_it_again(
    driver: Driver, breaking: Breaking, finding: Finding
) -> None:
    with breaking.gone(GONE[finding](breaking)):
        subject = read_subject(None)
        findings = until_found(driver, subject, finding, "Immich")
        assert findings[finding].check.link == "Immich"
        assert finding.text in fails_to_prove(subject)
    assert driver.passes(driver.header())


@pytest.mark.parametrize("finding", CARRIED_OUT, ids=lambda finding: finding.name)
def test_an_up_that_makes_what_cannot_work_fails_with_the_cause(
    driver: Driver, breaking: Breaking, finding: Finding
) -> None:
    headers = driver.headers().values()
    with CARRIED_OUT[finding](breaking) as printed:
        assert f"phone 'phone' does not get through: {finding.text}" in str(printed)
        assert "Traceback" not in str(printed)
        assert not [header for header in headers if header.split()[1] in str(printed)]
        findings = found(read_subject(None))
        assert findings[finding].check.link == "Immich"


def test_a_core_that_is_down_behind_its_outpost_is_told_and_no_password_is_blamed(breaking: Breaking) -> None:
    """As the embedded outpost acts then, by internal/web/proxy.go: it sends everybody to the login page."""

    def answer(handler: Handler) -> None:
        outpost = handler.path.startswith("/outpost.goauthentik.io/")
        (reply(302, Location="https://auth.lab.test/") if outpost else reply(503))(handler)

    with Server(answer) as server, breaking.carried_out(outpostUrl=server.url) as printed:
        assert f"phone 'phone' does not get through: {Finding.CORE_DOWN.text}" in printed
        assert found(read_subject(None))[Finding.CORE_DOWN].check.link in ("outpost", "Immich")


def test_another_server_in_immichs_place_is_told(breaking: Breaking) -> None:
    page = reply(200, b"<html>A login page", Content_Type="text/html")
    with Server(page) as server, breaking.carried_out(upstream=server.url) as printed:
        assert Finding.NOT_IMMICH.text in printed
        assert found(read_subject(None))[Finding.NOT_IMMICH].check.link == "Immich"
