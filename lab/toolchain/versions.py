"""What each tool must be, what a program found says it is, and what `lab/tools/*` pins."""

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import semver

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "lab" / "tools"
# A version inside other text, such as Caddy's "v2.11.2 h1:…"; digits of an address or a date must not pass for one.
_VERSION = re.compile(r"(?<![\w.-])v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)(?![\w.+-])")


@dataclass(frozen=True)
class Module:
    """One pinned Go module of `lab/tools`, and how its program learns its own version."""

    name: str
    title: str
    source: str
    usually: str
    version_variable: str

    @property
    def folder(self) -> Path:
        return MODULES / self.name

    @property
    def package(self) -> str:
        return self._line(r"^tool (\S+)$")

    @property
    def version(self) -> semver.Version:
        return semver.Version.parse(self._line(rf"^\s*{re.escape(self.source)} v(\S+)"))

    @property
    def go(self) -> str:
        return self._line(r"^go (\S+)$")

    def pin(self) -> str:
        content = (self.folder / "go.mod").read_bytes() + (self.folder / "go.sum").read_bytes()
        return hashlib.sha256(content).hexdigest()

    def _line(self, pattern: str) -> str:
        found = re.search(pattern, (self.folder / "go.mod").read_text(), re.MULTILINE)
        if found is None:
            raise LookupError(f"{self.folder / 'go.mod'} has no line like {pattern}")
        return found[1]


@dataclass(frozen=True)
class Spec:
    """A tool the lab needs: its program, what must stand beside it, and the oldest version that will do."""

    name: str
    title: str
    minimum: semver.Version
    because: str
    companions: tuple[str, ...]
    modules: tuple[Module, ...]
    homepage: str

    def pin(self) -> str:
        return " ".join(module.pin() for module in self.modules)


_PULUMI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
PULUMI = Spec(
    name="pulumi",
    title="Pulumi",
    minimum=semver.Version(3, 200, 0),
    because="older engines are not tried with this program",
    # The language host runs the program; the two scripts run it and the dynamic providers in Python.
    companions=("pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python"),
    modules=(
        Module(
            name="pulumi",
            title="the Pulumi engine",
            source="github.com/pulumi/pulumi/pkg/v3",
            usually="3 to 5 minutes",
            version_variable=_PULUMI_VERSION,
        ),
        Module(
            name="pulumi-language-python",
            title="Pulumi's Python language host",
            source="github.com/pulumi/pulumi/sdk/v3",
            usually="15 to 60 seconds",
            version_variable=_PULUMI_VERSION,
        ),
    ),
    homepage="https://www.pulumi.com/docs/install/",
)
CADDY = Spec(
    name="caddy",
    title="Caddy",
    minimum=semver.Version(2, 11, 2),
    because="GHSA-7r4p-vjf4-gxv4",
    companions=(),
    modules=(
        Module(
            name="caddy",
            title="Caddy",
            source="github.com/caddyserver/caddy/v2",
            usually="1.5 to 3 minutes",
            version_variable="github.com/caddyserver/caddy/v2.CustomVersion",
        ),
    ),
    homepage="https://caddyserver.com/docs/install",
)


def find_version(text: str) -> semver.Version | None:
    """The first semantic version in the text."""
    for found in _VERSION.finditer(text):
        if semver.Version.is_valid(found[1]):
            return semver.Version.parse(found[1])
    return None


def version_of(program: Path) -> semver.Version | None:
    """What the program says it is; None when it does not run or does not say."""
    version = find_version(_output(program, "version"))
    if version is None and program.name == "caddy":
        # A Caddy from `go install` calls itself "unknown", but its build information names the module.
        lines = [line.split() for line in _output(program, "build-info").splitlines()]
        named = (line[2] for line in lines if len(line) > 2 and line[1] == CADDY.modules[0].source)
        version = find_version(next(named, ""))
    return version


def _output(program: Path, argument: str) -> str:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(
            [program, argument],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout if answer.returncode == 0 else ""
