"""The structure of the package: no import cycle, small modules, simple functions, names that stand once."""

import statistics
from functools import cache

from code_metrics import ROOT, Tree

MAX_MODULE_LINES = 450
MAX_MEDIAN_LINES = 75
MAX_COMPLEXITY = 12
MAX_MEAN_COMPLEXITY = 2.3
MAX_USES_OF_ANY = 250
MAX_FILES_OF_ONE_FUNCTION = 19
MAX_FILES_WITH_ONE_IMPORTER = 70
SAME_NAME_FOR_A_REASON: dict[str, str] = {
    "ports.py": "the promises of a capability package, beside its adapters",
}
"""File names that stand in several folders, each with the reason."""


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


def test_few_files_have_one_importer() -> None:
    assert len(tree().files_with_one_importer()) <= MAX_FILES_WITH_ONE_IMPORTER


def test_file_names_are_repeated_for_a_reason_only() -> None:
    repeated = tree().repeated_base_names()
    assert {name: found for name, found in repeated.items() if name not in SAME_NAME_FOR_A_REASON} == {}
    assert set(SAME_NAME_FOR_A_REASON) <= set(repeated), "a reason for a name that stands once"
