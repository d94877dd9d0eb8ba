"""Service levels: what was counted, what it says of what was promised, and how it is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead.clock import SystemClock, to_micros
from fairlead.database import Database, Postgres, Sqlite, migrate
from fairlead.database.sql import parse
from fairlead.errors import DatabaseUnavailable, InvalidInput
from fairlead.operate.levels import MIGRATIONS, Counts, Keeper, LevelBook, State, Window, judge, parse_window
from fairlead.operate.levels.availability import Span, available
from fairlead.operate.levels.level import BOUNDS, Events, bucket_of, events_of
from fairlead.testing import MovableClock

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
WINDOW = Window(NOW - DAY, NOW)


def state(of: str, total: float, bad: float) -> State:
    report = judge(WINDOW, {of: Events(total, bad)}, {})
    return next(one.state for one in report.measures if one.objective.of == of)


# -- pure


@pytest.mark.parametrize(
    ("of", "total", "bad", "expected"),
    [
        ("requests", 0, 0, State.NO_DATA),
        ("requests", 1000, 0, State.MET),
        ("requests", 1000, 9, State.MET),
        ("requests", 1000, 10, State.MISSED),  # less than 1 %, not 1 %
        ("runs", 100, 1, State.MISSED),
        ("submit", 100, 5, State.MET),  # the 95th of 100 was in time
        ("submit", 100, 6, State.MISSED),
        ("query", 20, 1, State.MET),
        ("api", 86400, 86, State.MET),
        ("api", 86400, 87, State.MISSED),
        ("api", 0, 0, State.NO_DATA),
    ],
)
def test_a_promise_is_met_missed_or_nobody_can_say(of: str, total: float, bad: float, expected: State) -> None:
    assert state(of, total, bad) is expected


def test_a_level_without_any_data_is_never_met() -> None:
    report = judge(WINDOW, {}, {"1h": {}})
    assert set(report.levels.values()) == {State.NO_DATA}
    assert [one.budget for one in report.measures] == [None] * 6
    assert {one.burn["1h"] for one in report.measures} == {None}
    one_of_two = judge(WINDOW, {"requests": Events(10, 0)}, {})
    assert one_of_two.level("error_rate") is State.MET
    assert judge(WINDOW, {"requests": Events(10, 0), "runs": Events(10, 5)}, {}).level("error_rate") is State.MISSED


def test_the_error_budget_and_how_fast_it_burns() -> None:
    seen = {"requests": Events(10_000, 50)}
    report = judge(WINDOW, seen, {"1h": {"requests": Events(100, 10)}, "6h": {}})
    one = report.measures[0]
    assert one.budget is not None
    assert (round(one.budget.allowed), one.budget.used, round(one.budget.left, 6)) == (100, 50, 0.5)
    assert one.burn["1h"] == pytest.approx(10) and one.burn["6h"] is None  # pyright: ignore[reportUnknownMemberType]
    over = judge(WINDOW, {"requests": Events(100, 3)}, {}).measures[0].budget
    assert over is not None and over.left == pytest.approx(-2)  # pyright: ignore[reportUnknownMemberType]


def test_times_fall_into_buckets_whose_ends_count_as_in_time() -> None:
    assert [bucket_of(seconds) for seconds in (0, 0.005, 0.5, 0.5001, 10, 11)] == [0, 0, 6, 7, 10, 11]
    counts = {bucket_of(0.2): 90, bucket_of(0.5): 5, bucket_of(0.51): 5}
    events = events_of(counts, 0.5)
    assert (events.total, events.bad) == (100, 5) and events.p95 == 0.5
    assert events_of({len(BOUNDS): 3}, 0.5).p95 == 10.0


def at(minutes: float) -> datetime:
    return NOW + minutes * MINUTE


@pytest.mark.parametrize(
    ("spans", "until", "known", "down"),
    [
        ([], 60, 0, 0),
        ([(0, 60, False)], 60, 60, 0),
        ([(0, 59.8, False)], 60, 60, 0),  # the next word may be due
        ([(0, 30, False)], 60, 60, 30),  # it died, and nobody came
        ([(0, 30, True)], 60, 30, 0),  # it was asked to go
        ([(0, 10, False), (12, 60, False)], 60, 60, 2),
        ([(0, 10, True), (12, 60, False)], 60, 58, 0),
        ([(0, 20, False), (5, 60, False)], 60, 60, 0),  # another was there
        ([(0, 20, True), (5, 30, False)], 60, 60, 30),  # the last to leave was not asked to
        ([(0, 30, True), (5, 20, False)], 60, 30, 0),
        ([(-90, -40, False), (10, 60, False)], 60, 60, 10),  # it had died before the window
        ([(-90, -40, True), (10, 60, False)], 60, 50, 0),
        ([(20, 60, False)], 60, 40, 0),  # before that it was not installed
    ],
)
def test_availability_is_what_processes_said_of_themselves(
    spans: list[tuple[float, float, bool]], until: float, known: float, down: float
) -> None:
    given = [Span(at(began), at(last), asked) for began, last, asked in spans]
    told = available(given, since=at(0), until=at(until), beat=25 * SECOND)
    assert (told.known / MINUTE, told.down / MINUTE) == (known, down)


@pytest.mark.parametrize("text", ["", "30", "d", "0h", "4m", "91d", "1w", "9999999d"])
def test_a_window_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_window(text)


# -- counting


def request(method: str, endpoint: str, status: int = 200, seconds: float = 0.01) -> dict[str, Any]:
    return {"method": method, "endpoint": endpoint, "status_code": status, "took": timedelta(seconds=seconds)}


def counted(clock: MovableClock, *events: tuple[str, dict[str, Any]]) -> dict[str, dict[int, int]]:
    counts = Counts(clock)
    for event, fields in events:
        counts(event, fields)
    told: dict[str, dict[int, int]] = {}
    for _, kind, bucket, n in counts.rows():
        told.setdefault(kind, {})[bucket] = n
    return told


def test_of_requests_probes_are_not_counted_and_streams_have_no_time() -> None:
    told = counted(
        MovableClock(),
        *(("http_request", request("GET", path)) for path in ("/health", "/metrics", "/ready", "unmatched")),
        ("http_request", request("POST", "/runs", 202, 0.3)),
        ("http_request", request("POST", "/runs", 503)),
        ("http_request", request("POST", "/runs", 429)),
        ("http_request", request("GET", "/runs/{run_id}", 404, 0.7)),
        ("http_request", request("GET", "/runs/{run_id}/stream", 200, 300)),
        ("http_request", request("POST", "/v1/chat/completions", 200, 20)),
        ("http_request", request("GET", "console", 500)),
    )
    assert told == {
        "requests": {0: 5, 1: 2}, "submit": {bucket_of(0.3): 1, bucket_of(0.01): 1}, "read": {bucket_of(0.7): 1},
    }  # fmt: skip


def test_of_runs_what_their_callers_wanted_is_no_error() -> None:
    endings = [("success", None), ("error", None), ("timeout", "deadline"), ("error", "poison"), ("error", "budget"),
               ("interrupted", "cancelled"), ("interrupted", "approval")]  # fmt: skip
    told = counted(
        MovableClock(),
        *(("agent_completed", {"status": status, "reason": reason}) for status, reason in endings),
    )
    assert told == {"runs": {0: 1, 1: 3}}


def test_while_nothing_is_written_a_day_is_kept_and_no_more() -> None:
    clock = MovableClock()
    counts = Counts(clock)
    for _ in range(24 * 60 + 10):
        counts("database_query", {"took": SECOND})
        clock.move(MINUTE)
    assert len(counts.rows()) == 24 * 60


# -- kept


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(request: pytest.FixtureRequest) -> str:
    """Empty: a SQLite file."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def database(address: str, tmp_path: Path) -> AsyncIterator[Database]:
    clock = SystemClock()
    opened: Database = await (
        Postgres.open(address, clock=clock) if address else Sqlite.open(tmp_path / "levels.db", clock=clock)
    )
    await migrate(opened, (MIGRATIONS,))
    yield opened
    await opened.close()


