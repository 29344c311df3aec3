"""The structure of the package: no import cycle, small modules, simple functions, names that stand once."""

import statistics
from functools import cache

from code_metrics import ROOT, Tree

MAX_MODULE_LINES = 450
MAX_MEDIAN_LINES = 89
MAX_COMPLEXITY = 12
MAX_MEAN_COMPLEXITY = 2.72
MAX_USES_OF_ANY = 199
MAX_FILES_OF_ONE_FUNCTION = 29
MAX_FILES_WITH_ONE_IMPORTER = 184
MAX_REPEATED_NAMES = 52
"""The limits are what was measured last: they may fall, not rise."""


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


def test_few_file_names_are_repeated() -> None:
    assert len(tree().repeated_base_names()) <= MAX_REPEATED_NAMES
