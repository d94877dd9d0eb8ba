"""PostgreSQL through asyncpg: pooled statements, presence by advisory lock, signals by NOTIFY.

A statement whose connection fell is tried again until `patience` is over: every write handed to this door is safe to
repeat. Deadlocks are tried again at once; the statement had no effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar, cast

import asyncpg

from fairlead.clock import Clock
from fairlead.config import Secret
from fairlead.database.at_hand import AtHand
from fairlead.database.dial import REFUSED, Dial
from fairlead.database.door import Call, Row, Rows
from fairlead.database.notify import Notify
from fairlead.database.signals import Signals
from fairlead.database.sql import Query
from fairlead.errors import ConfigurationError, Conflict, DatabaseUnavailable, InvalidInput

T = TypeVar("T")

_TRY_AGAIN_AT_ONCE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_UNREACHABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection died while its state was being changed
    asyncpg.exceptions.OperatorInterventionError,  # restart, shutdown
    asyncpg.TooManyConnectionsError,
    REFUSED,  # a password is changed in two places, and never in both at once
    asyncpg.DiskFullError,
    asyncpg.exceptions.InternalServerError,
)
_IN_THE_WAY = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DuplicateObjectError,  # of what two make at once, "if not exists", the second may be told so late
    asyncpg.DuplicateTableError,
)
_DIVIDER, _NULL = "\x1f", "\x1e"
_SIMPLE = frozenset({str, int, bool, type(None)})
_AT_HAND = 4  # connections: what a worker writes at a time
_FIRST_PAUSE = timedelta(milliseconds=20)
_LONGEST_PAUSE = timedelta(seconds=1)
# A client that vanished without a word must lose its locks in seconds, not in hours.
_SESSION = {
    "application_name": "fairlead",
    "jit": "off",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


class Postgres:
    dialect = "postgres"

    def __init__(self, pool: asyncpg.Pool[Any], *, dial: Dial, clock: Clock, patience: timedelta) -> None:
        self.signals = Signals()
        self.presence = AdvisoryPresence(dial)
        self._pool = pool
        self._at_hand = AtHand(pool, most=_AT_HAND)
        self._clock = clock
        self._patience = patience
        self._notify: Notify | None = None

    @classmethod
    async def open(
        cls, url: Secret | str, *, clock: Clock, connections: int = 50, patience: timedelta = timedelta(seconds=3)
    ) -> Postgres:
        """Raises `DatabaseUnavailable` when nothing answers at `url`."""
        dial = Dial(url)

        async def connect(_: str | None = None, **options: Any) -> asyncpg.Connection[Any]:
            return await dial.connect(**options)

        try:
            pool = await asyncpg.create_pool(
                connect=cast("Any", connect),
                min_size=0,  # a pool with a floor logs a traceback for each try to reach a server that is away
                max_size=connections,
                max_inactive_connection_lifetime=300,
                server_settings=_SESSION,
                timeout=10,
                reset=_leave_as_it_is,
            )
            async with pool.acquire():
                pass
        except (*_UNREACHABLE, asyncpg.PostgresError, TimeoutError, ValueError) as error:
            raise _translated(error) from error
        database = cls(pool, dial=dial, clock=clock, patience=patience)
        database._notify = await Notify.start(dial, database.signals, clock=clock)
        database.signals.carry(database._notify)
        return database

    async def read(self, query: Query, /, rows: Rows = (), **parameters: Any) -> Sequence[Row]:
        return await self.write(query, rows, **parameters)

    async def write(self, query: Query, /, rows: Rows = (), **parameters: Any) -> Sequence[Row]:
        text, given = query.statements[0], _arguments(query, rows, parameters)
        return await self._persist(lambda: self._at_hand.on_one(lambda connection: connection.fetch(text, *given)))

    async def write_all(self, calls: Sequence[Call]) -> list[Sequence[Row]]:
        prepared = [(call.query.statements[0], _arguments(call.query, call.rows, call.parameters)) for call in calls]

        async def run(connection: Any) -> list[Sequence[Row]]:
            async with _transaction(connection):
                return [await connection.fetch(text, *given) for text, given in prepared]

        return await self._persist(lambda: self._at_hand.on_one(run))

    async def script(self, text: str) -> None:
        async def run() -> None:
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(text)

        await self._persist(run)

    async def close(self) -> None:
        if self._notify is not None:
            await self._notify.close()
        await self.presence.close()
        with suppress(TimeoutError, *_UNREACHABLE):
            await self._at_hand.let_go()
            await asyncio.wait_for(self._pool.close(), 5)
        self._pool.terminate()

    async def _persist(self, run: Callable[[], Awaitable[T]]) -> T:
        started = self._clock.monotonic()
        pause = _FIRST_PAUSE
        while True:
            try:
                return await run()
            except _TRY_AGAIN_AT_ONCE:
                continue
            except _IN_THE_WAY as error:
                raise Conflict(f"The database refused it: {error.args[0]}.") from error  # without the row
            except (asyncpg.DataError, ValueError) as error:  # the driver's own is an InterfaceError and a ValueError
                raise InvalidInput(f"The database can't hold a value: {error}.") from error
            except asyncpg.InsufficientPrivilegeError as error:
                raise ConfigurationError(
                    f"PostgreSQL does not let us: {error.args[0]}.", hint="Grant it to the user of DATABASE_URL."
                ) from error
            except (*_UNREACHABLE, TimeoutError) as error:
                if self._clock.monotonic() - started > self._patience.total_seconds():
                    raise _translated(error) from error
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


class AdvisoryPresence:
    """A session advisory lock per name, on a connection of its own: it falls when the connection does."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._connection: asyncpg.Connection[Any] | None = None
        self._held: set[str] = set()
        self._busy = asyncio.Lock()

    async def hold(self, name: str) -> None:
        # A session may take its own lock again, and would then have to let go of it twice.
        if not self._stands(name) and not await self._try(name):
            raise Conflict(f"{name} is held by another process.")

    async def holding(self, name: str) -> bool:
        if self._stands(name):
            return True
        try:
            return await self._try(name)
        except DatabaseUnavailable:
            return False

    async def release(self, name: str) -> None:
        self._held.discard(name)
        with suppress(DatabaseUnavailable):
            await self._ask("SELECT pg_advisory_unlock(hashtextextended($1, 0))", name)

    async def fallen(self, names: Sequence[str]) -> list[str]:
        others = [name for name in names if name not in self._held]
        if not others:
            return []
        # MATERIALIZED and a transaction lock: each lock is tried once and let go when the statement ends.
        return await self._ask(
            "WITH asked AS MATERIALIZED (SELECT name, pg_try_advisory_xact_lock(hashtextextended(name, 0)) AS free"
            " FROM unnest($1::text[]) AS given(name)) SELECT name FROM asked WHERE free",
            others,
        )

    async def close(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            with suppress(TimeoutError, *_UNREACHABLE):
                await self._connection.close(timeout=2)
            self._connection.terminate()

    def _stands(self, name: str) -> bool:
        return name in self._held and self._connection is not None and not self._connection.is_closed()

    async def _try(self, name: str) -> bool:
        answer = await self._ask("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", name)
        if answer[0]:
            self._held.add(name)
        return bool(answer[0])

    async def _ask(self, text: str, argument: Any) -> list[Any]:
        async with self._busy:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._held.clear()
                    self._connection = await self._dial.connect(server_settings=_SESSION, timeout=5)
                return [row[0] for row in await self._connection.fetch(text, argument, timeout=5)]
            except (*_UNREACHABLE, TimeoutError) as error:
                raise _translated(error) from error


@asynccontextmanager
async def _transaction(connection: Any) -> AsyncGenerator[None]:
    try:
        await connection.execute("BEGIN")
        yield
        await connection.execute("COMMIT")
    except BaseException:
        await _roll_back(connection)
        raise


async def _roll_back(connection: Any) -> None:
    """Or end the connection: one in the middle of a transaction must not be handed to anybody."""
    try:
        await connection.execute("ROLLBACK")
    except Exception:  # noqa: BLE001 what went wrong before is what the caller is told
        connection.terminate()
    except BaseException:
        connection.terminate()
        raise


async def _leave_as_it_is(connection: asyncpg.Connection[Any]) -> None:
    """Our statements leave nothing behind in a session: the usual reset would be a round trip after each."""


def _arguments(query: Query, rows: Rows, parameters: dict[str, Any]) -> list[Any]:
    given = [parameters[name] for name in query.parameters]
    if query.columns:
        given.extend(_packed(column) for column in zip(*rows, strict=True)) if rows else given.extend(
            [_NULL] * len(query.columns)
        )
    return given


def _as_text(value: Any) -> str:
    return _NULL if value is None else value if type(value) is str else str(value)


def _packed(column: tuple[Any, ...]) -> str:
    """A column as one text; see `sql.py`."""
    kinds = set(map(type, column))
    if len(kinds) == 1 and kinds <= _SIMPLE and len(set(column)) == 1:  # as most columns of rows of a moment are
        texts = [_as_text(column[0])] * len(column)
    else:
        texts = [_as_text(value) for value in column]
    packed = _DIVIDER.join(texts)
    if packed.count(_DIVIDER) != len(texts) - 1:
        raise InvalidInput("A text holds the control character U+001F, which can't be kept.")
    return f"{packed}{_DIVIDER}{_NULL}"


def _translated(error: BaseException) -> DatabaseUnavailable:
    said = str(error) or type(error).__name__
    return DatabaseUnavailable(
        f"PostgreSQL can't be reached or used: {said}.", hint="Check DATABASE_URL and that the server runs."
    )
