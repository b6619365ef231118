"""What this user's clones have built: the next one takes it from here, by what it was built of."""

import hashlib
import os
import platform
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from lab.toolchain.versions import Spec
from lab.toolchain.ways import WayFailedError, Workshop


def place(spec: Spec) -> Path:
    """The folder of a tool in the user's cache, of these pins and for this machine."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    cache = named if named.is_absolute() else Path.home() / ".cache"
    made_of = f"{spec.pin()} {platform.system()} {platform.machine()}"
    return cache / "immich-mobile-access" / f"{spec.name}-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"


def fetch(spec: Spec, shop: Workshop) -> None:
    """Copy the tool out of the cache."""
    kept = place(spec) / "bin"
    if not kept.is_dir():
        raise WayFailedError(f"none in {kept.parent}")
    shutil.copytree(kept, shop.bin)


def keep(spec: Spec, shop: Workshop) -> None:
    """Copy a tool that was just built into the cache, as a whole; where that cannot be, the next clone builds it."""
    kept = place(spec)
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".") as aside:
            shutil.copytree(shop.bin, Path(aside) / "new" / "bin")
            shutil.rmtree(kept, ignore_errors=True)
            (Path(aside) / "new").rename(kept)
