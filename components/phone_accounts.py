"""PhoneAccounts: a service account with its app password for each phone, and the former one while both are valid."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from components.arguments import ImmichMobileAccessArgs, Phone
from components.basic_header import basic_header
from components.fingerprint import fingerprint
from components.named import NAMED
from providers.authentik.group import Group
from providers.authentik.service_account import ServiceAccount, ServiceAccountArgs

AS_BORN = ["name", "attributes", "expiring", "expires"]
"""What a former account keeps, whatever the settings say of the phone by now."""

ONLY_THE_LAST = (
    "or, if its generation was raised by more than one, raise it by one first: overlap keeps the generation before, so "
    "the one that the phone has now would go."
)


class PhoneAccounts:
    """The accounts of all phones.

    Each generation is a resource of its own: the next one is made before it goes, and where it stays it is left alone.
    """

    def __init__(self, prefix: str, args: ImmichMobileAccessArgs, group: Group, parent: pulumi.Resource) -> None:
        self._prefix, self._args, self._group, self._parent = prefix, args, group, parent
        self.former = {phone.name: self._account(phone.former, former=True) for phone in args.phones if phone.former}
        self.current = {phone.name: self._account(phone) for phone in args.phones}
        headers = {phone: _header(account) for phone, account in self.current.items()}
        self.headers: Output[dict[str, str]] = Output.secret(_gathered(headers))
        """Phone name to `Basic …`: secret."""
        every = self.current | {f"{phone} (former)": account for phone, account in self.former.items()}
        self.all_headers: Output[dict[str, str]] = Output.secret(
            _gathered({phone: _header(account) for phone, account in every.items()})
        )
        """The same, with the header of each former generation that stays: secret."""
        self.all_usernames = _usernames(every)
        """By the same names the account of each."""
        self.written = _gathered({phone: account.written for phone, account in every.items()})
        """By the same names what changes with every write to the account."""
        prints = {phone: header.apply(fingerprint) for phone, header in headers.items()}
        self.fingerprints: Output[dict[str, str]] = Output.unsecret(_gathered(prints))
        """Phone name to the fingerprint of its header: made to be shown."""
        self.generations = {phone.name: phone.generation for phone in args.phones}
        self.usernames = _usernames(self.current)
        """Phone name to account."""
        self.former_usernames = _usernames(self.former)
        """Phone name to the account of its former generation, for each that has one."""
        base = args.service_account
        self.by_username = {phone.username(base): self.current[phone.name] for phone in args.phones} | {
            phone.former.username(base): self.former[phone.name] for phone in args.phones if phone.former
        }
        """Every account, by its username."""

    def _account(self, phone: Phone, *, former: bool = False) -> ServiceAccount:
        declared: ServiceAccountArgs = {
            "username": phone.username(self._args.service_account),
            "name": f"Immich phone: {phone.name}, generation {phone.generation}",
            "is_active": self._args.enabled,
            # Out of the group, too: older versions of Authentik take the app password of an account that is not active.
            "groups": [self._group.id] if self._args.enabled else [],
            "roles": [],
            "email": "",  # whose mail it is could recover a login
            "attributes": _described(phone),
        }
        if phone.expires:
            declared |= {"expiring": True, "expires": phone.expires}
        if former:
            declared["former"] = ONLY_THE_LAST
        return ServiceAccount(
            f"{self._prefix}-{phone.name}.g{phone.generation}",
            declared,
            adopt=self._args.adopt,
            named=NAMED,
            opts=ResourceOptions(parent=self._parent, ignore_changes=AS_BORN if former else None),
        )


def usernames(args: ImmichMobileAccessArgs) -> list[str]:
    """Those of every account, of former generations too."""
    accounts = [account for phone in args.phones for account in (phone, phone.former) if account]
    return [account.username(args.service_account) for account in accounts]


def _described(phone: Phone) -> dict[str, str | int]:
    """Attributes that tell an operator, in Authentik's own interface, which phone an account is."""
    note = {"note": phone.note} if phone.note else {}
    return {"phone": phone.name, "generation": phone.generation, **note}


def _header(account: ServiceAccount) -> Output[str]:
    return Output.all(account.username, account.key).apply(lambda both: basic_header(*both))


def _usernames(accounts: Mapping[str, ServiceAccount]) -> Output[dict[str, str]]:
    return _gathered({phone: account.username for phone, account in accounts.items()})


def _gathered(outputs: Mapping[str, Output[str]]) -> Output[dict[str, str]]:
    """One output of many; Output.all would make a list of none."""
    gathered: Output[Any] = Output.from_input(dict(outputs))
    return gathered
