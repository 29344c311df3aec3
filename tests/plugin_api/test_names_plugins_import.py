"""Every name that public plugins import is there, and importing one does nothing else."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.runtime import context

NAMES = (Path(__file__).parents[2] / "scripts" / "plugin_names.txt").read_text().split()


@pytest.fixture(scope="module")
def runtime() -> context.Runtime:
    return build_simulation().units[0].runtime


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_imported(name: str, runtime: context.Runtime) -> None:
    with context.using(runtime):
        parts, found = name.split("."), import_module("pioreactor")
        for number, part in enumerate(parts):
            if hasattr(found, part):
                found = getattr(found, part)
            else:
                found = import_module("pioreactor." + ".".join(parts[: number + 1]))
        assert found is not None


def test_importing_reads_nothing_and_costs_no_heavy_library() -> None:
    modules = sorted({name.rsplit(".", 1)[0] if name.rsplit(".", 1)[-1][0].isupper() else name for name in NAMES})
    plain = [m for m in modules if m in ("pubsub", "mureq", "hardware", "whoami", "config", "logging", "utils.timing")]
    code = "import sys; " + "; ".join(f"import pioreactor.{module}" for module in plain)
    code += "; print(sorted({'numpy', 'litestar', 'sqlalchemy', 'rich', 'paho', 'yaml', 'sqlite3'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert shown.stdout == "[]\n"
