"""`fairlead costs` and `fairlead prices` as a user types them, and what they draw."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fairlead.cli.chart import bar, columns, fitted
from fairlead.cli.cost_page import cost_page
from fairlead.clock import SystemClock
from fairlead.database import Sqlite, migrate
from fairlead.gateway.schema import MIGRATIONS, load_queries
from fairlead.gateway.usage_log import UsageLog
from tests.cli.processes import fairlead, make_project
from tests.usage import usage_row

OVERRIDES = """
[prices."local/llama"]
input = 0.1
output = 0.4
"""


def spend(folder: Path, *rows: dict[str, Any]) -> None:
    async def write() -> None:
        clock = SystemClock()
        database = await Sqlite.open(folder / ".fairlead/fairlead.db", clock=clock)
        await migrate(database, (MIGRATIONS,))
        log = UsageLog(database, load_queries("sqlite"), clock=clock, emit=lambda event, /, **fields: None)
        for given in rows:
            log.add(usage_row(**{"at": datetime.now(UTC), "tokens_in": 100, "cost_nano": 1_500_000_000, **given}))
        await log.close()
        await database.close()

    asyncio.run(write())


def test_the_report_as_page_csv_and_json(tmp_path: Path) -> None:
    make_project(tmp_path)
    spend(
        tmp_path,
        {"user": "ann", "agent": "desk", "run_id": "run-1"},
        {"user": "=2+5", "outcome": "model_timeout", "cost_nano": 1},
        {"user": "esc\x1b[31m", "cost_nano": 2_000},
    )
    page = fairlead(tmp_path, "costs")
    assert page.code == 0, page.err
    assert "$1.50 for 3 calls, 1 of them failed" in page.out
    for words in ("cost per hour", "by model", "openai/gpt-5", "by user", "ann", "by agent", "desk", "run-1", "█"):
        assert words in page.out
    assert "\x1b[31m" not in page.out

    told = fairlead(tmp_path, "costs", "--json", "--by", "outcome", "--from", "today").json
    assert {one["name"]: one["calls"] for one in told["by"]["outcome"]} == {"ok": 2, "model_timeout": 1}

    rows = list(csv.reader(io.StringIO(fairlead(tmp_path, "costs", "--csv", "--by", "user").out)))
    assert rows[0][:3] == ["group", "name", "calls"]
    cost = rows[0].index("cost_usd")
    assert [(row[0], row[1], row[cost]) for row in rows[1:]] == [
        ("total", "", "1.500002001"), ("user", "ann", "1.5"), ("user", "esc\ufffd[31m", "0.000002"),
        ("user", "'=2+5", "0.000000001"), ("run", "run-1", "1.5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "soon"), "'soon' is no time"),
        (("--by", "colour"), "'colour'"),
        (("--from", "1d", "--to", "2d"), "before it begins"),
        (("--csv", "--json"), "one of --csv and --json"),
    ],
)
def test_what_is_asked_wrongly_is_told_and_ends_as_typed_wrongly(
    tmp_path: Path, words: Sequence[str], said: str
) -> None:
    done = fairlead(make_project(tmp_path), "costs", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_prices_say_what_a_model_costs_and_where_that_is_from(tmp_path: Path) -> None:
    make_project(tmp_path)
    with (tmp_path / "fairlead.toml").open("a") as file:
        file.write(OVERRIDES)

    def sources(*words: str, **settings: str) -> dict[str, str]:
        done = fairlead(tmp_path, "prices", *words, "--json", **settings)
        assert done.code == 0, done.err
        return {one["model"]: one["source"] for one in done.json}

    assert sources("local/llama") == {"local/llama": "override"}
    assert sources("local/other") == {"local/other": "ceiling"}
    assert sources("openai/gpt-5-mini-2025-08-07") == {"openai/gpt-5-mini-2025-08-07": "table"}
    many = sources("gpt-5.5")
    assert len(many) > 3
    assert all("gpt-5.5" in name for name in many)
    page = fairlead(tmp_path, "prices", "openai/gpt-5.5").out
    assert "above 272 000 tokens in" in page
    assert "genai-prices" in page
    assert "charged at this ceiling" in fairlead(tmp_path, "prices", "local/other").out
    assert "refused" in fairlead(tmp_path, "prices", "local/other", FAIRLEAD_UNKNOWN_PRICE="refuse").out


def test_a_bar_is_as_long_as_its_share_and_never_vanishes() -> None:
    assert [bar(value, 8, 4).rstrip() for value in (8, 4, 1, 0.001, 0)] == ["████", "██", "▌", "▏", ""]
    assert bar(9, 8, 2) == "██"
    assert bar(0, 0, 3) == "   "


def test_columns_reach_the_top_where_most_was_spent() -> None:
    assert columns([8, 4, 0, 0.001], height=2) == ["█   ", "██ ▁"]
    assert columns([1, 2], height=1, thick=2) == ["▄▄██"]
    assert columns([0, 0], height=1) == ["  "]


def test_more_values_than_fit_are_added_up_to_columns() -> None:
    assert fitted([1, 2, 3, 4, 5], 2) == ([6, 9], 3)
    assert fitted([1, 2], 80) == ([1, 2], 1)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("hours", [1, 25, 72, 2000])
def test_the_page_fits_every_terminal(width: int, hours: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO())
    for part in cost_page(a_report(hours), width=width):
        console.print(part)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    chart = [line for line in lines if "┤" in line or "│" in line]
    assert len(chart) == 7
    assert any("…" not in line and "openai/gpt-5" in line and "$" in line for line in lines)


def a_report(hours: int) -> dict[str, Any]:
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    sums = {"calls": 12, "failed": 1, "hits": 3, "tokens_in": 1_234_567, "cached_in": 500_000, "cache_written": 0,
            "tokens_out": 98_765, "reasoning": 1000, "cost_usd": 12.345678, "saved_usd": 1.5}  # fmt: skip
    run = {"run_id": "01930000-0000-7000-8000-000000000000", "agent": "desk", "user": "ann", "release": "7",
           "first_at": begin.isoformat(), "last_at": begin.isoformat(), **sums}  # fmt: skip
    return {
        "from": begin.isoformat(),
        "to": (begin + timedelta(hours=hours)).isoformat(),
        "step": "hour",
        "totals": {**sums, "calls": 12 * hours, "cost_usd": 12.345678 * hours},
        "over_time": [{"at": (begin + timedelta(hours=n)).isoformat(), **sums} for n in range(hours)],
        "by": {"model": [{"name": "openai/gpt-5", **sums}], "user": [{"name": None, **sums}]},
        "runs": [run],
    }
