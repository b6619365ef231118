"""Asks Authentik and Caddy, read-only, for what explains why a phone does not get through."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from providers.access.facts import (
    Account,
    Answer,
    Facts,
    Hidden,
    Outpost,
    Password,
    PeopleAccess,
    PhonesGroup,
    ProbeResult,
    Provider,
)
from providers.access.findings import Finding
from providers.access.header import wrong_header
from providers.arguments import Bag
from providers.authentik.api.client import Client
from providers.authentik.api.errors import AuthentikError, Call, Forbidden, NotFound
from providers.authentik.api.queries import TO_READ_TOKENS, VIEW_TOKEN, app_passwords_of, reads_tokens
from providers.authentik.exclusive_members import of_its_stack, others_in
from providers.authentik.outpost_list import hosts
from providers.authentik.policy_binding import bindings_of, in_words
from providers.authentik.service_account import identifier_of
from providers.caddy.config import doors_of, serving
from providers.caddy.doors import Doors
from providers.caddy.errors import CaddyError
from providers.errors import ProviderError
from providers.retry import RetryPolicy

if TYPE_CHECKING:
    from providers.access.probe import PublicAddress

T = TypeVar("T")

HELLO: Final = 12.0
"""Seconds within which an outpost that runs says hello: every ten (OUTPOST_HELLO_INTERVAL), kept for fifteen."""
CLOSED: Final[Bag] = {
    "mode": "forward_single",
    "intercept_header_auth": True,
    "skip_path_regex": "",
    "jwt_federation_sources": [],
    "jwt_federation_providers": [],
}
"""The proxy provider as the component declares it, of what decides whom it lets in."""
NO_RIGHTS: Final[Bag] = {"is_superuser": False, "parents": [], "parent": None, "roles": []}
"""The same of the phones' group. parent: before 2025.12."""


@dataclass(frozen=True)
class Names:
    """What the way of a stack is made of, by name. caddy_admin: URL of Caddy's admin API, "" if it has none.

    account: what the phones' accounts begin with. upstream: where Caddy reaches Immich. other_doors: addresses at which
    Caddy may serve it past the site. people_groups: also by primary
    key. restricted: whether Basic is taken from some networks alone.
    """

    url: str
    account: str
    upstream: str
    other_doors: Sequence[str]
    caddy_admin: str
    application: str
    provider: str
    phones_group: str
    people_groups: Sequence[str]
    outpost: str
    restricted: bool


