"""ServiceAccount: an account and the app password that is made with it, /core/users/service_account/.

The one way in which a token that is no superuser's can make an app password for somebody else. The password is born
with the account and dies with it: what would change it replaces the account.
"""

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Required, TypedDict

from pulumi import Input, Output
from pulumi.dynamic import DiffResult, UpdateResult

from providers.arguments import Across, Bag
from providers.authentik.adoption import Assessment
from providers.authentik.api.errors import AuthentikError, Call, Conflict, Forbidden, NotFound, Refused
from providers.authentik.api.queries import TO_READ_TOKENS, VIEW_TOKEN, app_passwords_of, reads_tokens
from providers.authentik.crud import AuthentikProvider, just_written
from providers.authentik.model.kind import Kind
from providers.authentik.model.rules import no_colon
from providers.authentik.resource import AuthentikResource
from providers.authentik.user import Groups, Roles
from providers.console import info, warn
from providers.errors import brief
from providers.fields import Attributes, Boolean, Json, Text, Timestamp

DEFAULT_PATH = "goauthentik.io/service-accounts"
"""Where the endpoint puts an account; its Authentik's own default."""

UNFINISHED = "+@+"
"""Behind the username of an account until it is set up: the mark of one that a killed run left, for the endpoint takes
no attributes. Only such characters as the server leaves out of the identifier of the app password."""

_UNSEEN = (
    f"AUTHENTIK_TOKEN may not read the tokens of others, which takes {TO_READ_TOKENS}: app passwords that were "
    "revoked, and further ones of the phones' accounts, go unseen"
)


class ServiceAccountArgs(TypedDict, total=False):
    """The arguments of ServiceAccount."""

    username: Required[
        Annotated[Input[str], Text(blank=False, max_length=150 - len(UNFINISHED), rule=no_colon, replaces=True)]
    ]
    """The name, which has no colon: it stands in a Basic header."""
    name: Annotated[Input[str], Text(blank=False)]
    """The name that people read."""
    is_active: Annotated[Input[bool], Boolean(default=True)]
    """Whether the account may log in."""
    groups: Groups
    """Groups that the account is in, by primary key or name."""
    roles: Roles
    """Roles of the account itself, by primary key or name."""
    email: Annotated[Input[str], Text(max_length=254)]
    """The mail address."""
    attributes: Annotated[Input[dict[str, Any]], Attributes()]
    """Anything of your own, as JSON."""
    path: Annotated[Input[str], Text(default=DEFAULT_PATH, blank=False)]
    """The folder in which Authentik shows the account."""
    expiring: Annotated[Input[bool], Boolean(default=False, replaces=True)]
    """Whether the app password expires."""
    expires: Annotated[Input[str], Timestamp(replaces=True)]
    """When it expires, only with expiring; the server may set a limit."""
    former: Annotated[str, Text(local=True)]
    """The account is only kept; where the stack has none, the run is refused first, with these words."""


def _only_if_expiring(expires: str | None, expiring: bool) -> str | None:
    return None if expiring or expires is None else "expected only together with expiring: true"


