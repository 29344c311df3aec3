"""The package of a new plugin: a job with one recorded quantity, its configuration, a dataset, and a test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pioreactor.exc import ConflictError, InvalidRequestError

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,50}")

_FILES: Final[Mapping[str, str]] = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "NAME"
version = "0.1.0"
description = "Reads a gas sensor and records its pressure."
requires-python = ">=3.11"
authors = [{ name = "Your name" }]
dependencies = ["pioreactor"]

[project.entry-points."pioreactor.plugins"]
NAME = "NAME"

[tool.hatch.build.targets.wheel]
packages = ["NAME"]
""",
    "README.md": """\
# NAME

Build the wheel with `pip wheel --no-deps .`, see what it brings with
`pio plugins install --source NAME-0.1.0-py3-none-any.whl --dry-run`, and install it without `--dry-run`.
Run its test with `pytest`.
""",
    "NAME/__init__.py": '''\
"""Reads a gas sensor and records its pressure."""

from pioreactor import measurements
from pioreactor.background_jobs.base import BackgroundJobContrib
from pioreactor.config import config
from pioreactor.jobs.measurement import Measurement
from pioreactor.measurements import ChartSpec, ColumnSpec, MeasurementSpec, SeriesSpec, stream_table

measurements.register(
    MeasurementSpec(
        name="NAME_pressure",
        label="Pressure",
        description="Pressure above the culture.",
        topics=("NAME/pressure",),
        payload=float,
        table=stream_table("NAME_pressures", ColumnSpec("pressure_hpa", "real")),
        series=SeriesSpec("pressure_hpa", digits=3),
        charts=(ChartSpec(key="NAME_pressure", title="Pressure", y_axis_label="Pressure (hPa)"),),
    )
)


class GasSensor(BackgroundJobContrib):
    """Reads the pressure at a fixed interval."""

    job_name = "NAME"
    pressure = Measurement[float](label="Pressure", unit="hPa", quantity="NAME_pressure")

    def __init__(self, unit: str, experiment: str) -> None:
        super().__init__(unit=unit, experiment=experiment, plugin_name="NAME")
        self.every(config.getfloat("NAME.config", "interval_s", fallback=5.0), self.read)

    def read(self) -> None:
        self.pressure = 1013.25  # ask your sensor here
''',
    "NAME/additional_config.ini": "[NAME.config]\ninterval_s=5.0\n",
    "NAME/exportable_datasets/NAME_pressures.yaml": """\
dataset_name: NAME_pressures
display_name: Pressures
description: Pressure above the culture.
table: NAME_pressures
has_experiment: true
has_unit: true
timestamp_columns: [timestamp]
default_order_by: timestamp
""",
    "tests/test_NAME.py": '''\
"""The job on a simulated reactor, in virtual time."""

from NAME import GasSensor


def test_the_pressure_is_read(simulated):
    bench = simulated(scenario="water")
    job = bench.start(lambda: GasSensor(bench.unit.name, "simulation"))
    bench.wait(12)
    assert job.pressure == 1013.25
''',
}


def make_package(name: str, folder: Path) -> Path:
    """Make the package of a plugin below a folder; return its folder. Raise `ConflictError` if that exists."""
    made = folder / check_module_name(name)
    if made.exists():
        raise ConflictError(f"{made} exists")
    for relative, text in _FILES.items():
        file = made / relative.replace("NAME", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("NAME", name), encoding="utf-8")
    return made


def check_module_name(name: str) -> str:
    """Return the name of a plugin that is a module as well; raise `InvalidRequestError` for any other."""
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{name[:100]!r} cannot be the name of a plugin", remedy="Use a-z, 0-9 and _, a letter first: gas_sensor."
        )
    return name
