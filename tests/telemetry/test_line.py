from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.telemetry.line import Composer, as_json, for_people
from fairlead.telemetry.redact import Redactor
from tests.telemetry.test_emit import HandClock


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Odd:
    def __str__(self) -> str:
        return "odd bob@example.com"


def rendered(**fields: Any) -> bytes:
    composer = Composer(Redactor(), service="fairlead")
    return as_json(composer(HandClock().now(), "info", "log", composer.settled(fields)))


def parsed(**fields: Any) -> dict[str, Any]:
    return orjson.loads(rendered(**fields))


def test_units_become_a_readers() -> None:
    line = parsed(
        took=timedelta(milliseconds=12.5),
        delay=timedelta(seconds=2),
        cost_nano=1_500_000,
        tokens_in=5,
        tokens_out=7,
        x=None,
    )
    assert (line["latency_ms"], line["delay_ms"], line["cost_usd"], line["tokens"]) == (12.5, 2000.0, 0.0015, 12)
    assert "x" not in line


def test_a_line_says_first_when_what_and_who() -> None:
    assert list(parsed(run_id="r"))[:5] == ["timestamp", "level", "event", "service", "run_id"]
    assert parsed()["timestamp"] == "2026-11-22T00:00:00+00:00"


def test_what_is_said_under_a_name_of_ours_breaks_nothing() -> None:
    line = parsed(event="forged", cost_usd="bob@example.com", cost_nano=5_000_000_000, delay_ms="x", delay=timedelta(1))
    assert (line["event"], line["cost_usd"], line["delay_ms"]) == ("log", 5.0, 86_400_000.0)


def test_one_secret_among_clean_fields_is_found() -> None:
    line = parsed(agent="triage", tenant="bob@example.com", message="m", task="ask bob@example.com", tokens_in=1)
    assert (line["agent"], line["tenant"], line["message"], line["task"]) == ("triage", "[email]", "m", "ask [email]")


def test_previews_are_short_and_clean() -> None:
    line = parsed(task="t" * 500, input={"mail": "bob@example.com", "password": "hunter2"}, output="o" * 500)
    assert (len(line["task"]), len(line["output"])) == (101, 201)
    assert "bob@" not in line["input"]
    assert "hunter2" not in line["input"]


@pytest.mark.parametrize("field", ["message", "task", "input", "output", "error", "agent", "data", "anything"])
def test_a_secret_leaves_by_no_field(field: str) -> None:
    for value in ("bob@example.com", {"a": ["bob@example.com"]}, Odd(), ("bob@example.com",), {"bob@example.com": 1}):
        assert b"bob@" not in rendered(**{field: value})


def test_a_field_with_a_secret_name_is_a_secret_whatever_it_holds() -> None:
    line = parsed(password="x", api_key=12, session_token=["y"], card=4111111111111111, tokens_in=7)
    assert (line["password"], line["api_key"], line["session_token"]) == ("[secret]",) * 3
    assert (line["card"], line["tokens_in"]) == ("[card]", 7)


@pytest.mark.parametrize(
    "value",
    ["\ud800", "a\nb", "\r\n{}", "\x1b[31m", "\x9b31m", "\u2028", "\u202e", "\x00", "\x7f", math.nan, math.inf, 10**400,
     {1: {2: "\ud800"}}, {"k": 10**30}, [Odd()], Colour.RED, datetime(2026, 1, 1, tzinfo=UTC), b"\xff", {Odd(): 1}],
)  # fmt: skip
def test_no_value_breaks_or_forges_a_line(value: object) -> None:
    for name in ("message", "input", "data"):
        line = rendered(**{name: value})
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        text = line.decode()
        assert text.splitlines() == [text[:-1]]
        assert not any(mark in text for mark in "\x1b\x7f\x9b\u2028\u202e")
        orjson.loads(line)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.floats() | st.none() | st.binary()))
def test_any_data_makes_one_line_of_json(data: dict[str, Any]) -> None:
    line = rendered(data=data)
    assert len(line.decode().splitlines()) == 1
    orjson.loads(line)


def test_a_terminal_cannot_be_coloured_or_moved_by_others() -> None:
    show = for_people(colours=False)
    fields: Any = {
        "timestamp": HandClock().now(),
        "level": "info",
        "event": "log",
        "message": "\x1b]0;t\x07\r\n",
        "d": {"\x9b": 1},
    }
    text = show(fields).decode()
    assert text.count("\n") == 1
    assert not any(mark in text for mark in "\x1b\x07\r\x9b")


_TEXTS = st.sampled_from(("", "triage", "bob@example.com", "4111 1111 1111 1111", "\ud800", "…", "x" * 300))
_VALUES = (
    _TEXTS | st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.timedeltas()
    | st.sampled_from((Colour.RED, {"mail": "bob@example.com"}, 0.5, math.nan, datetime(2026, 1, 1, tzinfo=UTC)))
)  # fmt: skip
_NAMES = st.sampled_from(
    ("run_id", "agent", "tenant", "model", "took", "latency_ms", "delay", "delay_ms", "message", "input", "password",
     "event", "level", "service", "timestamp", "since", "status", "error", "anything", "cost_usd")
)  # fmt: skip


@given(st.dictionaries(_NAMES, _VALUES), st.integers(0, 5))
def test_the_short_way_says_what_the_long_way_says(fields: dict[str, Any], tokens: int) -> None:
    """What is known to be clean is taken as it is; who knows nothing yet looks at each field."""
    told = {**fields, "tokens_in": tokens, "cost_nano": tokens * 1000}
    composer, at = Composer(Redactor(), service="fairlead"), HandClock().now()
    first = as_json(composer(at, "info", "llm_call", composer.settled(told)))
    again = as_json(composer(at, "info", "llm_call", composer.settled(told)))
    afresh = Composer(Redactor(), service="fairlead")
    alone = dict(afresh(at, "info", "llm_call", {}))
    for name, value in told.items():
        said = afresh(at, "info", "llm_call", afresh.settled({name: value}))
        alone |= {key: what for key, what in said.items() if key == name or key not in _HEAD}
    assert orjson.loads(again) == orjson.loads(first) == orjson.loads(as_json(alone))


_HEAD = ("timestamp", "level", "event", "service")
