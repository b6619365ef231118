"""`python -m lab.toolchain`: makes sure of the tools and says where each is."""

import argparse
import sys
from pathlib import Path

from lab.toolchain import ToolchainError, ensure
from lab.toolchain.versions import ROOT


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.toolchain", description=__doc__)
    parser.add_argument("--lab", type=Path, default=ROOT / ".lab", help="the lab's folder (default: .lab)")
    try:
        tools = ensure(parser.parse_args().lab.absolute())
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. What was compiled is kept in Go's cache: the next run goes on from there.", file=sys.stderr)
        return 130
    for tool in (tools.pulumi, tools.caddy):
        origin = "on PATH" if tool.origin == "PATH" else tool.origin
        print(f"{tool.name} {tool.version} ({origin}): {tool.path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
