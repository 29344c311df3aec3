"""A release archive that is signed, with files in place of wheels."""

import random
from pathlib import Path

from pioreactor.updates.bundle import make_bundle


def make(folder: Path, key: Path, version: str = "27.1.0", wheel_bytes: int = 3000) -> Path:
    """Return an archive of two wheels of about so many bytes each, which cannot be compressed."""
    wheels = [folder / f"pioreactor-{version}-py3-none-any.whl", folder / "click-8-py3-none-any.whl"]
    for wheel in wheels:
        wheel.write_bytes(random.Random(wheel.name).randbytes(wheel_bytes))
    target = folder / f"release_{version}.zip"
    make_bundle(target, wheels, key, version=version, released_at="2026-11-29", notes="Faster.", firmware=wheels[1])
    return target
