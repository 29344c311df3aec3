"""The structure of the package: no import cycle, small modules, simple functions, names that stand once."""

import statistics
from functools import cache

from code_metrics import ROOT, Tree

MAX_MODULE_LINES = 450
MAX_MEDIAN_LINES = 93
MAX_COMPLEXITY = 12
MAX_MEAN_COMPLEXITY = 2.72
MAX_USES_OF_ANY = 198
MAX_FILES_OF_ONE_FUNCTION = 21
MAX_SHARE_WITH_ONE_IMPORTER = 0.194
"""The share is one of all files. The limits are close to what was measured last, with room for a new package or two,
whose first files have few importers; when a package is finished, they are set to what it left."""


@cache
def tree() -> Tree:
    return Tree(ROOT)


def test_no_import_cycles() -> None:
    assert tree().cycles() == []


def test_no_module_is_long() -> None:
    long = {name: module.lines for name, module in tree().modules.items() if module.lines > MAX_MODULE_LINES}
    assert long == {}


def test_half_of_the_modules_are_short() -> None:
    assert statistics.median(module.lines for module in tree().modules.values()) <= MAX_MEDIAN_LINES


def test_no_function_is_complex() -> None:
    assert [block for block in tree().complexities() if block.complexity > MAX_COMPLEXITY] == []


def test_functions_are_simple_on_average() -> None:
    assert statistics.mean(block.complexity for block in tree().complexities()) <= MAX_MEAN_COMPLEXITY


def test_any_is_rare() -> None:
    assert sum(module.count_any() for module in tree().modules.values()) <= MAX_USES_OF_ANY


def test_few_files_hold_one_function() -> None:
    assert len(tree().files_of_one_function()) <= MAX_FILES_OF_ONE_FUNCTION


COMPOSING = {
    *("bootstrap.process", "bootstrap.simulated", "devices.driver_table", "procedures.protocols"),
    *("procedures.self_test.self_test_runner", "web.api", "web.leader.routes", "web.unit.routes"),
    "simulated_cluster.simulated_cluster",
}
"""Modules that list others: adapters, drivers, protocols, routes. What they list is not counted."""


def test_few_files_have_one_importer() -> None:
    importers = tree().importers()
    found = [
        name for name in tree().files_with_one_importer() if without_package(min(importers[name])) not in COMPOSING
    ]
    assert len(found) <= MAX_SHARE_WITH_ONE_IMPORTER * len(tree().modules)


NAMED_BY_FOLDER = (
    *("cli.commands.", "cli.running."),  # the command of this name
    *("web.leader.", "web.unit.", "storage.leader.repositories."),  # routes about it, and its tables
    *("twin.chips.", "utils."),  # the double of the driver of this name; names that plugins import
)
"""Folders that say what is in a file, so that its name only says about what."""

PLUGIN_NAMES = {
    *("bioreactor", "config", "models", "paths", "pubsub", "whoami"),
    *("actions.self_test", "background_jobs.base", "background_jobs.dosing_automation", "cli.calibrations"),
}
"""Names that plugins import: they cannot change."""

REPEATED = {
    "__main__.py": "what `python -m` runs of a package",
    "ports.py": "each package's ports lie beside their adapters",
    "base.py": "each kind of automation has its base class",
    "job.py": "the job of the package, and what a job is",
    "registry.py": "each package's registry, to which plugins add",
    "store.py": "where calibrations, and where estimators, are kept",
    "reference_page.py": "each package writes its page of the reference",
    "silent.py": "the automation `silent` of two kinds",
    "memory.py": "the adapter in memory of two ports",
    "lab_bench.py": "the accessories, and what simulates them",
    "models.py": "the data model of calibrations, and of estimators",
    "events.py": "events of automations, and structs of recorded events: plugins import both",
    "pumps.py": "the action of several pumps, and simulated pumps",
    "pwm.py": "the action with a duty, and its driver",
    "journal.py": "the journal, and the structs in it",
    "tables.py": "the schema, and the one that the first revision made",
    "fitting.py": "fits of calibrations, and the mathematics",
    "fields.py": "fields of a form, and of a configuration section",
    "payloads.py": "payloads of settings, and of calibration sessions: plugins import the latter",
    "output_guard.py": "the guard, and the command that runs it",
}
"""Each other name that stands in two folders, with the reason."""


def test_file_names_are_repeated_for_a_reason() -> None:
    repeated = {
        base
        for base, modules in tree().repeated_base_names().items()
        if len([name for name in map(without_package, modules) if is_named_alone(name)]) > 1
    }
    assert repeated == set(REPEATED)


def without_package(module: str) -> str:
    return module.removeprefix("pioreactor.")


def is_named_alone(module: str) -> bool:
    return not module.startswith(NAMED_BY_FOLDER) and module not in PLUGIN_NAMES
