"""`python -m doctor`: looks at a running stack, and says what keeps a phone out, or lets somebody else in.

Nothing is changed. AUTHENTIK_TOKEN and the stack's passphrase come by the environment, as for `pulumi up`. A header
is pasted at the prompt of --header, or comes on its standard input; it is never an argument.

Exit status: 0 all is well; 1 something is not; 2 nothing is known to be wrong, but something cannot be told, or the
command itself could not run; 130 interrupted.
"""

import argparse
import json
import select
import sys

from rich.console import Console

from components.settings import SettingsError
from doctor.report import STATUS, as_json, symptoms, table, verdict
from doctor.visit import look, read_subject
from phone.outputs import StackError
from providers.access.diagnose import State
from providers.errors import ProviderError


def main(argv: list[str] | None = None) -> int:
    """Run the command; the answer is its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stack", help="the stack; the selected one, or PULUMI_STACK, if left out")
    parser.add_argument("--header", action="store_true", help="look at a header that is pasted, and at no phone else")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args(argv)
    try:
        findings = list(look(read_subject(arguments.stack), pasted() if arguments.header else None))
    except (StackError, SettingsError, ProviderError) as error:
        print(f"doctor: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if arguments.json:
        print(json.dumps(as_json(findings), indent=2, ensure_ascii=False))
    else:
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
        console.print(table(findings))
        if verdict(findings) is State.OK:
            console.print(symptoms())
        console.print(f"All in all: {verdict(findings).value}.")
    return STATUS[verdict(findings)]


def pasted() -> str:
    """A header from standard input as it is, but for one line break at its end; at a terminal it is not shown."""
    if not sys.stdin.isatty():
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    return _unseen("Paste the header, Basic and what follows, and press Enter (it is not shown): ")


def _unseen(prompt: str) -> str:
    """What is typed or pasted. getpass would drop what follows a line break, which is just what must be seen."""
    import termios  # only where there is a terminal

    sys.stderr.write(prompt)
    sys.stderr.flush()
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    try:
        termios.tcsetattr(number, termios.TCSADRAIN, silent)
        text = sys.stdin.readline()
        while select.select([number], [], [], 0.3)[0] and (line := sys.stdin.readline()):
            text += line
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
        sys.stderr.write("\n")
    return text.removesuffix("\n")


if __name__ == "__main__":
    sys.exit(main())
