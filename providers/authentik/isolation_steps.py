"""How a group is shut out of an application by a negated binding, so that nobody else is let in. Pure.

In policy engine mode any, our negated binding beside somebody else's lets in everybody but the group. So an application
that only we bind gets mode all, where a further binding narrows. That we changed the mode stands on the server: our
binding then has the order MARK.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from providers.fields import Json

Binding = Mapping[str, Json]
"""A policy binding as the API shows it."""

MARK = 4031
"""The order of our binding where its application's mode was any. No order that Authentik or a person would choose."""

Step = Literal["bind", "enable", "mark", "harden", "single", "disable", "reopen", "remove", "unmark"]
"""One call. bind: a negated binding of the group; enable, disable, mark, unmark: write ours; harden, reopen: set the
application's mode; remove: ours; single: one of several of ours."""

MODES: Mapping[Step, str] = {"harden": "all", "reopen": "any"}
"""The mode that a step sets."""


def is_ours(binding: Binding, group: str) -> bool:
    """Whether a binding is one that shuts the group out."""
    bound = binding["group"] == group and binding.get("policy") is None and binding.get("user") is None
    return bound and binding["negate"] is True


def is_marked(binding: Binding) -> bool:
    """Whether a binding says that we changed its application's mode from any to all, or are about to."""
    return bool(binding["order"] == MARK)


def ours_of(bindings: Iterable[Binding], group: str, known: Collection[str] = ()) -> list[Binding]:
    """Our bindings, first the one that stays: marked, enabled, in known. A killed run's late call may make a second."""
    ours = [each for each in bindings if is_ours(each, group)]
    return sorted(ours, key=lambda each: (not is_marked(each), not each["enabled"], each["pk"] not in known))


def fields_of(step: Step, bindings: Iterable[Binding]) -> dict[str, Json]:
    """What a step writes into our binding. bindings: all of its application, for no two may have one order."""
    if step == "unmark":
        taken = {each["order"] for each in bindings}
        return {"order": next(order for order in range(len(taken) + 1) if order not in taken)}
    return {"order": MARK} if step == "mark" else {"enabled": step == "enable"}


def may_open(bindings: Iterable[Binding], group: str) -> bool:
    """Whether ours stands beside a group or user, so that it would open the application where one of both is enough."""
    ours, others = _apart(bindings, group)
    return bool(ours) and any(each["enabled"] and each.get("policy") is None for each in others)


def next_step(
    mode: str | None, bindings: Iterable[Binding], group: str, *, entered: bool, all_must_hold: bool = True
) -> Step | None:
    """The next step to shut a group out of an application, or None.

    No step lets anybody in who was kept out before, with one exception: beside an enabled binding of somebody else's,
    the mode that we changed is given back, which lets in whom the bindings of others let in in mode any.

    mode: the application's policy_engine_mode, None if not known. bindings: all of its bindings. entered: whether an
    account of the group may enter it. all_must_hold: whether mode all is what it says, for groups and users, too.
    """
    bound = list(bindings)
    ours, others = _apart(bound, group)
    if not ours:
        return "bind" if entered and not others else None
    if len(ours) > 1:
        return _fewer(ours)
    (one,) = ours
    if any(each["enabled"] for each in others) or (others and not one["enabled"]):
        lax = not all_must_hold and not is_marked(one) and may_open(bound, group)
        return _aside("any" if mode == "all" and lax else mode, one)
    if not one["enabled"]:
        return "enable"
    if mode == "any":
        return "harden" if is_marked(one) else "mark"
    return None


def last_step(mode: str | None, bindings: Iterable[Binding], group: str, *, kept: bool) -> Step | None:
    """The next step to give an application back, or None.

    It ends open to whom the bindings of others let in, in the mode of before. kept: our binding was found, and stays.
    """
    ours, others = _apart(bindings, group)
    if not ours:
        return None
    if len(ours) > 1:
        return _fewer(ours)
    (one,) = ours
    if is_marked(one) and mode == "all":
        return "disable" if one["enabled"] and any(each["enabled"] for each in others) else "reopen"
    if not kept:
        return "remove"
    return "unmark" if is_marked(one) and mode == "any" else None


def _apart(bindings: Iterable[Binding], group: str) -> tuple[list[Binding], list[Binding]]:
    bound = list(bindings)
    return ours_of(bound, group), [each for each in bound if not is_ours(each, group)]


def _fewer(ours: list[Binding]) -> Step:
    """The one that stays must shut out before another one goes."""
    return "enable" if not ours[0]["enabled"] and any(each["enabled"] for each in ours) else "single"


def _aside(mode: str | None, one: Binding) -> Step | None:
    """Step aside for the bindings of others. In a mode all that is not ours, our binding narrows and stays."""
    if mode == "any":
        return "remove"
    if not is_marked(one):
        return None if one["enabled"] else "remove"
    if mode == "all":
        return "disable" if one["enabled"] else "reopen"
    return None
