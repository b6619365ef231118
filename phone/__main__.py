"""`python -m phone [list | show NAME | page NAME -o FILE]`: the phones of a stack, and a header's way to its phone.

Headers come from the stack's secret outputs. They are in no argument, variable, log or file name.
"""

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from phone import passphrase, qr, steps
from phone.outputs import Outputs, StackError, read_outputs
from phone.page import Handed, sealed_page
from phone.private_file import write_private

SHOWN = """\
The header of {phone} (fingerprint {fingerprint})

{steps}

Server: {server}
Name:   {name}
Value:  scan the code, or enter on one line:
{value}

{camera}
Clear this terminal and its scrollback afterwards: who reads the code has the header.
"""

_LAST_DESCRIPTOR = 2**31 - 1
"""The largest int of C, as which the system takes one."""


class UsageError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


def list_phones(asked: argparse.Namespace) -> None:
    """The phones with what Authentik knows of them."""
    from phone import listing  # Pulumi's SDK is behind it, which takes its time; the other commands do without it

    found = listing.gather(read_outputs(asked.stack), asked.stack, warn)
    print(json.dumps([asdict(line) for line in found], indent=2) if asked.json else listing.table(found))


def show(asked: argparse.Namespace) -> None:
    """A QR code of the header's value, and the steps in the app."""
    handed = _handed(read_outputs(asked.stack), asked.name)
    if not sys.stdout.isatty():
        if not asked.force:
            raise UsageError(
                "stdout is not a terminal: the header would stay wherever it goes. To print it anyway, add --force."
            )
        warn("stdout is not a terminal: the header stays wherever it goes.")
    elif (wide := shutil.get_terminal_size().columns) < (needed := qr.columns(handed.value)):
        warn(
            f"the terminal is {wide} columns wide, and the code needs {needed}: make it wider, or its letters smaller."
        )
    print(qr.terminal(handed.value))
    print(
        SHOWN.format(
            steps=steps.in_terminal(),
            camera=steps.CAMERA,
            phone=handed.phone,
            fingerprint=handed.fingerprint,
            server=handed.server,
            name=handed.header,
            value=handed.value,
        )
    )


def page(asked: argparse.Namespace) -> None:
    """One HTML file, sealed with a passphrase, that shows the same."""
    target: Path = asked.output
    if not asked.force and os.path.lexists(target):
        raise UsageError(f"{target} is there already. Give another name, or --force to overwrite it.")
    handed = _handed(read_outputs(asked.stack), asked.name)
    chosen = passphrase.ask() if asked.passphrase_fd is None else passphrase.read(asked.passphrase_fd)
    if weakness := passphrase.weakness(chosen):
        warn(weakness)
    try:
        write_private(target, sealed_page(handed, chosen), overwrite=asked.force)
    except FileExistsError:
        raise UsageError(f"{target} is there already. Give another name, or --force to overwrite it.") from None
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}.") from None
    print(f"{target} holds the header of {handed.phone} (fingerprint {handed.fingerprint}), sealed.")
    print("Send the passphrase another way than the file, and delete the file when the app works.")


def warn(text: str) -> None:
    """One line on stderr."""
    print(f"phone: {text}", file=sys.stderr)


def _handed(outputs: Outputs, name: str) -> Handed:
    if name not in outputs.headers:
        there = ", ".join(sorted(outputs.headers)) or "none"
        raise UsageError(f"the stack has no phone {name!r}; it has: {there}. Add it to immich:phones, then: pulumi up")
    return Handed(
        phone=name,
        server=outputs.url,
        header=outputs.header_name,
        value=outputs.headers[name],
        fingerprint=outputs.fingerprints[name],
    )


def _asked(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line asks for. Exits with 2 where it is wrong."""
    return _parser().parse_args(arguments, argparse.Namespace(stack=None, json=False))


def _descriptor(text: str) -> int:
    """The number of a file descriptor. What was given is not said again: it may be a passphrase in the wrong place."""
    if not re.fullmatch("[0-9]{1,10}", text) or int(text) > _LAST_DESCRIPTOR:
        raise argparse.ArgumentTypeError(
            "expected the number of an open file descriptor: 0 for stdin, or 3 with 3<FILE"
        )
    return int(text)


def _parser() -> argparse.ArgumentParser:
    # No defaults here: a command's would take the place of what stands before the command.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--stack", help="which stack; otherwise PULUMI_STACK, otherwise the selected one")
    listing = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    listing.add_argument("--json", action="store_true", help="the list as JSON objects")
    phone = argparse.ArgumentParser(add_help=False)
    phone.add_argument("name", metavar="NAME", help="of the phone")

    about = "The phones of a stack. Without a command: list."
    parser = argparse.ArgumentParser(prog="python -m phone", description=about, parents=[common, listing])
    parser.set_defaults(run=list_phones)
    commands = parser.add_subparsers(metavar="COMMAND")
    one = commands.add_parser("list", parents=[common, listing], help="the phones, with their last logins")
    one.set_defaults(run=list_phones)
    one = commands.add_parser("show", parents=[common, phone], help="a header as a QR code in this terminal")
    one.add_argument("--force", action="store_true", help="print even if stdout is not a terminal")
    one.set_defaults(run=show)
    one = commands.add_parser(
        "page", parents=[common, phone], help="a header in an HTML page, sealed with a passphrase"
    )
    one.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="where to write the page")
    one.add_argument("--force", action="store_true", help="overwrite FILE")
    one.add_argument(
        "--passphrase-fd", metavar="N", type=_descriptor, help="read it from this file descriptor (0: stdin)"
    )
    one.set_defaults(run=page)
    return parser


def main() -> int:
    """0: done. 1: it could not be done. 2: wrong usage. 130: interrupted."""
    asked = _asked()
    try:
        asked.run(asked)
    except (StackError, UsageError, passphrase.PassphraseError) as error:
        warn(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
