from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from fairlead.clock import SystemClock
from fairlead.database import Postgres
from fairlead.database.sql import parse
from fairlead.errors import DatabaseUnavailable, InvalidInput


@pytest.fixture
async def pair(postgres_url: str) -> AsyncIterator[tuple[Postgres, Postgres]]:
    """Two processes on one database."""
    opened = [await Postgres.open(postgres_url, clock=SystemClock(), connections=3) for _ in range(2)]
    yield opened[0], opened[1]
    for one in opened:
        await one.close()


async def cut(url: str) -> None:
    """As when a switch dies: every connection of Fairlead ends."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def test_signals_reach_the_other_process_once_and_in_order(pair: tuple[Postgres, Postgres]) -> None:
    here, there = pair
    heard: list[str] = []
    done = asyncio.Event()
    there.signals.subscribe("topic", lambda said: heard.append(said) if said != "end" else done.set())
    for n in range(500):
        here.signals.publish("topic", f"{n} {'ä' * 200}")
    here.signals.publish("topic", "x" * 9000)  # larger than NOTIFY takes: left out, and no harm to the others
    here.signals.publish("topic", "\ud800")
    here.signals.publish("topic", "end")
    await asyncio.wait_for(done.wait(), 10)
    assert [said.split()[0] for said in heard] == [str(n) for n in range(500)]


async def test_signals_come_back_after_the_connection_was_cut(
    pair: tuple[Postgres, Postgres], postgres_url: str
) -> None:
    here, there = pair
    heard = asyncio.Event()
    there.signals.subscribe("topic", lambda _: heard.set())
    await cut(postgres_url)
    async with asyncio.timeout(10):
        while not heard.is_set():  # what is sent meanwhile may be lost
            here.signals.publish("topic", "again")
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("alike", [True, False])
async def test_rows_come_back_as_they_went(pair: tuple[Postgres, Postgres], alike: bool) -> None:
    """Columns of one value alone are packed in another way."""
    here, _ = pair
    back = parse("back", "-- rows: a text, b int, c bool, d int\nSELECT a, b, c, d FROM {rows} AS r", "postgres")
    rows = [("ä", 1, True, None)] * 3 + ([] if alike else [("", 0, False, 2**60), ("x", -1, False, None)])
    found = await here.read(back, rows)
    assert [(row["a"], row["b"], row["c"], row["d"]) for row in found] == rows
    with pytest.raises(InvalidInput):
        await here.read(back, [(f"unit {chr(0x1F)}", *rest) for _, *rest in rows])


async def test_presence_falls_with_its_connection(pair: tuple[Postgres, Postgres], postgres_url: str) -> None:
    here, there = pair
    await here.presence.hold("w-1")
    assert await there.presence.fallen(["w-1", "w-unknown"]) == ["w-unknown"]
    await here.presence.close()
    async with asyncio.timeout(5):
        while await there.presence.fallen(["w-1"]) != ["w-1"]:
            await asyncio.sleep(0.02)
    assert await here.presence.holding("w-1")  # taken again
    assert await there.presence.fallen(["w-1"]) == []


async def test_a_statement_outlives_a_cut_connection(pair: tuple[Postgres, Postgres], postgres_url: str) -> None:
    query = parse("slow", "SELECT pg_sleep(0.2), 1 AS one", "postgres")
    asking = [asyncio.ensure_future(pair[0].read(query)) for _ in range(3)]
    await asyncio.sleep(0.1)
    await cut(postgres_url)
    assert [rows[0]["one"] for rows in await asyncio.gather(*asking)] == [1, 1, 1]


async def test_no_server_says_so_and_what_to_do() -> None:
    with pytest.raises(DatabaseUnavailable, match="DATABASE_URL"):
        await Postgres.open(
            "postgresql://nobody@127.0.0.1:1/nothing", clock=SystemClock(), patience=timedelta(seconds=1)
        )


async def test_a_signal_on_the_way_does_not_keep_it_from_closing(postgres_url: str) -> None:
    for _ in range(5):
        database = await Postgres.open(postgres_url, clock=SystemClock(), connections=1)
        await asyncio.sleep(0)  # its sender waits for signals
        database.signals.publish("topic", "said and gone")
        closing = asyncio.create_task(database.close())
        done, _ = await asyncio.wait([closing], timeout=5)
        assert done, "it waits for ever"


async def test_rows_travel_as_they_are_and_a_text_that_would_be_two_is_refused(pair: tuple[Postgres, Postgres]) -> None:
    query = parse("rows", "-- rows: id int, said text\nSELECT id, said FROM {rows} AS r ORDER BY id", "postgres")
    rows = [(1, "one"), (2, None), (3, "")]
    assert [(row["id"], row["said"]) for row in await pair[0].read(query, rows)] == rows
    with pytest.raises(InvalidInput, match=r"U\+001F"):
        await pair[0].read(query, [*rows, (4, "four\x1ffive")])
