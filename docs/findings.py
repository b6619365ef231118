"""The table of what doctor and proof find, between its markers in operations.md."""

from providers.access.causes import Cause

BEGIN, END = "<!-- findings -->", "<!-- /findings -->"


def with_findings(text: str) -> str:
    """The document with the table as the code has it now."""
    before, _, rest = text.partition(BEGIN)
    rows = [f"| `{cause.name}` | {cause.text} | {cause.remedy} |" for cause in Cause]
    table = ["| finding | what is wrong | what to do |", "|---|---|---|", *rows]
    return "\n".join([f"{before}{BEGIN}", *table, END]) + rest.partition(END)[2]
