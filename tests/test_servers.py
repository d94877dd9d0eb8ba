"""The servers that tests stand on do what the fixtures say."""

from __future__ import annotations

import asyncpg
import pytest
from playwright.async_api import Browser

from tests.servers import PostgresServer


async def test_a_database_is_new_and_empty(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.execute("CREATE TABLE t (x int)")
    await connection.close()
    assert tables == 0


@pytest.mark.postgres
async def test_a_server_of_our_own_can_be_killed_and_keeps_what_was_committed() -> None:
    server = PostgresServer()
    url = server.start()
    try:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE t AS SELECT 1 AS x")
        connection.terminate()
        server.kill()
        server.start()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT x FROM t") == 1
        await connection.close()
    finally:
        server.remove()


async def test_redis_is_empty(redis_url: str) -> None:
    assert redis_url.startswith("redis://127.0.0.1:")


async def test_the_browser_shows_a_page(browser: Browser) -> None:
    page = await browser.new_page(viewport={"width": 390, "height": 800})
    await page.set_content("<h1>Fairlead</h1>")
    assert await page.inner_text("h1") == "Fairlead"
