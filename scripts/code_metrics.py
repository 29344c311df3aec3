"""Measures the structure of the package: sizes, complexity, import cycles, `Any`, and how modules are used.

Run `python scripts/code_metrics.py [TREE...]` to print one column for each checkout, for example before and after a
change. Every import counts, inside functions and for type checkers as well.
"""

import ast
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from radon.complexity import cc_visit

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "pioreactor"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path
    is_package: bool
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @property
    def package(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]

    def is_one_function(self) -> bool:
        """Tell whether the module defines one function and nothing else."""
        parts = self.tree.body
        functions = [part for part in parts if isinstance(part, Function)]
        return len(functions) == 1 and not any(isinstance(part, ast.ClassDef) for part in parts)

    def count_any(self) -> int:
        """Return how often the word `Any` stands in the module, imports included."""
        return len(re.findall(r"\bAny\b", self.text))


class FunctionComplexity(NamedTuple):
    """The cyclomatic complexity of one function."""

    module: str
    function: str
    complexity: int


class Tree:
    """The modules of one checkout."""

    def __init__(self, root: Path) -> None:
        source = root / "src"
        self.modules: dict[str, Module] = {}
        for path in sorted((source / PACKAGE).rglob("*.py")):
            parts = path.relative_to(source).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            self.modules[name] = Module(name, path, is_package, path.read_text(encoding="utf-8"))

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """Return for each module the modules of the package that it imports."""
        return {name: set(self._imports_of(module)) - {name} for name, module in self.modules.items()}

    def _imports_of(self, module: Module) -> Iterator[str]:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if alias.name in self.modules)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    parents = module.package.split(".")
                    above = parents[: len(parents) - node.level + 1]
                    base = ".".join([*above, base] if base else above)
                for alias in node.names:
                    full = f"{base}.{alias.name}"
                    if full in self.modules:
                        yield full
                    elif base in self.modules:
                        yield base

    def cycles(self) -> list[list[str]]:
        """Return the strongly connected groups of more than one module, the largest first (Tarjan 1972)."""
        order: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        found: list[list[str]] = []

        def visit(name: str) -> None:
            order[name] = low[name] = len(order)
            stack.append(name)
            for other in sorted(self.imports[name]):
                if other not in order:
                    visit(other)
                    low[name] = min(low[name], low[other])
                elif other in stack:
                    low[name] = min(low[name], order[other])
            if low[name] == order[name]:
                group = stack[stack.index(name) :]
                del stack[stack.index(name) :]
                if len(group) > 1:
                    found.append(sorted(group))

        for name in self.modules:
            if name not in order:
                visit(name)
        return sorted(found, key=len, reverse=True)

    def importers(self) -> dict[str, set[str]]:
        """Return for each module which modules import it."""
        importers: dict[str, set[str]] = defaultdict(set)
        for name, targets in self.imports.items():
            for target in targets:
                importers[target].add(name)
        return importers

    def complexities(self) -> list["FunctionComplexity"]:
        """Return the cyclomatic complexity of each function and method."""
        return [
            FunctionComplexity(name, block.name, block.complexity)
            for name, module in self.modules.items()
            for block in cc_visit(module.text)
            if block.letter in ("F", "M")
        ]

    def files_of_one_function(self) -> list[str]:
        return [name for name, module in self.modules.items() if module.is_one_function()]

    def files_with_one_importer(self) -> list[str]:
        importers = self.importers()
        return [name for name in self.modules if len(importers.get(name, ())) == 1]

    def repeated_base_names(self) -> dict[str, list[str]]:
        """Return file names that stand in more than one folder, with the modules that have them."""
        by_base: dict[str, list[str]] = defaultdict(list)
        for name, module in self.modules.items():
            if not module.is_package:
                by_base[module.path.name].append(name)
        return {base: names for base, names in by_base.items() if len(names) > 1}


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def metrics(tree: Tree) -> dict[str, str]:
    """Return the figures of one checkout, ready to print."""
    lines = [module.lines for module in tree.modules.values()]
    complexities = [block.complexity for block in tree.complexities()]
    cycles = tree.cycles()
    repeated = tree.repeated_base_names()
    return {
        "modules": str(len(lines)),
        "lines: median / p90 / max": f"{statistics.median(lines):.0f} / {percentile(lines, 0.9)} / {max(lines)}",
        "complexity: mean / p95 / max": (
            f"{statistics.mean(complexities):.2f} / {percentile(complexities, 0.95)} / {max(complexities)}"
        ),
        "import cycles (sizes)": f"{len(cycles)} ({', '.join(str(len(group)) for group in cycles) or '-'})",
        "uses of Any": str(sum(module.count_any() for module in tree.modules.values())),
        "files of one function": str(len(tree.files_of_one_function())),
        "files with one importer": str(len(tree.files_with_one_importer())),
        "repeated base names / files": f"{len(repeated)} / {sum(map(len, repeated.values()))}",
    }


def main() -> None:
    roots = [Path(argument) for argument in sys.argv[1:]] or [ROOT]
    columns = [metrics(Tree(root)) for root in roots]
    for name in columns[0]:
        sys.stdout.write(f"{name:<32}" + "".join(f"{column[name]:>22}" for column in columns) + "\n")


if __name__ == "__main__":
    main()
