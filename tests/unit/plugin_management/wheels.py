"""Wheels that tests write by hand, for a package index without a network."""

import zipfile
from collections.abc import Mapping
from pathlib import Path


def write_wheel(
    folder: Path,
    name: str,
    files: Mapping[str, str],
    *,
    version: str = "1.0",
    requires: tuple[str, ...] = (),
    is_plugin: bool = True,
) -> Path:
    """Write the wheel of a package with these files in its folder; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    about = f"{name}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: A plugin under test.\n"]
    metadata += [f"Requires-Dist: {each}\n" for each in requires]
    texts = {f"{name}/{path}": text for path, text in files.items()}
    texts[f"{about}/METADATA"] = "".join(metadata)
    texts[f"{about}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if is_plugin:
        texts[f"{about}/entry_points.txt"] = f"[pioreactor.plugins]\n{name} = {name}\n"
    texts[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in [*texts, f"{about}/RECORD"])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in texts.items():
            wheel.writestr(file, text)
    return path
