"""Builds what `lab/tools` pins from the Go module proxy, where only package registries can be reached."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from packaging.version import Version

from lab.toolchain.versions import PULUMI, Module, Spec
from lab.toolchain.ways import WayFailedError, Workshop, tail

BOUND = 45 * 60.0
# The language host's two scripts as they stand in the SDK's Go module.
_SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
_GO_SITE = "https://go.dev/dl/"


def build(spec: Spec, shop: Workshop) -> None:
    go = _go(spec)
    shop.bin.mkdir()
    # One after the other: each build keeps every core busy, and two would want twice the memory.
    for module in spec.modules:
        _compile(go, module, shop)
    if spec is PULUMI:
        _copy_scripts(go, spec.modules[0], shop)


def _compile(go: str, module: Module, shop: Workshop) -> None:
    log = shop.log(f"build-{module.name}.log")
    # Without the stamp `pulumi version` says nothing and `caddy version` says "unknown".
    stamp = f"-s -w -X {module.version_variable}=v{module.version}"
    out = shop.bin / module.name
    command = [go, "build", "-C", str(module.folder), "-buildvcs=false", "-ldflags", stamp]
    command += ["-o", str(out), module.package]
    doing = f"Building {module.title} {module.version} from the Go module proxy"
    with shop.progress.step(doing, f"{module.usually} on 2 cores"), log.open("wb") as output:
        try:
            subprocess.run(
                command,
                # CGO would need a C compiler, and neither tool needs CGO.
                env={**os.environ, "CGO_ENABLED": "0"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=BOUND,
                check=True,
            )
        except subprocess.TimeoutExpired:
            raise WayFailedError(f"go build did not end within {BOUND / 60:.0f} minutes (log: {log})") from None
        except subprocess.CalledProcessError as error:
            reason = f"go build of {module.title} failed with exit code {error.returncode} (log: {log})"
            raise WayFailedError(reason, detail=tail(log)) from None


def _copy_scripts(go: str, engine: Module, shop: Workshop) -> None:
    sdk = "github.com/pulumi/pulumi/sdk/v3"
    folder = Path(_ask(go, "list", "-C", str(engine.folder), "-m", "-f", "{{.Dir}}", sdk))
    for script in _SCRIPTS:
        target = shop.bin / Path(script).name
        try:
            shutil.copyfile(folder / script, target)
        except OSError as error:
            raise WayFailedError(f"{script} is not in Go's module cache: {error}") from error
        target.chmod(0o755)


def _go(spec: Spec) -> str:
    """The go command, when it is new enough or can fetch a newer one by itself."""
    needed = max((module.go for module in spec.modules), key=Version)
    go = shutil.which("go")
    if go is None:
        raise WayFailedError(f"go is not on PATH (Go ≥ {needed} is needed: {_GO_SITE})")
    # GOTOOLCHAIN=local: the version of this very go, not of one it would fetch.
    answer = _ask(go, "version", toolchain="local")
    found = re.search(r"\bgo(\d+(?:\.\d+)*(?:rc\d+)?)\b", answer)
    if found is None:
        raise WayFailedError(f"{go} does not say its version: {answer[:80]!r}")
    mine = Version(found[1])
    # From 1.21 on, go fetches the toolchain a go.mod asks for, unless it was told to stay as it is.
    fetches = mine >= Version("1.21") and _ask(go, "env", "GOTOOLCHAIN") not in ("local", "path")
    if mine < Version(needed) and not fetches:
        raise WayFailedError(f"{go} is Go {mine}, and lab/tools needs Go ≥ {needed}: {_GO_SITE}")
    return go


def _ask(go: str, *arguments: str, toolchain: str | None = None) -> str:
    environment = {**os.environ, **({"GOTOOLCHAIN": toolchain} if toolchain else {})}
    try:
        answer = subprocess.run(
            [go, *arguments],
            env=environment,
            # Outside any module, so that no go.mod has a say.
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise WayFailedError(f"`go {' '.join(arguments)}` failed: {error}") from error
    return answer.stdout.strip()
