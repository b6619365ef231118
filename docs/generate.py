"""`make docs` writes what of the documents stands in the code: resources.md, tables, and the settings in Pulumi.yaml.

--check only compares.
"""

import sys
from pathlib import Path

from docs.resources import resources
from docs.tables import ROOT, with_config, with_tables

DOCS = Path(__file__).parent


def main() -> int:
    """Write the files; with --check compare them, and 1 if one is behind."""
    behind = 0
    project = ROOT / "Pulumi.yaml"
    written = {DOCS / "resources.md": resources(), project: with_config(project.read_text())}
    for path in (ROOT / "README.md", *DOCS.glob("*.md")):
        if path not in written:
            written[path] = with_tables(path.read_text())
    for path, text in written.items():
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.stderr.write(f"{path.relative_to(ROOT)} is behind the code. Run: make docs\n")
            behind = 1
    return behind


if __name__ == "__main__":
    sys.exit(main())
