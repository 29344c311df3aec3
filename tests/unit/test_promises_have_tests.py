"""The page on trust names a test for each promise; each of them is there."""

import re
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]


def test_every_test_that_the_page_on_trust_names_is_there() -> None:
    text = (HERE / "docs" / "explanations" / "trust.md").read_text()
    named = re.findall(r"`([\w/]+\.(?:py|ts))(?:::(\w+))?`", text)
    assert len(named) > 20
    missing = []
    for file, name in named:
        path = HERE / file
        found = path.exists() and (not name or f"def {name}(" in path.read_text())
        if not found:
            missing.append(f"{file}::{name}")
    assert missing == []
