"""The embedded outpost's view of the server: which applications it serves, and what it remembers."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lab.authentik.clock import duration
from lab.authentik.fields import Row
from lab.authentik.seed import EMBEDDED
from lab.authentik.store import Store

# What an outpost is told of once it is saved, by authentik/outposts/signals.py. It is not told that a provider was
# deleted, and nothing of applications, users, groups and tokens.
WATCHED = frozenset({"outpost", "provider"})
# So it asks once in a while (refresh_interval in its configuration).
REFRESH_SECONDS = 300.0


@dataclass(frozen=True)
class ProxyApp:
    """One application as the outpost loaded it."""

    provider: Row
    slug: str
    outpost_name: str
    authentik_host: str
    authentik_host_browser: str
    session_seconds: int
    skip: tuple[re.Pattern[str], ...]
    cache: dict[str, tuple[float, Row]] = field(default_factory=dict)  # claims by header value

    @property
    def host(self) -> str:
        return urlsplit(self.provider["external_host"]).netloc

    @property
    def cookie(self) -> str:
        digest = hashlib.sha256(str(self.provider["client_id"]).encode()).hexdigest()
        return f"authentik_proxy_{digest[:8]}"

    def skips(self, url: str) -> bool:
        """Paths that need no login. In domain mode the whole address is looked at."""
        whole = self.provider["mode"] == "forward_domain"
        tested = url if whole else urlsplit(url).path
        return any(pattern.search(tested) for pattern in self.skip)


class Outpost:
    """Applications reload some time after a change, and lose their cache when they do."""

    def __init__(
        self, store: Store, load_seconds: float, public_url: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._load_seconds = load_seconds
        self._public_url = public_url
        self.clock = clock
        self._due: list[float] = []
        # the session store of a host is kept over reloads, and its Max-Age with it
        self._lifetimes: dict[str, int] = {}
        self.apps: list[ProxyApp] = []
        self._load()

    def changed(self) -> None:
        self._due.append(self.clock() + self._load_seconds)
        self.tick()

    def tick(self) -> None:
        """Called before each request, so that a reload sees the state of its own moment."""
        moment = self.clock()
        if any(due <= moment for due in self._due) or moment - self._loaded >= REFRESH_SECONDS:
            self._due = [due for due in self._due if due > moment]
            self._load()

    def _load(self) -> None:
        self._loaded = self.clock()
        outpost = self._store.one("outpost", managed=EMBEDDED)
        lifetimes = self._lifetimes
        self.apps, self._lifetimes = [], {}
        for pk in outpost["providers"] if outpost else ():
            provider = self._store.get("provider", pk)
            application = self._store.one("application", provider=pk)
            if outpost is None or provider is None or application is None or provider["subtype"] != "proxy":
                continue
            host = urlsplit(provider["external_host"]).netloc
            wanted = int(duration(provider["access_token_validity"]).total_seconds()) + 1
            seconds = self._lifetimes[host] = lifetimes.get(host, wanted)
            config = outpost["config"]
            self.apps.append(ProxyApp(
                provider=dict(provider), slug=application["slug"], outpost_name=outpost["name"],
                authentik_host=str(config.get("authentik_host") or self._public_url).rstrip("/"),
                authentik_host_browser=str(config.get("authentik_host_browser") or "").rstrip("/"),
                session_seconds=seconds, skip=_patterns(provider["skip_path_regex"]),
            ))  # fmt: skip

    def app_for(self, host: str) -> ProxyApp | None:
        """By host, the last by name of several, else by the longest cookie domain that the host ends in.

        internal/outpost/proxyv2/refresh.go: the list comes by name, and each takes the place of one of the same host.
        """
        if same := [app for app in self.apps if app.host == host]:
            return max(same, key=lambda app: str(app.provider["name"]))
        domains = [
            app
            for app in self.apps
            if app.provider["mode"] == "forward_domain"
            and app.provider["cookie_domain"]
            and host.partition(":")[0].endswith(app.provider["cookie_domain"])
        ]
        return max(domains, key=lambda app: len(app.provider["cookie_domain"]), default=None)


def _patterns(text: str) -> tuple[re.Pattern[str], ...]:
    """One regexp a line; what does not compile is left out, with a warning in the real outpost's log."""
    found = []
    for line in text.split("\n") if text else ():
        try:
            found.append(re.compile(line))
        except re.error:
            continue
    return tuple(found)