class ServiceAccountProvider(AuthentikProvider):
    """Accounts for machines. key: the app password; token: its identifier, where that is known.

    A further app password of the account, which lets in as ours does, is drift that up takes off. State: `others`, the
    identifier of each by its primary key, once there were any; `revoked`, once ours is gone: the account is still ours
    to delete, and up replaces it.
    """

    kind = Kind(
        word="service account",
        model="authentik_core.user",
        path="/core/users/",
        args=ServiceAccountArgs,
        name_field="username",
        lookup_param="username",
        computed=("pk", "uid", "key", "token", "others", "revoked"),
        secret=("key",),
        recreate_on_adopt=True,
        rules=(Across("expires", ("expires", "expiring"), _only_if_expiring),),
    )

    @brief
    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        result = super().diff(id_, olds, news)
        result.changes = result.changes or bool(olds.get("others")) or bool(olds.get("revoked"))
        if olds.get("revoked"):
            result.replaces = [*(result.replaces or []), "key"]
        return result

    @brief
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        seen = olds.get("others")
        if not seen:
            return super().update(id_, olds, news)
        for each in self._app_passwords(olds):
            if each["pk"] in seen:  # no more than the preview showed
                self._take_off(each["identifier"], olds)
        kept = {name: value for name, value in olds.items() if name != "__provider"}
        outs = super().update(id_, olds, news).outs if self._changes(olds, news) else kept
        return UpdateResult({**(outs or {}), "others": {}, **just_written()})

    def check_against_state(self, olds: Mapping[str, Json], inputs: Bag) -> list[tuple[str, str]]:
        """A former account is kept, never made; a password that is over before it is born is of no use."""
        username, expires = inputs.get("username"), inputs.get("expires")
        revoked = bool(olds.get("revoked"))
        if inputs.get("former") and olds.get("username") != username:
            remove = f"Remove {self.named('former')}; {inputs['former']}"
            return [("former", f"this stack has no account {username!r} to keep. {remove}")]
        if inputs.get("former") and revoked:
            gone = f"the app password of account {username!r} is gone, so there is nothing to keep"
            return [("former", f"{gone}. Remove {self.named('former')}.")]
        known = self.kind.fields["expires"].same(olds.get("expires"), expires) and not revoked
        if expires and not known and datetime.fromisoformat(expires) <= datetime.now(UTC):
            return [("expires", f"must be in the future, got {expires}")]
        return []

    def make(self, inputs: Bag, body: Bag) -> Bag:
        """Under an unfinished name, and then, in one write, with its own name and the mark of its stack."""
        password: Bag = {name: body.pop(name) for name in ("expiring", "expires") if name in body}
        asked: Bag = {"name": body["username"] + UNFINISHED, "create_group": False, **password}
        body.setdefault("name", body["username"])
        adding = Call(f"create {self.label(inputs)}", "authentik_core.add_user and authentik_core.add_token")
        path = "/core/users/service_account/"
        try:
            try:
                made = self.client.post(path, asked, adding)
            except Refused:
                if not self._unfinished_removed(asked["name"], inputs):
                    raise
                made = self.client.post(path, asked, adding)
        except Refused as refused:
            remedy = " Ask for an earlier `expires`, or for none." if "expires" in refused.fields else ""
            fields = {"username" if name == "name" else name: reason for name, reason in refused.fields.items()}
            raise Refused(f"{refused}{remedy}", fields) from None
        try:
            setting_up = self.call("set up", inputs, "change")
            with self.writing(inputs):
                answer = self.client.patch(f"/core/users/{made['user_pk']}/", body, setting_up)
        except AuthentikError as error:
            raise self.undo(inputs | {"pk": made["user_pk"]}, error) from None
        identifier = identifier_of(inputs["username"])
        answer["key"] = made["token"]
        plain = re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", inputs["username"])  # a name that the server takes as it is
        if plain or self._app_password(identifier, inputs) is not None:
            answer["token"] = identifier
        return answer

    def explain_refusal(self, refused: Refused, inputs: Bag) -> AuthentikError:
        """No account of that name stands there: a token that has the identifier of its app password may."""
        identifier = identifier_of(inputs["username"])
        try:
            token = self._app_password(identifier, inputs)
        except AuthentikError:
            token = None
        if token is None:
            return refused
        owner = (token.get("user_obj") or {}).get("username", token["user"])
        return Conflict(
            f"cannot create {self.label(inputs)}: its app password would get the identifier {identifier!r}, which a "
            f"token of user {owner!r} (intent {token['intent']}) has. Nothing was written. Delete that token in "
            "Authentik (Directory, Tokens and App passwords), or give the account another name."
        )

    def fetch(self, id_: str, props: Mapping[str, Json]) -> Bag | None:
        """One read for all: the list of the account's app passwords holds the account."""
        if "token" not in props or self.client.blind_to_tokens:
            return super().fetch(id_, props)
        listed = self._app_passwords(props)
        token = next((each for each in listed if each["identifier"] == props["token"]), None)
        token = token or self._app_password(props["token"], props)  # of an account that was renamed
        if token is None and not reads_tokens(self.client, f"read the app password of {self.label(props)}"):
            if not self.client.blind_to_tokens:
                warn(_UNSEEN)
            self.client.blind_to_tokens = True
            return super().fetch(id_, props)
        if token is None or str(token["user"]) != id_ or token["intent"] != "app_password":
            account = super().fetch(id_, props)
            return None if account is None else {**account, "revoked": True}
        others = {each["pk"]: each["identifier"] for each in listed if each["pk"] != token["pk"]}
        told = {"others": others} if others or "others" in props else {}
        return {**token["user_obj"], "expiring": token["expiring"], "expires": token["expires"], **told}

    def must_delete_first(self, olds: Mapping[str, Json], news: Mapping[str, Json], changed: list[str]) -> bool:
        """An account that was renamed behind our back still has the password of the name that it had."""
        return super().must_delete_first(olds, news, changed) or olds.get("token") == identifier_of(
            str(news["username"])
        )

    def _unfinished_removed(self, name: str, inputs: Bag) -> bool:
        """Whether a killed run had left the account under its unfinished name; it is deleted, and that is told."""
        found = self.find({**inputs, "username": name}, {})
        if found is None or found.get("type") != "service_account":
            return False
        self.remove(found)
        info(f"{self.label(found)}, which a run that was cut short had left unfinished, was deleted")
        return True

    def assess(self, found: Bag, inputs: Bag) -> Assessment:
        """Taking over deletes the account, which must never happen to a person's."""
        if found.get("type") == "service_account":
            return Assessment()
        return Assessment(f"that username is a user of type {found.get('type')}, not a service account")

    def _take_off(self, identifier: str, bag: Mapping[str, Json]) -> None:
        call = Call(f"delete app password {identifier!r} of {self.label(bag)}", "authentik_core.delete_token")
        with suppress(NotFound):
            self.client.delete(f"/core/tokens/{identifier}/", call)

    def _app_passwords(self, bag: Mapping[str, Json]) -> list[Bag]:
        call = Call(f"list the app passwords of {self.label(bag)}", VIEW_TOKEN)
        return app_passwords_of(self.client, str(bag["username"]), call)

    def _app_password(self, identifier: str, bag: Mapping[str, Json]) -> Bag | None:
        call = Call(f"read the app password of {self.label(bag)}", VIEW_TOKEN)
        try:
            return self.client.get(f"/core/tokens/{identifier}/", call)
        except (NotFound, Forbidden):
            return None


class ServiceAccount(AuthentikResource[ServiceAccountArgs], module="authentik", name="ServiceAccount"):
    """A service account with its app password. id: the account's primary key (a number)."""

    provider_class = ServiceAccountProvider
    pk: Output[int]
    uid: Output[str]
    username: Output[str]
    key: Output[str]
    """The app password: secret."""


def identifier_of(username: str) -> str:
    """What the server calls the app password that it makes with an account."""
    return _slug(f"service-account-{username}-password")


def _slug(text: str) -> str:
    """As the server makes an identifier of a name."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain)).strip("-_")
