"""`make docs` writes what of the documents stands in the code: resources.md, messages.md, and the findings in
operations.md. --check only compares."""

import sys
from pathlib import Path

from docs.findings import with_findings
from docs.messages import messages
from docs.resources import resources

DOCS = Path(__file__).parent


def main() -> int:
    """Write the files; with --check compare them, and 1 if one is behind."""
    behind = 0
    operations = with_findings((DOCS / "operations.md").read_text())
    for name, text in (("resources.md", resources()), ("messages.md", messages()), ("operations.md", operations)):
        path = DOCS / name
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.stderr.write(f"docs/{name} is behind the code. Run: make docs\n")
            behind = 1
    return behind


if __name__ == "__main__":
    sys.exit(main())
