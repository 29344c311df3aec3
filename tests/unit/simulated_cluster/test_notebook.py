"""The tutorial's notebook is its page, executed."""

import json
from pathlib import Path
from typing import Any

import make_notebook
import pytest


def test_the_notebook_is_the_page_with_what_its_cells_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers may differ in their last digits between machines; a cell that fails fails here."""
    monkeypatch.chdir(tmp_path)
    kept = json.loads(make_notebook.NOTEBOOK.read_text("utf-8"))
    made = make_notebook.notebook_of(make_notebook.PAGE.read_text("utf-8"))
    assert [shown_by(cell) for cell in made["cells"]] == [shown_by(cell) for cell in kept["cells"]], (
        "run scripts/make_notebook.py"
    )
    assert (tmp_path / "growth.csv").stat().st_size > 1000


def shown_by(cell: dict[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    """Return kind and source of a cell, and which kinds of results it has."""
    kinds = [[shown["output_type"], *shown.get("data", ())] for shown in cell.get("outputs", ())]
    return cell["cell_type"], cell["source"], kinds
