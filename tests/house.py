"""The rules of STYLE as functions from a module's text to the places that break them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_CLOCK = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
_ENVIRONMENT = {"environ", "environb", "getenv", "putenv"}
LONGEST = 400


def imports_inside_functions(source: str) -> list[str]:
    """Imports that hide in a function. A heavy optional package may, and says so: `# extra`."""
    lines = source.splitlines()
    imports = {
        node
        for function in _functions(source)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and not lines[node.lineno - 1].endswith("# extra")
    }
    return sorted(f"line {node.lineno}: {ast.unparse(node)}" for node in imports)


def reads_of_the_environment(source: str) -> list[str]:
    return [
        place
        for node, place in _nodes(source)
        if (isinstance(node, ast.Attribute) and _is_name(node.value, "os") and node.attr in _ENVIRONMENT)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and _imports(node) & _ENVIRONMENT)
    ]


def reads_of_the_clock(source: str) -> list[str]:
    """Calls or mentions of the system's clock. A loop's own `loop.time()` is not one."""
    return [
        place
        for node, place in _nodes(source)
        if (isinstance(node, ast.Attribute) and node.attr in _CLOCK.get(_last_name(node.value), ()))
        or (isinstance(node, ast.ImportFrom) and node.module == "time" and _imports(node) & _CLOCK["time"])
    ]


def too_long(source: str) -> list[str]:
    """Over 400 lines, with no comment `# long: why` to say why it stays."""
    count = len(source.splitlines())
    return [f"{count} lines"] if count > LONGEST and not re.search(r"^# long: \S", source, re.MULTILINE) else []


def mocks(source: str) -> list[str]:
    """Doubles go through a door; nobody patches insides."""
    return [
        place
        for node, place in _nodes(source)
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("unittest.mock", "mock")))
        or (isinstance(node, ast.Import) and any(name.name in ("mock", "unittest.mock") for name in node.names))
        or (isinstance(node, ast.Attribute) and _is_name(node.value, "monkeypatch") and node.attr == "setattr")
    ]


def opening(source: str) -> str:
    return ast.get_docstring(ast.parse(source)) or ""


def _functions(source: str) -> Iterator[ast.AST]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _nodes(source: str) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.expr | ast.stmt):
            yield node, f"line {node.lineno}: {ast.unparse(node)}"


def _imports(node: ast.ImportFrom) -> set[str]:
    return {name.name for name in node.names}


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _last_name(node: ast.expr) -> str:
    """`datetime` of both `datetime.now` and `datetime.datetime.now`."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
