"""`python -m setup token` makes AUTHENTIK_TOKEN; `python -m setup blueprint` prints the blueprint to paste instead."""

import argparse
import sys
from getpass import getpass

from providers.authentik.api.client import Client
from providers.authentik.model.rules import slug
from providers.caddy.rules import upstream_url
from providers.errors import ProviderError
from setup.blueprint import NAME, blueprint
from setup.rights import LOGIN_RIGHTS, RIGHTS
from setup.token import make_token


def main() -> int:
    """The exit status: 0, 1 for a failure, 2 for wrong arguments."""
    args = _arguments()
    wanted = (*RIGHTS, *(LOGIN_RIGHTS if args.login else ()))
    if args.command == "blueprint":
        sys.stdout.write(blueprint(wanted, args.name))
        return 0
    asked = "A superuser's token (it is used once and not kept): "
    superusers = getpass(asked) if sys.stdin.isatty() else sys.stdin.readline()
    if not superusers.strip():
        _say("error: no token was given. Enter the key of a superuser's token with intent API, or pipe it in.")
        return 1
    try:
        key = make_token(Client(args.url, superusers.strip()), wanted, args.name, _say)
    except ProviderError as error:
        _say(f"error: {error}")
        return 1
    if not key:
        _say(f"The token {args.name!r} exists already. Its rights are up to date now; its key is as it was.")
        return 0
    _say(f"Created the token {args.name!r}. This is AUTHENTIK_TOKEN, shown once; delete the superuser's token now:")
    sys.stdout.write(f"{key}\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m setup", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    token = commands.add_parser("token", help="make the token, with a superuser's token from a prompt or on stdin")
    token.add_argument("--url", required=True, type=_url, help="Authentik's address, such as https://auth.example.org")
    paste = commands.add_parser("blueprint", help="print the blueprint: Customization, Blueprints, Create, Internal")
    for each in (token, paste):
        each.add_argument("--login", action="store_true", help="with the rights that immich:login needs besides")
        each.add_argument(
            "--name", default=NAME, type=_name, help="what role, group, account and token are called (%(default)s)"
        )
    return parser.parse_args()


def _url(text: str) -> str:
    if expected := upstream_url(text):
        raise argparse.ArgumentTypeError(expected)
    return text


def _name(text: str) -> str:
    if expected := slug(text):
        raise argparse.ArgumentTypeError(expected)
    return text


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