async def rows(database: Database, text: str) -> list[Any]:
    return list(await database.read(parse("rows", text, database.dialect)))


async def seen(database: Database, clock: Any, length: timedelta = DAY) -> dict[str, tuple[float, float]]:
    report = await LevelBook(database, clock=clock).report(length)
    return {one.objective.of: (one.events.total, one.events.bad) for one in report.measures}


async def test_what_is_written_again_counts_once_and_processes_add_up(database: Database) -> None:
    clock = SystemClock()
    book, minute = LevelBook(database, clock=clock), clock.micros() // 60_000_000
    await book.put("a", [(minute, "requests", 0, 3)])
    for _ in range(2):
        await book.put("a", [(minute, "requests", 0, 5), (minute, "requests", 1, 1)])
    await book.put("b", [(minute, "requests", 0, 10)])
    assert (await seen(database, clock))["requests"] == (16, 1)


async def test_minutes_become_hours_and_go_after_90_days(database: Database) -> None:
    clock = MovableClock(NOW)
    book = LevelBook(database, clock=clock)
    first = to_micros(NOW) // 60_000_000
    for process in ("a", "b"):
        await book.put(process, [(first + n, "query", bucket_of(0.2), 1) for n in range(120)])
    clock.move(30 * HOUR)
    while await book.sweep() is not None:
        pass
    kept = await rows(database, "SELECT span, at, process, count FROM service_counts ORDER BY at")
    assert [(row["span"], row["at"] - first, row["process"], row["count"]) for row in kept] == [
        (60, 0, "", 120), (60, 60, "", 120),
    ]  # fmt: skip
    await book.put("late", [(first, "query", bucket_of(0.2), 7)])  # its database was away for a day
    for _ in range(2):
        await book.sweep()
    assert (await seen(database, clock, 2 * DAY))["query"] == (247, 247)
    clock.move(91 * DAY)
    await book.sweep()
    assert await rows(database, "SELECT * FROM service_counts") == []


