"""Whose an object is: what stands in the place of ours is taken over only where that can do no harm."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from providers.arguments import Bag
from providers.authentik.api.client import Client
from providers.authentik.api.errors import Call, Conflict, NotFound
from providers.authentik.model.kind import Kind
from providers.console import info
from providers.fields import Attributes, Json

MARKER = "pulumi"
"""The key in an object's attributes that says which resource of which stack it is."""


@dataclass(frozen=True)
class Assessment:
    """What is known of an object that stands where ours would.

    why_not_adoptable: why it can never be taken over, or "". used_by: what of others hangs on it, in words.
    of_this_stack: whether it is evidently of this stack, though it cannot bear a mark.
    """

    why_not_adoptable: str = ""
    used_by: str = ""
    of_this_stack: bool = False


def has_mark(kind: Kind) -> bool:
    """Whether objects of a kind can say whose they are."""
    return isinstance(kind.fields.get("attributes"), Attributes)


def marker(bag: Mapping[str, Json]) -> Json:
    """Which resource of which stack an object says it is, or None."""
    attributes = bag.get("attributes")
    return attributes.get(MARKER) if isinstance(attributes, dict) else None


def stack_of(bag: Mapping[str, Json]) -> str | None:
    """The project and the stack that an object says it is of, or None."""
    owner = marker(bag)
    return "/".join(owner.split("/")[:2]) if isinstance(owner, str) else None


def bears_our_mark(found: Bag, inputs: Bag) -> bool:
    """Whether an object says that it is this very resource."""
    return marker(inputs) is not None and marker(found) == marker(inputs)


def refuse_others(label: str, found: Bag, inputs: Bag) -> None:
    """Raise Conflict for an object of another resource, which even adopt does not take."""
    owner = marker(found)
    if owner and owner != marker(inputs) and stack_of(found) == stack_of(inputs):
        raise Conflict(
            f"cannot create {label}: it exists and belongs to the resource {owner.rpartition('/')[2]!r} of this stack. "
            f"Give ours another name; or, if that resource was renamed, give this one an alias."
        )
    if owner and owner != marker(inputs):
        raise Conflict(
            f"cannot create {label}: it exists and belongs to {owner!r} of another Pulumi program. Give ours another "
            f"name, or remove {MARKER!r} from its attributes in Authentik if that program is gone."
        )


def bound(stack: str, bindings: Iterable[Mapping[str, Json]], used_by: str) -> Assessment:
    """What the groups that are bound to an application say of it, and of its provider.

    Neither can bear a mark: the phones' group that is bound does. stack: ours, project/stack, "" if not said. bindings:
    the application's, as the API shows them. used_by: what hangs on it, in words.
    """
    groups = [each.get("group_obj") or {} for each in bindings if stack]
    owners = [(stack_of(group), group) for group in groups]
    for owner, group in owners:
        if owner and owner != stack and owner.partition("/")[0] == stack.partition("/")[0]:
            return Assessment(
                f"it exists and is of the stack {owner!r}, whose group {group['name']!r} is bound to its application. "
                f"Use other names and another address in this stack; or remove {MARKER!r} from that group's attributes "
                "in Authentik if that stack is gone"
            )
    return Assessment(used_by=used_by, of_this_stack=any(owner == stack for owner, _ in owners))


def by_application(client: Client, provider: Mapping[str, Json], stack: str, label: str) -> Assessment:
    """What a provider's application says of it. stack: project/stack that declares the provider, "" if not said."""
    slug = provider.get("assigned_application_slug")
    if not slug:
        return Assessment()
    used_by = f"application {slug!r}"
    if not stack:
        return Assessment(used_by=used_by)
    doing = f"see whose {label} is"
    try:
        application = client.get(f"/core/applications/{slug}/", Call(doing, "authentik_core.view_application"))
    except NotFound:
        return Assessment(used_by=used_by)
    listing = Call(doing, "authentik_policies.view_policybinding")
    bindings = client.find("/policies/bindings/", {"target": application["pk"]}, listing)
    return bound(stack, [each for each in bindings if each["target"] == application["pk"]], used_by)


def refuse_different(kind: Kind, label: str, seen: Bag, inputs: Bag, differ: list[str], adopt: str) -> None:
    """Raise Conflict for an object that is not as declared, or that would lose its secret.

    adopt: what the argument of that name is called, here and below.
    """
    if not differ and not kind.recreate_on_adopt:  # taking over a credential means creating it again
        return
    raise Conflict(f"cannot create {label}: it exists, and {_shown(kind, seen, inputs, differ)}. {_take_over(adopt)}")


def refuse_in_use(label: str, used_by: str, adopt: str) -> Conflict:
    """The refusal of an object that is as declared, where nothing says that this resource made it."""
    used = f"{used_by} uses it" if used_by else "nothing says that this stack made it"
    return Conflict(f"cannot create {label}: it exists as declared, and {used}. {_take_over(adopt)}")


def report_adopted(kind: Kind, label: str, seen: Bag, inputs: Bag, differ: list[str]) -> None:
    """Say what an adopted object had, which is about to be written over."""
    if kind.recreate_on_adopt:
        info(f"{label} existed, and is deleted and created again: {_shown(kind, seen, inputs, differ)}")
    elif differ:
        info(f"{label} existed, and is changed to what is declared: {_shown(kind, seen, inputs, differ)}")


def _take_over(adopt: str) -> str:
    return (
        f"Nothing was written. To take it over, set {adopt} to true for one `pulumi up`, or use another name. If "
        "another resource of this program made it, keep that resource's name or give this one an alias."
    )


def _shown(kind: Kind, seen: Bag, inputs: Bag, differ: list[str]) -> str:
    return "; ".join(_difference(kind, name, seen, inputs) for name in differ) or "nothing says that it is ours"


def _difference(kind: Kind, name: str, seen: Bag, inputs: Bag) -> str:
    if isinstance(kind.fields[name], Attributes):  # people keep passwords there
        one, other = seen[name] or {}, inputs[name] or {}
        keys = sorted(key for key in {*one, *other} if one.get(key) != other.get(key))
        return f"{name} differs in {', '.join(keys)}"
    return f"{name} is {seen[name]!r}, declared {inputs[name]!r}"
