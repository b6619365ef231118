"""Property values as the engine sends them: secrets, assets and unknowns are marked by a key of their own."""

from typing import Any, Final

_MARK: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # a mark, the same for everybody
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def plain(value: Any) -> Any:
    """A value without its secrets' marks."""
    if isinstance(value, dict):
        if value.get(_MARK) == _SECRET:
            return plain(value["value"])
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def secret(value: Any) -> bool:
    """Whether anything in it is secret."""
    if isinstance(value, dict):
        return value.get(_MARK) == _SECRET or any(secret(each) for each in value.values())
    return isinstance(value, list) and any(secret(each) for each in value)


def shown(value: str, *, hide: bool) -> Any:
    """A value as a secret, or as it is."""
    return {_MARK: _SECRET, "value": value} if hide else value