class Collector:
    """Looks at the parts of one stack's way. connect: makes the client of Authentik; what it raises hides all facts.
    policy: with Caddy.

    What may not be read, or does not answer, becomes Hidden; once Authentik does not answer it is not asked again.
    """

    def __init__(self, names: Names, connect: Callable[[], Client], policy: RetryPolicy | None = None) -> None:
        self.names, self._connect, self._policy = names, connect, policy
        self._client: Client | Hidden | None = None

    def facts(self, public: "PublicAddress") -> Facts:
        """What all phones share, around the answers to the requests that must not get through."""
        without, wrong = public.ask(None), public.ask(wrong_header(self.names.account))
        provider = self._told(self._provider)
        pk = provider["pk"] if isinstance(provider, dict) else None
        assigned = isinstance(provider, dict) and provider["assigned_application_slug"] == self.names.application
        application = self._told(lambda client: self._application(client, assigned=assigned))
        bindings = self._bindings(application)
        return Facts(
            url=self.names.url,
            without=without,
            wrong=wrong,
            app=public.ask_as_app(),
            plain=public.ask_plainly(),
            route=self._route(),
            outpost=provider if isinstance(provider, Hidden) else self._told(lambda client: self._outpost(client, pk)),
            provider=Provider(provider["external_host"], _differing(provider, CLOSED))
            if isinstance(provider, dict)
            else provider,
            application=application
            if isinstance(application, Hidden)
            else application is not None and application["provider"] == pk,
            bound=bindings if isinstance(bindings, Hidden) else any(map(self._lets_phones_in, bindings)),
            others=()
            if isinstance(bindings, Hidden)
            else tuple(in_words(each) for each in bindings if not self._is_declared(each)),
            phones_group=self._told(self._phones_group),
            people=self._people(application, bindings),
            now=datetime.now(UTC),
            restricted=self.names.restricted,
            doors=self.doors(),
            rivals=self.rivals(),
            former=_is_of_another(without, provider),
        )

    def serves_another(self, without: ProbeResult) -> bool:
        """Whether a redirect to the login page comes from another provider than this stack's; False if unknown."""
        return _is_of_another(without, self._told(self._provider))

    def doors(self) -> Doors | Hidden:
        """The other ways to Immich in Caddy, by one call."""
        names = self.names
        if not names.caddy_admin:
            return Hidden("Caddy's admin API does not show it")
        try:
            return doors_of(names.caddy_admin, names.url, names.upstream, names.other_doors, self._policy)
        except CaddyError as error:
            return Hidden(str(error), Finding.CADDY_UNREACHABLE)

    def rivals(self) -> tuple[str, ...] | Hidden:
        """The names of the outpost's other providers of our host, by one call, and one more where there are any."""
        return self._told(self._rivals)

    def people(self) -> PeopleAccess | Hidden:
        """How people get in, by two calls."""
        application = self._told(lambda client: self._application(client, assigned=True))
        return self._people(application, self._bindings(application))

    def account(self, username: str) -> Account | Hidden | None:
        """The account of that name."""
        if not username:
            return Hidden("the header does not tell the account")
        return self._told(lambda client: self._account(client, username))

    def password(self, username: str) -> Password | Hidden | None:
        """The app password of that account: of several the one that lasts longest."""
        if not username:
            return Hidden("the header does not tell the account")
        return self._told(lambda client: self._password(client, username))

    def _told(self, ask: Callable[[Client], T]) -> T | Hidden:
        if self._client is None:
            try:
                self._client = self._connect()
            except ProviderError as error:
                self._client = Hidden(str(error), Finding.TOKEN_MISSING)
        if isinstance(self._client, Hidden):
            return self._client
        try:
            return ask(self._client)
        except (Forbidden, NotFound) as error:
            return Hidden(str(error), Finding.TOKEN_RIGHTS)
        except AuthentikError as error:
            self._client = Hidden(str(error), Finding.AUTHENTIK_UNREACHABLE)
            return self._client

    def _route(self) -> bool | Hidden:
        if not self.names.caddy_admin:
            return Hidden("Caddy's admin API does not show it")
        try:
            return serving(self.names.caddy_admin, self.names.url, self._policy)
        except CaddyError as error:
            return Hidden(str(error), Finding.CADDY_UNREACHABLE)

    def _provider(self, client: Client) -> dict[str, Any] | None:
        name = self.names.provider
        call = Call(f"find proxy provider {name!r}", "authentik_providers_proxy.view_proxyprovider")
        listed = client.find("/providers/proxy/", {"name__iexact": name}, call)
        return next((each for each in listed if each["name"] == name), None)

    def _application(self, client: Client, *, assigned: bool) -> dict[str, Any] | None:
        """assigned: whether its provider names it, so that one that is not found is only not shown to us."""
        slug = self.names.application
        try:
            return client.get(
                f"/core/applications/{slug}/", Call(f"read application {slug!r}", "authentik_core.view_application")
            )
        except NotFound:
            if assigned:
                raise
            return None

    def _bindings(self, application: dict[str, Any] | Hidden | None) -> list[Bag] | Hidden:
        if application is None or isinstance(application, Hidden):
            return application or []
        call = Call(
            f"read the bindings of application {application['slug']!r}", "authentik_policies.view_policybinding"
        )
        return self._told(lambda client: bindings_of(client, application["pk"], call))

    def _people(
        self, application: dict[str, Any] | Hidden | None, bindings: list[Bag] | Hidden
    ) -> PeopleAccess | Hidden:
        if isinstance(application, Hidden):
            return application
        if isinstance(bindings, Hidden):
            return bindings
        bound = {each for binding in bindings if _lets_in(binding) for each in _groups_of(binding)}
        unbound = tuple(group for group in self.names.people_groups if group not in bound)
        return PeopleAccess(unbound, (application or {}).get("policy_engine_mode", "any"))

    def _lets_phones_in(self, binding: Bag) -> bool:
        return self.names.phones_group in _groups_of(binding) and _lets_in(binding)

    def _is_declared(self, binding: Bag) -> bool:
        """Whether this stack binds that group; a negated binding of it is another's."""
        names = {self.names.phones_group, *self.names.people_groups}
        return bool(names & _groups_of(binding)) and not binding["negate"]

    def _phones_group(self, client: Client) -> PhonesGroup:
        name = self.names.phones_group
        call = Call(f"find group {name!r}", "authentik_core.view_group")
        listed = client.find("/core/groups/", {"name": name, "include_children": "true"}, call)
        found = next((each for each in listed if each["name"] == name), None)
        if found is None:
            return PhonesGroup()
        others = sorted(others_in(found, of_its_stack(found)).values())
        return PhonesGroup(tuple(others), _differing(found, NO_RIGHTS))

    def _outpost(self, client: Client, provider: int | None) -> Outpost | None:
        found = self._found_outpost(client)
        if found is None:
            return None
        call = Call(f"read how outpost {found['name']!r} is", "authentik_outposts.view_outpost")
        heard = self._told(lambda client: _heard(client, found["pk"], call))
        return Outpost(attached=provider in found["providers"], heard=heard)

    def _found_outpost(self, client: Client) -> dict[str, Any] | None:
        name = self.names.outpost
        call = Call(f"read outpost {name!r}", "authentik_outposts.view_outpost")
        listed = client.find("/outposts/instances/", {"name__iexact": name}, call)
        return next((each for each in listed if each["name"] == name), None)

    def _rivals(self, client: Client) -> tuple[str, ...]:
        host = urlsplit(self.names.url).netloc.lower()
        found = hosts(client, "list the proxy providers").items()
        others = {pk: name for pk, (name, its_host) in found if its_host == host and name != self.names.provider}
        served = (self._found_outpost(client) or {"providers": []})["providers"] if others else []
        return tuple(sorted(name for pk, name in others.items() if pk in served))

    def _account(self, client: Client, username: str) -> Account | None:
        call = Call(f"find account {username!r}", "authentik_core.view_user")
        listed = client.find("/core/users/", {"username": username}, call)
        found = next((each for each in listed if each["username"] == username), None)
        if found is None:
            return None
        groups = {str(each["name"]) for each in found.get("groups_obj") or []}
        ours = self.names.phones_group
        return Account(found["is_active"], ours in groups, tuple(sorted(groups - {ours})))

    def _password(self, client: Client, username: str) -> Password | Hidden | None:
        call = Call(f"find the app password of {username!r}", VIEW_TOKEN)
        listed = app_passwords_of(client, username, call)
        found = [
            each for each in listed if each["user_obj"]["username"] == username and each["intent"] == "app_password"
        ]
        if not found:
            hidden = not reads_tokens(client, call.doing)
            takes = f"to read the tokens of others takes {TO_READ_TOKENS}"
            return Hidden(takes, Finding.TOKEN_RIGHTS) if hidden else None
        ends = [_moment(each["expires"]) if each["expiring"] else None for each in found]
        others = {each["identifier"] for each in found} - {identifier_of(username)}
        more = tuple(sorted(others)) if len(found) > 1 else ()
        return Password(None if None in ends else max(filter(None, ends), default=None), more)


