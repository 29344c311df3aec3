"""What the house rules promise about the files of this project."""

import ast
import os
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("src", "tests", "bench", "scripts", "docs", "packaging", "ui", ".ci")
LEFT_OUT = {"node_modules", "dist", "static", "__pycache__"}
GENERATED = {"ui/src/api/schema.d.ts"}
LONGEST_FILE = 450
LONGEST_FUNCTION = 60


def files(*suffixes: str) -> list[Path]:
    """Return the files people write, with one of the suffixes (or any)."""
    # In a second worktree `.git` is a file that says where the first one is.
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    for folder in FOLDERS:
        for parent, folders, names in os.walk(ROOT / folder):
            folders[:] = [name for name in folders if name not in LEFT_OUT]
            found += [Path(parent) / name for name in names]
    return [path for path in found if not suffixes or path.suffix in suffixes]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_tree_is_seen() -> None:
    names = {name_of(path) for path in files()}
    assert {"src/pioreactor/version.py", "ui/src/main.tsx", "README.md", ".ci/run"} <= names


def test_no_file_is_too_long_to_know() -> None:
    long = {
        name_of(path): lines
        for path in files(".py", ".ts", ".tsx")
        if name_of(path) not in GENERATED and (lines := path.read_text().count("\n")) > LONGEST_FILE
    }
    assert long == {}


def test_most_files_are_short() -> None:
    """Most modules are below 150 lines."""
    lengths = [path.read_text().count("\n") for path in files(".py") if path.is_relative_to(ROOT / "src")]
    assert sum(length < 150 for length in lengths) > 0.715 * len(lengths)


def test_no_function_is_too_long_to_see_at_once() -> None:
    long = {
        f"{name_of(path)}: {node.name}": lines
        for path in files(".py")
        if path.is_relative_to(ROOT / "src")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


def test_no_file_names_a_place_of_one_machine() -> None:
    machine = re.compile(rb"(?<![\w.])/(?:wor[k]|far[m]|home/(?!pioreactor\b)\w+)/[\w.]")
    named = {name_of(path) for path in files() if machine.search(path.read_bytes())}
    assert named == set()


def test_nothing_is_fetched_from_a_named_registry() -> None:
    registry = re.compile(rb"https?://[a-z0-9.-]*(?:pyp[i]|pythonhoste[d]|npmj[s]|debia[n])\.[a-z]+/")
    named = {name_of(path) for path in files() if registry.search(path.read_bytes())}
    assert named == set()


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[\w.]+", line)] == []


def test_the_lock_file_of_the_ui_names_no_address() -> None:
    assert '"resolved"' not in (ROOT / "ui" / "package-lock.json").read_text()


def test_names_of_test_files_are_unique() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_folders_of_unit_tests_mirror_the_package() -> None:
    unit = ROOT / "tests" / "unit"
    folders = {name_of(path.parent).removeprefix("tests/unit").lstrip("/") for path in unit.rglob("test_*.py")}
    without_source = {name for name in folders if not (ROOT / "src" / "pioreactor" / name).is_dir()}
    assert without_source == {"house", "facades"}, "facades has the tests of old import paths, house those of the tree"


@pytest.mark.parametrize("word", ["FIXME", "TODO", "XXX"])
def test_nothing_is_left_for_later_in_comments(word: str) -> None:
    later = re.compile(rf"(?:#|//|/\*).*\b{word}\b")
    found = {name_of(path) for path in files(".py", ".ts", ".tsx") if later.search(path.read_text())}
    assert found == set()


def test_every_module_says_in_a_sentence_what_it_is_for() -> None:
    silent = {
        name_of(path)
        for path in files(".py")
        if path.is_relative_to(ROOT / "src") and not path.read_text().lstrip().startswith('"""')
    }
    assert silent == set()


def test_the_wheel_carries_the_ui() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert "src/pioreactor/web/static/**" in build["artifacts"]
    assert (ROOT / build["hooks"]["custom"]["path"]).is_file()


def is_open_ended(pattern: str) -> bool:
    r"""Return whether a pattern that ends in `$` fits a text with a newline behind it."""
    return pattern.endswith("$") and not pattern.endswith(r"\$")


def test_patterns_fit_a_text_to_its_end() -> None:
    """`$` also fits before a last newline: `fullmatch`, or `$(?!\\n)` where the pattern is part of a JSON schema."""
    assert is_open_ended("^[a-z]+$")
    assert not is_open_ended(r"^[a-z]+$(?!\n)")
    found = [
        f"{name_of(path)}:{node.lineno}: {pattern}"
        for path in files(".py")
        if path.is_relative_to(ROOT / "src")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for pattern in patterns_of(node)
        if is_open_ended(pattern)
    ]
    # Messages of a library, not what a person or a program sends.
    assert [one for one in found if "Object missing required field" not in one] == []


def patterns_of(call: ast.Call) -> list[str]:
    """Return the regular expressions that stand in a call: `pattern=…`, or the first argument of `re.…`."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "pattern"]
    is_re = (
        isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id == "re"
    )
    given += call.args[:1] if is_re else []
    return [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
