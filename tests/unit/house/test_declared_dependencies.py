"""Every library that is imported is declared, every declared one is used, and workers need only the core."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAMED_TO_OTHERS = {
    "websockets": "uvicorn is told by name to speak WebSocket with it",
    "smbus2": "imported by name when a wire is first used",
    "gpiod": "imported by name when a wire is first used",
    "lgpio": "imported by name when a wire is first used",
}
"""Libraries of the running software that no import statement names."""
LEADERS_OWN = ("sqlalchemy", "alembic", "plotext", "rich")
ONLY_LEADERS_IMPORT = (
    "pioreactor.storage.leader",
    "pioreactor.web.leader",
    "pioreactor.testing",
    "pioreactor.simulated_cluster",
    "pioreactor.campaigns",
    "pioreactor.rehearsal.simulated_arms",
)


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return {normalized(re.match(r"[\w.-]+", line)[0]) for line in lines} - {"pioreactor"}  # type: ignore[index]


def imported(folder: str) -> dict[str, str]:
    """Return top-level modules of others, each with a file that imports it."""
    found: dict[str, str] = {}
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            found |= {name.split(".")[0]: str(path.relative_to(ROOT)) for name in names}
    own_scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    ours = {"pioreactor", "pioreactor_client", "bench", "tests", *own_scripts}
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names and name not in ours}


def distributions(modules: dict[str, str]) -> dict[str, str]:
    """Return the same by distribution; a module that is not installed stands for itself."""
    known = packages_distributions()
    return {normalized(name): path for module, path in modules.items() for name in set(known.get(module, [module]))}


def test_what_the_software_imports_is_declared() -> None:
    allowed = declared("leader", "simulation", "parquet", "postgresql", "rpi", "apprise", "dask")
    allowed |= {
        "pytest",  # `testing` is imported by test suites only
        "python-multipart",  # of the official client of MCP: gives way to `multipart`, whose module it names as well
    }
    assert {name: path for name, path in distributions(imported("src")).items() if name not in allowed} == {}


def test_what_is_declared_is_used() -> None:
    used = set(distributions(imported("src"))) | set(NAMED_TO_OTHERS)
    assert declared("leader", "simulation", "parquet", "rpi") - used == set()


def test_what_tests_and_tools_import_is_declared() -> None:
    allowed = declared("leader", "simulation", "parquet", "postgresql", "rpi", "ui-build", "dask", "dev")
    found = {
        name: path for folder in ("tests", "bench", "scripts") for name, path in distributions(imported(folder)).items()
    }
    assert {name: path for name, path in found.items() if name not in allowed} == {}


def test_each_pinned_version_is_of_a_package_that_something_needs() -> None:
    pending = [Requirement(line) for line in PROJECT["dependencies"]]
    pending += [Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines]
    needed: set[str] = set()
    while pending:
        requirement = pending.pop()
        needed.add(name := normalized(requirement.name))
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:  # an extra that is not installed here
            continue
        for line in requirements:
            found = Requirement(line)
            extras = ("", *requirement.extras)
            applies = found.marker is None or any(found.marker.evaluate({"extra": extra}) for extra in extras)
            if applies and normalized(found.name) not in needed:
                pending.append(found)
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {name for name in pinned if normalized(name) not in needed} == set()


def test_a_worker_needs_no_library_of_the_leader() -> None:
    """Jobs, command line and web server of a worker import with the leader's libraries out of reach."""
    program = f"""
import importlib, pkgutil, sys
for name in {LEADERS_OWN!r}:
    sys.modules[name] = None
import pioreactor
failed = []
for module in pkgutil.walk_packages(pioreactor.__path__, "pioreactor."):
    if module.name.startswith({ONLY_LEADERS_IMPORT!r}) or module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        failed.append(f"{{module.name}}: {{error}}")
print("\\n".join(failed))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
