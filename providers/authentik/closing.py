"""How a group is shut out of an application by a negated binding, so that nobody else is let in. Pure."""

from collections.abc import Iterable, Mapping
from typing import Literal

from providers.authentik.fields import Json

Binding = Mapping[str, Json]
"""A policy binding as the API shows it."""

Step = Literal["bind", "enable", "remove", "single"]
"""bind: a negated binding of the group; enable: ours, which is disabled; remove: ours; single: ours but for one."""


def is_ours(binding: Binding, group: str) -> bool:
    """Whether a binding is one that shuts the group out."""
    bound = binding["group"] == group and binding.get("policy") is None and binding.get("user") is None
    return bound and binding["negate"] is True


def next_step(mode: str | None, bindings: Iterable[Binding], group: str, *, entered: bool) -> Step | None:
    """What is to be done next at one application, or None. No step lets anybody in who was kept out before.

    mode: its policy_engine_mode, None if not known. bindings: all of its bindings. entered: whether an account of the
    group may enter it. Beside an enabled binding of somebody else's, ours lets in everybody else in mode any, and goes;
    in mode all it narrows, and stays. Where only disabled ones stand beside it, taking it away would let the group in.
    A call of a killed run that came late may have made a second one, which is as good as the first.
    """
    bound = list(bindings)
    ours = [each for each in bound if is_ours(each, group)]
    others = [each for each in bound if not is_ours(each, group)]
    enabled = sum(each["enabled"] for each in ours)
    kept: Step | None = "single" if enabled > 1 else None
    if not others:
        return kept if enabled else "enable" if ours else "bind" if entered else None
    opens = mode == "any" and any(each["enabled"] for each in others)
    return "remove" if ours and (opens or not enabled) else kept
