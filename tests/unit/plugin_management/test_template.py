"""The package that `pio plugins new` makes is built, checked, installed and run, and its own test passes."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from pioreactor.exc import ConflictError, InvalidRequestError
from pioreactor.plugin_management.installer import Installer, Source
from pioreactor.plugin_management.template import make_package
from pioreactor.storage.paths import Paths


def test_the_template_is_built_checked_and_tested(tmp_path: Path) -> None:
    made = make_package("gas_t", tmp_path)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "--no-index"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(made)], check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    paths = Paths.below(tmp_path / "unit")
    paths.plugins.mkdir(parents=True)
    done = Installer(paths, False, None, lambda: datetime(2026, 5, 1, tzinfo=UTC)).install(Source.of_file(wheel))
    assert done.contents.jobs == ["gas_t"]
    assert done.contents.measurements == ["gas_t_pressure"]
    assert done.contents.datasets == ["gas_t_pressures"]
    assert done.contents.configuration == ["[gas_t.config] interval_s"]
    assert "interval_s=5.0" in paths.local_config.read_text()
    shutil.rmtree(made / "gas_t")  # its test uses what was installed
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(paths.plugins / "packages" / "gas-t"), *sys.path])}
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(made / "tests")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_what_the_command_prints_can_be_typed(tmp_path: Path) -> None:
    """The lines are run as printed, in the folder where a person is: pip takes a bare name for one of its index."""
    environment = {
        **os.environ,
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "HOSTNAME": "unit1",
        "DOT_PIOREACTOR": str(tmp_path / "dot"),
        "RUN_PIOREACTOR": str(tmp_path / "run"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    run = partial(subprocess.run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    made = run(["pio", "plugins", "new", "gas_t"])
    lines = [line.strip() for line in made.stdout.splitlines() if line.startswith("  ")]
    assert len(lines) == 3, made.stdout + made.stderr
    typed = run(["bash", "-e", "-c", "\n".join(lines)])
    assert typed.returncode == 0, typed.stdout + typed.stderr
    assert "gas_t_pressure" in typed.stdout


@pytest.mark.parametrize("name", ["Gas", "1gas", "gas-sensor", "../gas", "", "g" * 60])
def test_names_that_cannot_be_modules_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequestError):
        make_package(name, tmp_path)


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    make_package("gas_t", tmp_path)
    with pytest.raises(ConflictError):
        make_package("gas_t", tmp_path)
