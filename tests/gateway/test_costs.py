"""The cost report, on both databases."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead.clock import SystemClock
from fairlead.database import Database, Postgres, Sqlite, migrate
from fairlead.errors import InvalidInput
from fairlead.gateway.costs import Costs, Dimension, Moment, Report, Share, Sums, parse_dimensions
from fairlead.gateway.period import DAY, HOUR, Period, parse_period
from fairlead.gateway.schema import MIGRATIONS, load_queries
from fairlead.gateway.usage_log import UsageLog, UsageRow
from tests.usage import usage_row

NOW = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)
LAST_DAY = parse_period(None, None, now=NOW)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def postgres(request: pytest.FixtureRequest) -> str | None:
    """An empty database there, or None for a file."""
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else None


@pytest.fixture
async def database(postgres: str | None, tmp_path: Path) -> AsyncIterator[Database]:
    clock = SystemClock()
    opened: Database = (
        await Postgres.open(postgres, clock=clock, connections=5)
        if postgres
        else await Sqlite.open(tmp_path / "test.db", clock=clock)
    )
    await migrate(opened, (MIGRATIONS,))
    yield opened
    await opened.close()


def row(**given: Any) -> UsageRow:
    return usage_row(**{"at": NOW, "tokens_in": 100, "tokens_out": 10, "cost_nano": 10, **given})


async def report(
    database: Database, rows: Sequence[UsageRow], period: Period = LAST_DAY, *, by: str = "", top: int = 10,
    tenant: str = "default",
) -> Report:  # fmt: skip
    queries = load_queries(database.dialect)
    log = UsageLog(database, queries, clock=SystemClock(), emit=lambda event, /, **fields: None)
    for one in rows:
        log.add(one)
    await log.close()
    return await Costs(database, queries).report(tenant, period, by=parse_dimensions(by), top=top)


def costs_of(parts: Sequence[Share | Moment]) -> list[tuple[Any, int]]:
    return [(part.name if isinstance(part, Share) else part.at, part.sums.cost_nano) for part in parts]


async def test_the_totals_are_those_of_the_period_and_of_no_other_tenant(database: Database) -> None:
    rows = [
        row(cached_in=7, cache_written=3, reasoning=2, saved_nano=5),
        row(outcome="model_timeout", tokens_out=0),
        row(cached=True, cost_nano=0, saved_nano=10),
        row(at=NOW - 2 * DAY),
        row(tenant="acme"),
    ]
    told = await report(database, rows)
    assert told.totals == Sums(
        calls=3, failed=1, hits=1, tokens_in=300, cached_in=7, cache_written=3, tokens_out=20, reasoning=2,
        cost_nano=20, saved_nano=15,
    )  # fmt: skip
    assert (await report(database, (), tenant="acme")).totals.calls == 1
    assert (await report(database, (), tenant="nobody")).totals == Sums()


@pytest.mark.parametrize(
    ("dimension", "field"),
    [("model", "model"), ("provider", "provider"), ("agent", "agent"), ("user", "user"), ("release", "release"),
     ("key", "key"), ("outcome", "outcome")],
)  # fmt: skip
async def test_costs_are_told_by_each_dimension_the_dearest_first(
    database: Database, dimension: str, field: str
) -> None:
    rows = [row(**{field: "cheap"}, cost_nano=1), row(**{field: "dear"}, cost_nano=8), row(**{field: "dear"})]
    told = await report(database, rows, by=dimension)
    assert costs_of(told.by[Dimension(dimension)]) == [("dear", 18), ("cheap", 1)]


async def test_calls_without_a_name_are_told_too(database: Database) -> None:
    told = await report(database, [row(user=None), row(user="ann", cost_nano=1)], by="user")
    assert costs_of(told.by[Dimension.USER]) == [(None, 10), ("ann", 1)]


async def test_only_the_top_is_told_while_the_totals_hold_everything(database: Database) -> None:
    rows = [row(user=f"u{n}", run_id=f"r{n}", cost_nano=n) for n in range(1, 6)]
    told = await report(database, rows, by="user", top=2)
    assert costs_of(told.by[Dimension.USER]) == [("u5", 5), ("u4", 4)]
    assert [run.run_id for run in told.runs] == ["r5", "r4"]
    assert told.totals.cost_nano == 15


async def test_a_short_period_is_told_by_the_hour_and_every_hour_is_there(database: Database) -> None:
    told = await report(database, [row(), row(at=NOW - 3 * HOUR, cost_nano=4)])
    assert told.step == HOUR
    assert [moment.at for moment in told.over_time] == [LAST_DAY.since + n * HOUR for n in range(25)]
    spent = [(moment.at.hour, moment.sums.cost_nano) for moment in told.over_time if moment.sums.calls]
    assert spent == [(7, 4), (10, 10)]


async def test_a_long_period_is_told_by_the_day(database: Database) -> None:
    period = parse_period("5d", None, now=NOW)
    told = await report(database, [row(), row(at=NOW - 3 * DAY, cost_nano=4)], period, by="day,hour")
    assert told.step == DAY
    days = [NOW.replace(hour=0, minute=0) - n * DAY for n in (5, 4, 3, 2, 1, 0)]
    assert costs_of(told.over_time) == list(zip(days, [0, 0, 4, 0, 0, 10], strict=True))
    assert told.by[Dimension.DAY] == told.over_time
    assert len(told.by[Dimension.HOUR]) == 5 * 24 + 1


async def test_the_dearest_runs_are_those_with_calls_in_the_period_and_told_with_all_they_cost(
    database: Database,
) -> None:
    rows = [
        row(run_id="long", agent="desk", user="ann", release="7", at=NOW - 3 * DAY, cost_nano=90),
        row(run_id="long", agent="desk", user="ann", release="8", outcome="model_error"),
        row(run_id="short", cost_nano=99),
        row(run_id="old", at=NOW - 3 * DAY, cost_nano=1000),
        row(cost_nano=5000),
    ]
    long, short = (await report(database, rows)).runs
    assert (long.run_id, long.cost_nano, long.calls, long.failed) == ("long", 100, 2, 1)
    assert (long.agent, long.user, long.release) == ("desk", "ann", "8")
    assert (long.first_at, long.last_at) == (NOW - 3 * DAY, NOW)
    assert (short.run_id, short.cost_nano) == ("short", 99)


@pytest.mark.parametrize(
    ("since", "until"), [("10d", None), ("2026-11-20", "2026-11-22"), ("2026-11-21", "2026-11-21")]
)
async def test_the_dearest_runs_of_a_period_are_found_whether_they_went_on_after_it_or_not(
    database: Database, since: str, until: str | None
) -> None:
    chance = random.Random(7)
    rows = [
        row(run_id=f"r{chance.randrange(300)}", at=NOW - timedelta(minutes=chance.randrange(10 * 24 * 60)),
            cost_nano=chance.randrange(50))
        for _ in range(500)
    ]  # fmt: skip
    period = parse_period(since, until, now=NOW)
    calls: dict[str, list[UsageRow]] = {}
    for one in rows:
        calls.setdefault(one.caller.run_id or "", []).append(one)
    within = [
        (-sum(one.attempt.cost_nano for one in of_run), run_id)
        for run_id, of_run in calls.items()
        if max(one.attempt.started_at for one in of_run) >= period.since
        and min(one.attempt.started_at for one in of_run) < period.until
    ]
    for given, top in ((rows, 20), ([], 200)):
        told = await report(database, given, period, top=top)
        assert [(-one.cost_nano, one.run_id) for one in told.runs] == sorted(within)[:top]


@pytest.mark.parametrize(
    ("since", "until"),
    [("30d", None), ("2026-11-03T05:00", "2026-11-03T07:00"), ("2026-11-03", "2026-11-03"), ("2026-11-03T00:00", "now"),
     ("2026-11-03T23:00", "2026-11-04T00:00"), ("2026-11-03T23:00", "2026-11-05T01:00"),
     ("2026-11-03T23:00", "2026-11-04T23:00"), ("2026-11-03T01:00", "2026-11-06T00:00")],
)  # fmt: skip
async def test_sums_of_whole_days_and_of_hours_at_both_ends_make_what_the_rows_make(
    database: Database, since: str, until: str | None
) -> None:
    chance = random.Random(7)
    rows = [
        row(at=NOW - timedelta(minutes=chance.randrange(30 * 24 * 60)), user=f"u{chance.randrange(3)}", cost_nano=n)
        for n in range(600)
    ]
    period = parse_period(since, until, now=NOW)
    told = await report(database, rows, period, by="user,provider")
    within = [one for one in rows if period.since <= one.attempt.started_at < period.until]
    expected = {
        user: sum(one.attempt.cost_nano for one in within if one.caller.user == user)
        for user in {one.caller.user for one in within}
    }
    assert dict(costs_of(told.by[Dimension.USER])) == expected
    assert told.totals.cost_nano == sum(share.sums.cost_nano for share in told.by[Dimension.PROVIDER])  # type: ignore[union-attr]
    assert told.totals.calls == len(within)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, ("2026-11-25 10", "2026-11-26 11")),
        ("24h", "now", ("2026-11-25 10", "2026-11-26 11")),
        ("7d", None, ("2026-11-19 10", "2026-11-26 11")),
        ("2w", None, ("2026-11-12 10", "2026-11-26 11")),
        ("90min", None, ("2026-11-26 09", "2026-11-26 11")),
        ("today", None, ("2026-11-26 00", "2026-11-26 11")),
        ("yesterday", "yesterday", ("2026-11-25 00", "2026-11-26 00")),
        ("2026-11-01", "2026-11-30", ("2026-11-01 00", "2026-12-01 00")),
        ("2026-11-01T10:15", "2026-11-01T12:00", ("2026-11-01 10", "2026-11-01 12")),
        ("2026-11-01T10:15+09:00", "2026-11-01T03:00:01Z", ("2026-11-01 01", "2026-11-01 04")),
        (None, "2026-11-02T08:00", ("2026-11-01 08", "2026-11-02 08")),
        (" Today ", "NOW", ("2026-11-26 00", "2026-11-26 11")),
    ],
)
def test_a_period_is_written_as_people_write_it(
    since: str | None, until: str | None, expected: tuple[str, str]
) -> None:
    period = parse_period(since, until, now=NOW)
    assert (f"{period.since:%Y-%m-%d %H}", f"{period.until:%Y-%m-%d %H}") == expected


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        ("soon", None, "`from`: 'soon' is no time"),
        (None, "2026-13-01", "`to`: '2026-13-01' is no time"),
        ("7 parsecs", None, "is no time"),
        ("", None, "is no time"),
        ("-7d", None, "is no time"),
        ("1d", "2d", "before it begins"),
        ("2026-12-01", None, "before it begins"),
        ("now", "now", "before it begins"),
        ("999999w", None, "ten years"),
        ("1969-01-01", None, "ten years"),
        ("0001-01-01T00:00+14:00", None, "is no time"),
        (None, "9999-12-31", "is no time"),
        ("2010-01-01", None, "ten years"),
    ],
)
def test_what_is_no_period_is_refused_with_the_reason(since: str | None, until: str | None, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        parse_period(since, until, now=NOW)


def test_dimensions_are_parsed_once_each_and_in_order() -> None:
    assert parse_dimensions("user, MODEL,,user") == (Dimension.USER, Dimension.MODEL)
    assert parse_dimensions("") == ()
    with pytest.raises(InvalidInput, match=r"'colour'\..*model, provider"):
        parse_dimensions("model,colour")


async def test_one_name_is_told_alone_with_its_runs(database: Database) -> None:
    rows = [
        row(user="ann", agent="triage", run_id="r1", cost_nano=4), row(user="ann", run_id="r2", at=NOW - 2 * HOUR),
        row(user="bob", run_id="r3", cost_nano=50), row(user=None), row(user="ann", at=NOW - 2 * DAY),
        row(user="ann", tenant="acme"),
    ]  # fmt: skip
    await report(database, rows)
    costs = Costs(database, load_queries(database.dialect))
    ann = await costs.of_name("default", LAST_DAY, Dimension.USER, "ann", top=10)
    assert ann.totals == Sums(calls=2, tokens_in=200, tokens_out=20, cost_nano=14)
    assert [moment.at for moment in ann.over_time] == [LAST_DAY.since + n * HOUR for n in range(25)]
    assert [(one.at.hour, one.sums.cost_nano) for one in ann.over_time if one.sums.calls] == [(8, 10), (10, 4)]
    assert [run.run_id for run in ann.runs] == ["r2", "r1"]
    week = parse_period("7d", None, now=NOW)
    assert (await costs.of_name("default", week, Dimension.USER, "ann", top=1)).totals.calls == 3
    nobody = await costs.of_name("default", week, Dimension.USER, "", top=10)
    assert (nobody.totals.calls, nobody.runs) == (1, [])
    assert (await costs.of_name("default", week, Dimension.MODEL, "openai/gpt-5", top=10)).runs == []
