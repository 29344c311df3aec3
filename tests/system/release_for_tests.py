"""Releases of this checkout under other version numbers, also with faults, without a build and without a network."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

from environment_wheels import INSTALLED_EXTRAS, pack_environment

from pioreactor.updates.bundle import make_bundle

SOURCES = Path(__file__).parents[2] / "src"
BROKEN_MIGRATION = '''"""A migration that fails."""

import sqlalchemy as sa
from alembic import op

revision = "0099"
down_revision = "{before}"


def upgrade() -> None:
    op.execute(sa.text("CREATE TABLE made_by_the_new_version (value)"))
    op.execute(sa.text("UPDATE experiments SET no_such_column = 1"))
'''


def own_wheel(folder: Path, version: str, changes: Mapping[str, str] | None = None) -> Path:
    """Write a wheel of the sources; `changes` are files below `pioreactor` with other content."""
    changed = {
        "version.py": f'__version__ = "{version}"\n',
        "web/static/index.html": "<!doctype html><title>UI</title>",
    }
    changed |= dict(changes or {})
    package = distribution("pioreactor")
    info = f"pioreactor-{version}.dist-info"
    metadata = (package.read_text("METADATA") or "").replace(f"Version: {package.version}", f"Version: {version}", 1)
    files = {
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": package.read_text("entry_points.txt") or "",
        **{f"pioreactor/{name}": text for name, text in changed.items()},
    }
    target = folder / f"pioreactor-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as wheel:
        for path in sorted((SOURCES / "pioreactor").rglob("*")):
            name = str(path.relative_to(SOURCES))
            is_left_out = "__pycache__" in name or "/static/" in name or "/docs_site/" in name
            if path.is_file() and not is_left_out and name not in files:
                wheel.write(path, name)
        for name, text in files.items():
            wheel.writestr(name, text)
        record = f"{info}/RECORD"
        wheel.writestr(record, "".join(f"{name},,\n" for name in [*wheel.namelist(), record]))
    return target


def broken_migration() -> dict[str, str]:
    """Return the changes of a release whose migration of the database fails."""
    from pioreactor.storage.leader.revisions import newest_revision

    text = BROKEN_MIGRATION.format(before=newest_revision())
    return {"storage/leader/migrations/versions/r0099_broken.py": text}


def needed_wheels(folder: Path) -> list[Path]:
    """Pack what the software needs from the environment of the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    return pack_environment("pioreactor", INSTALLED_EXTRAS, folder)


def bundle(target: Path, wheel: Path, others: list[Path], key: Path, *, notes: str = "") -> Path:
    version = wheel.name.split("-")[1]
    make_bundle(
        target, [wheel, *others], key, version=version, released_at="2026-11-29T12:00:00Z", notes=notes, firmware=None
    )
    return target
