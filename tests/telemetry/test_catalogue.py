"""Code says nothing that is not in the catalogue."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.telemetry.catalogue import EVENTS, misfit


def spoken(source: str) -> Iterator[tuple[int, str, list[str]]]:
    """Line, event and fields of each `emit("name", field=…)`. Fields that come from a function of the same module
    which returns a literal dict (`**_who(request)`) are read from there."""
    tree = ast.parse(source)
    returned = {
        function.name: keys
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for keys in [
            [key for node in ast.walk(function) if isinstance(node, ast.Return) for key in literal_keys(node.value)]
        ]
    }
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not call.args or not isinstance(call.args[0], ast.Constant):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in ("emit", "_emit") and isinstance(call.args[0].value, str):
            fields = [
                field for word in call.keywords for field in ([word.arg] if word.arg else splat(word.value, returned))
            ]
            yield call.lineno, call.args[0].value, fields


def splat(value: ast.expr, returned: dict[str, list[str]]) -> list[str]:
    if isinstance(value, ast.Call):
        return returned.get(getattr(value.func, "id", getattr(value.func, "attr", "")), [])
    return literal_keys(value)


def literal_keys(value: ast.expr | None) -> list[str]:
    keys = value.keys if isinstance(value, ast.Dict) else []
    return [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]


def test_everything_that_is_said_is_in_the_catalogue(repository: Path) -> None:
    wrong = [
        f"{path.relative_to(repository)}:{line}: {problem}"
        for path in sorted((repository / "fairlead").rglob("*.py"))
        for line, event, fields in spoken(path.read_text(encoding="utf-8"))
        if (problem := misfit(event, fields))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('emit("made_up", x=1)', "made_up is not in the catalogue"),
        ('self._emit("queue_full", colour=1, depth=2)', "queue_full has no field colour"),
        ('emit("queue_full", **{"colour": 1})', "queue_full has no field colour"),
        ('def who():\n    return {"colour": 1}\nemit("queue_full", **who())', "queue_full has no field colour"),
        ('emit("queue_full", depth=2)', ""),
    ],
)
def test_the_scan_finds_what_it_is_for(source: str, problem: str) -> None:
    assert [misfit(event, fields) for _, event, fields in spoken(source)] == [problem]


def test_every_event_says_when_and_which_fields() -> None:
    assert [spec.name for spec in EVENTS.values() if not spec.when or not spec.fields] == []
    assert [spec.name for spec in EVENTS.values() if len(set(spec.fields)) != len(spec.fields)] == []


def test_the_names_people_search_their_logs_for_are_there() -> None:
    known = "agent_started llm_call tool_call tool_result agent_completed http_request error workflow_execution"
    assert set(known.split()) <= set(EVENTS)
