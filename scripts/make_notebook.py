"""Executes the Python of a documentation page and writes page, code and results as a notebook.

    python scripts/make_notebook.py

The page is the source. Names live from one block to the next, as in a notebook, and the last expression of a block is
shown as Jupyter shows it.
"""

import ast
import contextlib
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "tutorials" / "a-culture-in-python.md"
NOTEBOOK: Final = PAGE.with_suffix(".ipynb")
_PART: Final = re.compile(
    r"^```python\n(?P<code>.*?)^```\n|(?P<text>.+?)(?=^```python\n|\Z(?!\n))", re.MULTILINE | re.DOTALL
)


def cells_of(page: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a page, with `code` or `markdown` as their kind."""
    for part in _PART.finditer(page):
        kind = "code" if part["code"] is not None else "markdown"
        text = (part["code"] if part["code"] is not None else part["text"]).strip("\n")
        if text:
            yield kind, text


def executed(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """Execute a cell and return what it shows, in the notebook format."""
    body = ast.parse(source)
    last = body.body.pop() if isinstance(body.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(body, PAGE.name, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), PAGE.name, "eval"), names)
    shown: list[dict[str, Any]] = []
    if printed.getvalue():
        shown.append({"name": "stdout", "output_type": "stream", "text": printed.getvalue().splitlines(keepends=True)})
    if value is not None:
        data = {"text/plain": [repr(value)]}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = [value._repr_html_()]
        shown.append({"data": data, "execution_count": None, "metadata": {}, "output_type": "execute_result"})
    return shown


def notebook_of(page: str) -> dict[str, Any]:
    """Return the page as an executed notebook (nbformat 4.5)."""
    names: dict[str, Any] = {}
    cells: list[dict[str, Any]] = []
    for number, (kind, text) in enumerate(cells_of(page)):
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": f"part-{number}",
            "metadata": {},
            "source": text.splitlines(keepends=True),
        }
        if kind == "code":
            cell |= {"execution_count": None, "outputs": executed(text, names)}
        cells.append(cell)
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


def main() -> None:
    sys.path.append(str(ROOT / "client" / "src"))
    with TemporaryDirectory() as folder, contextlib.chdir(folder):  # the page writes a file
        made = json.dumps(notebook_of(PAGE.read_text(encoding="utf-8")), indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(f"{made}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
