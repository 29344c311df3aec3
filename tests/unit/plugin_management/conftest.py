"""Plugins on disk: files in the plugins folder, and packages that are found like installed ones."""

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pioreactor.plugin_management import discovery

_number = itertools.count()
Files = dict[str, str]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Yield an empty plugins folder; modules and paths of a test do not outlive it."""
    path, modules = list(sys.path), set(sys.modules)
    made = tmp_path / "plugins"
    made.mkdir()
    yield made
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    discovery._loaded.pop(made, None)


@pytest.fixture
def package(tmp_path: Path, folder: Path) -> Callable[[Files], str]:
    """Return a function that installs a package into a target folder on the path, and returns its name."""
    target = tmp_path / "site"

    def install(files: Files) -> str:
        name = f"package_under_test_{next(_number)}"
        for relative, text in files.items():
            file = target / name / relative
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("PACKAGE", name), encoding="utf-8")
        about = target / f"{name}-1.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (about / "entry_points.txt").write_text(f"[pioreactor.plugins]\n{name} = {name}\n")
        if str(target) not in sys.path:
            sys.path.insert(0, str(target))
        return name

    return install