async def test_a_large_backlog_is_rolled_up_in_batches_without_losing_any(database: Database) -> None:
    clock = MovableClock(NOW)
    book = LevelBook(database, clock=clock)
    first = to_micros(NOW) // 60_000_000
    for process in range(4):
        await book.put(f"p{process}", [(first + n, "requests", b, 1) for n in range(1440) for b in (0, 1)])
    clock.move(3 * DAY)
    turns = 1
    while await book.sweep() is not None:
        turns += 1
    assert turns == 3 and (await seen(database, clock, 4 * DAY))["requests"] == (11520, 5760)


async def test_a_process_is_there_until_it_says_nothing_and_begins_anew_after_that(database: Database) -> None:
    book = LevelBook(database, clock=SystemClock())
    for _ in range(3):
        await book.beat("a", "api")
    assert len(await rows(database, "SELECT * FROM service_spans")) == 1
    back = parse("back", "UPDATE service_spans SET began_at = began_at - 60000000, last_at = last_at - 60000000",
                 database.dialect)  # fmt: skip
    await database.write(back)
    report = await book.report(HOUR)
    assert report.window.died == 1
    there = next(one for one in report.measures if one.objective.of == "api")
    assert there.state is State.MISSED and 59 < there.events.bad < 62
    await book.beat("a", "api")
    assert len(await rows(database, "SELECT * FROM service_spans")) == 2
    assert (await book.report(HOUR)).window.died == 0  # it had been stopped, and lives
    ((start, end),) = await book.outages(HOUR)
    assert 59 < (end - start).total_seconds() < 62
    await book.end("a")
    assert [row["ended"] for row in await rows(database, "SELECT ended FROM service_spans ORDER BY began_at")] == [
        None, "asked",
    ]  # fmt: skip


async def test_a_process_writes_once_a_minute_and_the_last_of_it_when_it_stops(database: Database) -> None:
    clock = MovableClock(NOW)
    counts = Counts(clock)
    keeper = Keeper(LevelBook(database, clock=clock), counts, process="a", role="api", clock=clock)

    async def kept() -> int:
        return sum(row["count"] for row in await rows(database, "SELECT count FROM service_counts"))

    counts("database_query", {"took": SECOND})
    await keeper.once()
    assert await kept() == 0
    clock.move(61 * SECOND)
    counts("database_query", {"took": SECOND})
    await keeper.once()
    assert await kept() == 2 and len(counts.rows()) == 1  # the minute that goes on
    counts("database_query", {"took": SECOND})
    await keeper.stop()
    assert await kept() == 3
    assert [row["ended"] for row in await rows(database, "SELECT ended FROM service_spans")] == ["asked"]


async def test_what_is_counted_while_the_database_is_away_is_written_when_it_is_back(tmp_path: Path) -> None:
    clock = MovableClock(NOW)
    counts = Counts(clock)
    database = await Sqlite.open(tmp_path / "levels.db", clock=SystemClock())
    await migrate(database, (MIGRATIONS,))
    await database.close()
    keeper = Keeper(LevelBook(database, clock=clock), counts, process="a", role="api", clock=clock)
    clock.move(61 * SECOND)
    counts("database_query", {"took": SECOND})
    with pytest.raises(DatabaseUnavailable):
        await keeper.once()
    clock.move(120 * SECOND)
    opened = await Sqlite.open(tmp_path / "levels.db", clock=SystemClock())
    again = Keeper(LevelBook(opened, clock=clock), counts, process="a", role="api", clock=clock)
    clock.move(61 * SECOND)
    await again.once()
    assert [row["count"] for row in await rows(opened, "SELECT count FROM service_counts")] == [1]
    await opened.close()
