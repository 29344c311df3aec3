"""Names and text use the terms of the field: retired words, and words with several meanings, are not used."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("src", "tests", "bench", "scripts", "docs", "packaging", "ui/src")
SUFFIXES = {".py", ".md", ".ts", ".tsx", ".ini", ".service", ".toml", ".yaml"}
NOT_CHECKED = (
    "docs/explanations/decisions/",  # records keep the words of their time
    "tests/plugin_api/",  # stands for plugins of others and stays as it is
    "tests/unit/house/test_language.py",
    "src/pioreactor/web/docs_site/",
)

RETIRED: dict[str, str] = {
    r"surroundings": "context",
    r"\bshelf\b": "store",
    r"ghost": "stale state",
    r"\bwish(es)?\b|_wish|wish_": "desired state, request",
    r"\bwhom\b": "a noun",
    r"\bhear_|_hear\b|_hear_|(?<!unit-)\bhears?\b|\bheard\b": "on_message, receive, subscribe",
    r"\b_?say\(|def _?say_": "log, report, print_line",
    r"workbench": "fixture",
    r"\bunlearn|\blesson": "snapshot, rollback",
    r"\btroubles?\b": "fault",
    r"\bcomplaints?\b": "error, finding",
    r"the books\b|\bvial_books": "volume ledger",
    r"\bgoes on\b|\bgo on\b|\bgoing on\b": "continues",
    r"\b(is|are|was|were) told of\b": "is reported",
    r"\bbrought along\b": "carried over",
    r"\bleft out\b": "skipped, omitted",
    r"\bnobody\b": "no process, no one",
    r"\bsomebody\b|\bwhoever\b": "a person, the caller",
    r"\b_?be_well|\bwell again\b": "recovered",
    r"present_lane": "current_lane",
    r"\bMOST_|\bLEAST_|\bmost_(ml|celsius|pages|w|s)\b": "MAX_, MIN_",
    r"\bspec §|twin\.md §": "the page in docs/",
    r"\bbeliev(e|es|ed|ing)\b|\bbeliefs?\b": "estimate, prior, assume",
    r"makes no sense\b": "is not valid",
    r"do(es)? not belong together": "Wrong name or password.",
}
"""Regular expression of a retired word, in any case of its letters → the term to use."""

AMBIGUOUS: dict[str, str] = {
    r"(?<![\w-])bench_(?!mark)": "lab_bench_ for the simulated accessories; otherwise what it is",
}
"""The same for words that had several meanings: only one of them is left."""


def checked_files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            ours = path.suffix in SUFFIXES and not name.startswith(NOT_CHECKED) and "node_modules" not in path.parts
            if ours and "static" not in path.parts and path.is_file():
                yield path


@pytest.mark.parametrize(("word", "instead"), [*RETIRED.items(), *AMBIGUOUS.items()])
def test_a_retired_word_is_not_used(word: str, instead: str) -> None:
    pattern = re.compile(word, 0 if "MOST_" in word else re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in checked_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == [], f"use instead: {instead}"
