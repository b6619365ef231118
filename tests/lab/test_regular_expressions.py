"""Regular expressions, as the real Go takes and refuses them."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.test_rules import REGULAR


@pytest.mark.parametrize(
    ("values", "taken"), [(REGULAR, True), *[([value], False) for value in ("(?=a)", "a++", r"a\Z", "(?x)a")]]
)
def test_the_tables_agree_with_the_expressions_of_the_real_go(
    caddy: Path, tmp_path: Path, values: list[str], taken: bool
) -> None:
    lines = [line for value in values for line in value.splitlines()]
    site = "\n".join(
        f"\t@m{number} path_regexp `{line}`\n\trespond @m{number} 200" for number, line in enumerate(lines)
    )
    (tmp_path / "Caddyfile").write_text(f":0 {{\n{site}\n}}\n")
    env = {"HOME": str(tmp_path)}
    answer = subprocess.run([caddy, "validate"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (answer.returncode == 0) is taken, answer.stderr
