"""Where the API token goes: what a preview shows of authentik:url, and when it is refused."""

import base64
import pickle
import sys
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pulumi.dynamic.dynamic import serialize_provider

from components.authentik_address import in_clear, origin, warning
from providers.authentik.api.configured import refuse_former
from providers.authentik.api.errors import AuthentikError
from providers.authentik.group import GroupProvider

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z][a-z0-9]{0,8}){1,3}", fullmatch=True)


@pytest.mark.parametrize(
    "url",
    [
        *("https://auth.example.org", "http://localhost:9000", "http://LOCALHOST", "http://auth.localhost"),
        *("http://127.0.0.1:9000", "http://127.8.9.1", "http://[::1]:9000", "http://[::ffff:127.0.0.1]"),
        *("http://authentik-server:9000", "http://server"),
    ],
)
def test_no_warning_for_https_and_for_what_stays_on_this_machine(url: str) -> None:
    assert warning(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        *("http://auth.example.org", "HTTP://Auth.Example.org:9000", "http://192.168.1.2", "http://[fd00::1]:9000"),
        *("http://localhost.example.org", "http://127.0.0.1.example.org", "http://127.example.org"),
        *("http://134744072", "http://0x08080808", "http://nas.local", "http://[::ffff:8.8.8.8]"),
    ],
)
def test_plain_http_to_anywhere_else_is_warned_of_by_its_address(url: str) -> None:
    assert origin(url) in warning(url)
    assert "https" in warning(url)


@given(host=NAMES, port=st.one_of(st.none(), st.integers(1, 65535)), user=st.text("abc:%40", min_size=1, max_size=9))
def test_the_address_that_is_shown_has_a_host_and_a_port_and_nothing_else(
    host: str, port: int | None, user: str
) -> None:
    where = host + (f":{port}" if port else "")
    assert origin(f"https://{user}@{where}/x/{user}?token={user}#{user}") == f"https://{where}"


@given(address=st.ip_addresses())
def test_of_addresses_only_those_of_this_machine_are_not_warned_of(address: object) -> None:
    url = f"http://[{address}]" if ":" in str(address) else f"http://{address}"
    there = ip_address(urlsplit(url).hostname or "")
    mapped = getattr(there, "ipv4_mapped", None) or there
    assert in_clear(url) is not mapped.is_loopback


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULUMI_OPTION_CONFIG_FILE", raising=False)
    return tmp_path


def settle(file: Path, config: Mapping[str, object]) -> None:
    file.write_text(yaml.safe_dump({"config": dict(config)}))


def test_an_address_of_the_state_that_is_not_set_any_more_is_refused(project: Path) -> None:
    settle(project / "Pulumi.prod.yaml", {"authentik:url": "https://auth.example.org"})
    with pytest.raises(AuthentikError, match="the token was not sent") as caught:
        refuse_former("http://user:s3cret@elsewhere.example.org", "prod")
    assert "at http://elsewhere.example.org, and authentik:url is https://auth.example.org in" in str(caught.value)
    refuse_former("https://auth.example.org/", "prod")
    refuse_former("http://elsewhere.example.org", "other")
    refuse_former("http://elsewhere.example.org", "")


def test_the_file_that_the_engine_is_told_of_is_the_one_that_counts(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(project / "Pulumi.prod.yaml", {"authentik:url": "https://one.example.org"})
    settle(project / "other.yaml", {"authentik:url": "https://two.example.org"})
    monkeypatch.setenv("PULUMI_OPTION_CONFIG_FILE", str(project / "other.yaml"))
    refuse_former("https://two.example.org", "prod")
    with pytest.raises(AuthentikError, match=r"other\.yaml"):
        refuse_former("https://one.example.org", "prod")


@pytest.mark.parametrize(
    "text",
    ["", "config: [", "config: {}", "config: {'authentik:url': {secure: v1}}", "[]", "config:\n  authentik:url:"],
)
def test_where_no_file_says_the_address_nothing_is_compared(project: Path, text: str) -> None:
    (project / "Pulumi.prod.yaml").write_text(text)
    refuse_former("https://auth.example.org", "prod")


def test_as_many_providers_as_a_stack_has_can_be_pickled_with_its_name() -> None:
    """The SDK sorts the attributes of each by a function that calls that of the one before."""
    pickled = {
        serialize_provider(GroupProvider("prod", ("adopt", "immich:adopt"))) for _ in range(sys.getrecursionlimit() + 1)
    }
    (one,) = pickled
    assert pickle.loads(base64.b64decode(one)).stack == "prod"  # noqa: S301  # made here
