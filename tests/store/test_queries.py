"""Both databases are asked the same questions, and each statement is one that PostgreSQL can prepare."""

from __future__ import annotations

import asyncpg
import pytest

from fairlead.clock import SystemClock
from fairlead.database import Postgres, migrate
from fairlead.store import MIGRATIONS, load_queries


def test_both_databases_answer_the_same_questions() -> None:
    assert load_queries("sqlite").keys() == load_queries("postgres").keys()


@pytest.mark.postgres
async def test_postgres_prepares_every_question(postgres_url: str) -> None:
    database = await Postgres.open(postgres_url, clock=SystemClock(), connections=2)
    await migrate(database, (MIGRATIONS,))
    connection = await asyncpg.connect(postgres_url)
    for query in load_queries("postgres").values():
        await connection.prepare(query.statements[0])
    await connection.close()
    await database.close()
