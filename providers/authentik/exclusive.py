"""ExclusiveProvider: what holds nothing but what is declared; what else is seen in it is drift, which up takes off."""

from typing import Any

from pulumi.dynamic import DiffResult

from providers.authentik.crud import AuthentikProvider
from providers.errors import brief


class ExclusiveProvider(AuthentikProvider):
    """State besides the arguments: `others`, words for whatever else was seen, by its primary key."""

    @brief
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        changed = self._changes(olds, news)
        return DiffResult(
            changes=bool(changed) or bool(olds["others"]),
            replaces=[name for name in changed if self.kind.fields[name].replaces],
        )

    @brief
    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Nothing: what is declared in it goes by itself."""
