"""The study package imports nothing outside this list, anywhere in its files."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "reader_app" / "study"

ALLOWED = {
    "__future__", "collections", "collections.abc", "copy", "dataclasses", "enum", "functools", "hashlib", "itertools", "json",
    "math", "operator", "types", "typing", "unicodedata", "reader_app.errors",
}  # fmt: skip

#: Calls that would open a file, run text or ask for the outside world without an import.
FORBIDDEN_CALLS = {"open", "eval", "exec", "__import__", "input", "print", "id", "hash"}


def imports_of(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            found.add(str(node.module))
    return found


def strangers(source: str) -> set[str]:
    """Return what a module imports or calls against the list."""
    tree = ast.parse(source)
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    outside = {name for name in imports_of(tree) if name not in ALLOWED and not name.startswith("reader_app.study")}
    return outside | (calls & FORBIDDEN_CALLS)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_module_keeps_to_the_list(path: Path) -> None:
    assert strangers(path.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    "line", ["import time", "def f():\n    from os import path", "open('x')", "hash('x')", "import reader_app.clock"]
)
def test_a_planted_line_is_found(line: str) -> None:
    assert strangers((FOLDER / "session.py").read_text(encoding="utf-8") + "\n" + line + "\n")