def _is_of_another(without: ProbeResult, provider: dict[str, Any] | Hidden | None) -> bool:
    client = without.client if isinstance(without, Answer) else ""
    return bool(client) and isinstance(provider, dict) and client != provider["client_id"]


def _groups_of(binding: Bag) -> set[str]:
    """The primary key of the group that is bound, and the name that it has now."""
    return {each for each in (binding.get("group"), (binding.get("group_obj") or {}).get("name")) if each}


def _lets_in(binding: Bag) -> bool:
    return bool(binding["enabled"] and not binding["negate"])


def _differing(answer: Bag, declared: Bag) -> tuple[str, ...]:
    """The fields that the server has and that are not as declared."""
    return tuple(name for name, value in declared.items() if name in answer and answer[name] != value)


def _heard(client: Client, pk: str, call: Call) -> datetime | None:
    """When the outpost was heard of last; its health is a bare list, which no page holds.

    Just after Authentik's start, and where a hello is late, it is waited for. What is left of an old one has no moment.
    """
    gives_up = time.monotonic() + client.policy.scaled(HELLO)
    while True:
        seen = [_moment(each["last_seen"]) for each in client.bare_list(f"/outposts/instances/{pk}/health/", call)]
        if (last := max(filter(None, seen), default=None)) or time.monotonic() > gives_up:
            return last
        time.sleep(1)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
