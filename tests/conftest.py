"""What every test may ask for: a fresh database, a Redis, a browser. All real; nothing is skipped.

    database_url     a new database as an engine makes one, for this test: SQLite, then PostgreSQL
    empty_url        a new database with nothing in it: SQLite, then PostgreSQL
    postgres_url     a new, empty PostgreSQL database for this test        (mark the test `postgres`: done for you)
    vectors_url      the same on a server that has pgvector
    redis_url        an empty Redis of our own
    browser          a headless Chromium, driven by Playwright, with no context open         (marked `browser`)

Chromium is started once for each process of the tests, by Playwright, which stays with the loop it was started on: so
tests that ask for it run on the loop of the session, as must each async fixture of theirs that has to go on beside them
(`pytest_asyncio.fixture(loop_scope="session")`).

The server on 127.0.0.1:5432 is used if it trusts us and has room, or the one TEST_DATABASE_URL names; else each
process of the tests has one of its own that never waits for the disk, in memory where there is room. A server that a
test will stop or kill is made with `tests.servers.PostgresServer`.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from fairlead import testing
from tests.order import dealt
from tests.servers import PostgresServer, RedisServer, chromium, memory_folder, postgres_with_vectors

_numbers = itertools.count(1)
_CANDIDATES = ("postgresql://postgres@127.0.0.1:5432/postgres", "postgresql://root@127.0.0.1:5432/postgres")
_CONNECTIONS = 50  # that the tests of one process may need at once
_TESTS = Path(__file__).parent

gc.disable()  # nothing of what is collected is rubbish, and looking for it is a quarter of the work


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def _hands() -> int:
    """How many processes run tests beside each other."""
    return int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whoever asks for a server carries its mark, so that `-m "not postgres"` needs no bookkeeping."""
    fixtures = getattr(item, "fixturenames", ())
    if "postgres_server" in fixtures or "vectors_server" in fixtures:
        item.add_marker(pytest.mark.postgres)
    if "chrome" in fixtures:
        item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(trylast=True)  # once it is known which are left
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = dealt(items, _hands(), file=lambda item: item.path.relative_to(_TESTS).as_posix())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server on which we may create databases."""
    if named := os.environ.get("TEST_DATABASE_URL"):
        asyncio.run(_sweep(named))
        yield named
        return
    for url in _CANDIDATES:
        if asyncio.run(_sweep(url, connections=_CONNECTIONS * _hands())):
            yield url
            return
    server = PostgresServer(folder=memory_folder("fairlead-postgres-"), durable=False)
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """A new database for this test alone; gone afterwards, whoever still holds a connection."""
    async for url in _new_database(postgres_server):
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A new database for this test, with all tables there and nothing in them."""
    return request.getfixturevalue("sqlite_copy" if request.param == "sqlite" else "postgres_copy")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database for this test, with nothing in it."""
    return f"sqlite:///{tmp_path}/empty.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def sqlite_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("made") / "made.db"
    asyncio.run(_make(f"sqlite:///{file}"))
    return file


@pytest.fixture
def sqlite_copy(sqlite_made: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_made, tmp_path / 'test.db')}"


@pytest.fixture(scope="session")
def postgres_made(postgres_server: str) -> Iterator[str]:
    """The name of a database that is copied: quicker than to make all tables and indexes anew."""
    name = f"fairlead_test_{os.getpid()}_made"
    asyncio.run(_create(postgres_server, name, "template0"))
    asyncio.run(_make(_of_server(postgres_server, name)))
    yield name
    asyncio.run(_drop(postgres_server, name))


@pytest.fixture
async def postgres_copy(postgres_server: str, postgres_made: str) -> AsyncIterator[str]:
    async for url in _new_database(postgres_server, template=postgres_made):
        yield url


async def _make(url: str) -> None:
    async with testing.engine({}, workers=0, database_url=url):
        pass


async def _new_database(server: str, template: str = "template0") -> AsyncIterator[str]:
    name = f"fairlead_test_{os.getpid()}_{next(_numbers)}"
    await _create(server, name, template)
    yield _of_server(server, name)
    await _drop(server, name)


async def _create(server: str, name: str, template: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        # Files are copied sooner than written into the log page by page; on a disk it must be waited for twice.
        quick = connection.get_server_version().major >= 15 and await connection.fetchval("SHOW fsync") == "off"
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {'STRATEGY file_copy' if quick else ''}")
    finally:
        await connection.close()


def _of_server(server: str, name: str) -> str:
    return f"{server.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def vectors_server() -> Iterator[str]:
    """The address of a server of our own that has pgvector."""
    with tempfile.TemporaryDirectory(prefix="fairlead-pgvector-") as folder:
        server = PostgresServer(
            folder=memory_folder("fairlead-postgres-"), durable=False, binaries=postgres_with_vectors(Path(folder))
        )
        try:
            yield server.start()
        finally:
            server.remove()


@pytest.fixture
async def vectors_url(vectors_server: str) -> AsyncIterator[str]:
    async for url in _new_database(vectors_server):
        yield url


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server.start()
    server.stop()


@pytest.fixture
async def redis_url(redis_server: str) -> str:
    """A Redis with nothing in it."""
    host, port = redis_server.removeprefix("redis://").partition("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"FLUSHALL\r\n")
    assert await reader.readline() == b"+OK\r\n"
    writer.close()
    await writer.wait_closed()
    return redis_server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chrome() -> AsyncIterator[Browser]:
    # Chromium's own sandbox does not work for root, which is what a container is.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        chrome = await playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield chrome
        await chrome.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chrome: Browser) -> AsyncIterator[Browser]:
    yield chrome
    for left in chrome.contexts:
        await left.close()


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).resolve().parent.parent


async def _drop(server: str, name: str) -> None:
    """The database, and what restores have kept of it under other names."""
    connection = await asyncpg.connect(server)
    try:
        kept = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE $1", f"{name}_before_%")
        for one in (name, *(row["datname"] for row in kept)):
            await connection.execute(f'DROP DATABASE IF EXISTS "{one}" WITH (FORCE)')
    finally:
        await connection.close()


async def _sweep(url: str, *, connections: int = 0) -> bool:
    """Drop what test runs that were killed left behind. False if the server does not let us in, or not so often."""
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    try:
        if int(await connection.fetchval("SHOW max_connections")) < connections:
            return False
        rows = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'fairlead_test_%'")
        for (name,) in rows:
            if not _alive(int(name.split("_")[2])):
                await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await connection.close()
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
