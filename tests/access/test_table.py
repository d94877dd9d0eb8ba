"""What one process knows of keys that others make and revoke, and how old that may be."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fairlead.access import Changes, KeyBook, Keyring, KeyTable, NewKey, Role
from fairlead.access.table import OLDEST
from fairlead.database.sql import parse
from fairlead.errors import DatabaseUnavailable, Unauthorised
from fairlead.telemetry import silent
from fairlead.testing import MovableClock
from tests.access.conftest import Process, StartProcess
from tests.servers import PostgresServer

ROOT = NewKey("root", role=Role.ADMIN)
A_MOMENT = timedelta(milliseconds=1)


async def opens(one: Process, secret: str) -> bool:
    try:
        await one.keys.identify({"x-api-key": secret})
    except Unauthorised:
        return False
    return True


async def test_a_key_opens_every_process_from_the_moment_it_is_made(process: StartProcess) -> None:
    one, other = await process(), await process()
    made = await one.book.create(ROOT, by="ann")
    assert await opens(other, made.secret)
    assert await opens(one, made.secret)
    for n in range(20):
        more = await other.book.create(NewKey(f"bot{n}"), by="ann")
        assert await opens(one, more.secret)


async def test_a_new_secret_opens_every_process_at_once_too(process: StartProcess) -> None:
    one, other = await process(), await process()
    await one.book.create(ROOT, by="ann")
    rotated = await one.book.rotate("root", tenant="default", by="ann", overlap=timedelta(hours=1))
    assert await opens(other, rotated.secret)


async def test_where_a_key_is_revoked_it_opens_nothing_from_then_on(process: StartProcess) -> None:
    one = await process()
    made = await one.book.create(ROOT, by="ann")
    assert await opens(one, made.secret)
    await one.book.revoke("root", tenant="default", by="ann")
    assert not await opens(one, made.secret)


async def test_a_process_that_no_signal_reaches_refuses_it_within_two_seconds(
    process: StartProcess, clock: MovableClock
) -> None:
    one, other = await process(), await process()
    made = await one.book.create(ROOT, by="ann")
    await one.book.create(NewKey("root2", role=Role.ADMIN), by="ann")
    assert await opens(other, made.secret)
    await revoke_in_silence(one, "root")
    clock.move(OLDEST + A_MOMENT)
    assert not await opens(other, made.secret)


async def revoke_in_silence(one: Process, name: str) -> None:
    """As another process does whose signal is lost."""
    text = (
        """UPDATE api_keys SET revoked_at = 1, version = (SELECT version + 1 FROM api_key_changes) WHERE name = :name"""
    )
    await one.database.write(parse("revoke", text, one.database.dialect), name=name)
    await one.database.write(parse("count", "UPDATE api_key_changes SET version = version + 1", one.database.dialect))


async def test_a_process_that_nobody_asks_looks_for_itself(process: StartProcess) -> None:
    one, other = await process(), await process()
    made = await one.book.create(ROOT, by="ann")
    async with asyncio.timeout(10):  # it looks every second
        while not other.table.begun:
            await asyncio.sleep(0.01)
    assert await opens(other, made.secret)


async def test_an_expired_key_opens_nothing_though_nothing_changed(process: StartProcess, clock: MovableClock) -> None:
    one, other = await process(), await process()
    await one.book.create(ROOT, by="ann")
    made = await one.book.create(NewKey("bot", expires_at=clock.now() + timedelta(days=90)), by="ann")
    clock.move(timedelta(days=90) - A_MOMENT)
    assert await opens(one, made.secret)
    assert await opens(other, made.secret)
    clock.move(A_MOMENT)
    assert not await opens(one, made.secret)
    assert not await opens(other, made.secret)
    assert one.told("key_refused")[0]["reason"] == "expired"


async def test_once_there_was_a_key_the_door_stays_shut_though_all_are_revoked(process: StartProcess) -> None:
    one = await process()
    assert (await one.keys.identify({})).name == "local"
    await one.book.create(ROOT, by="ann")
    for late in (one, await process()):
        with pytest.raises(Unauthorised):
            await late.keys.identify({})
    await one.book.revoke("root", tenant="default", by="ann")
    for late in (one, await process()):
        assert late.keys
        with pytest.raises(Unauthorised):
            await late.keys.identify({})


async def test_changes_that_overlap_are_all_seen(process: StartProcess) -> None:
    """A number taken first may be committed last: who reads between must not miss it for ever."""
    one, two, reader = await process(), await process(), await process()
    await one.book.create(ROOT, by="ann")
    making = [
        who.book.create(NewKey(f"bot{n}"), by="ann") for n in range(20) for who in (one, two) if n % 2 == (who is two)
    ]
    made = asyncio.gather(*making)
    while not made.done():
        await reader.table.refresh()
    await reader.table.refresh()
    version = (await reader.book.changed(0)).version
    assert (await reader.book.changed(version)).known == ()
    for issued in await made:
        assert reader.table.find(bytes.fromhex(await digest_of(reader, issued.key.id))) is not None


async def digest_of(one: Process, key_id: str) -> str:
    query = parse("digest", "SELECT digest FROM api_key_secrets WHERE key_id = :id", one.database.dialect)
    return (await one.database.read(query, id=key_id))[0]["digest"]


async def test_a_database_that_was_put_back_is_read_as_it_is_now(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    kept = await one.book.create(ROOT, by="ann")
    lost = await one.book.create(NewKey("bot"), by="ann")
    assert await opens(one, lost.secret)
    for text in (
        "DELETE FROM api_keys WHERE name = 'bot'",
        "UPDATE api_key_changes SET version = 1",
        "UPDATE api_keys SET version = 1",
    ):
        await one.database.write(parse("put_back", text, one.database.dialect))
    clock.move(OLDEST + A_MOMENT)
    assert await opens(one, kept.secret)
    assert not await opens(one, lost.secret)


async def test_the_last_use_is_written_now_and_then_and_at_the_end(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    made = await one.book.create(ROOT, by="ann")
    clock.move(timedelta(seconds=5))
    used_at = clock.now()
    assert await opens(one, made.secret)
    clock.move(timedelta(seconds=5))
    assert (await one.book.get("root", tenant="default")).last_used_at is None
    await one.keys.close()
    assert (await one.book.get("root", tenant="default")).last_used_at == used_at
    other = await process()
    await other.book.used([("default", made.key.id, 1)])  # an older word of another process
    assert (await one.book.get("root", tenant="default")).last_used_at == used_at


class Counted(KeyBook):
    """Counts how often it is read."""

    read = 0

    async def changed(self, seen: int) -> Changes:
        self.read += 1
        return await super().changed(seen)


async def test_a_flood_of_unknown_keys_is_no_flood_of_queries(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    await one.book.create(ROOT, by="ann")
    book = Counted(one.database, audit=one.audit, clock=clock, emit=silent)
    table = KeyTable(book, one.users, signals=one.database.signals, clock=clock, emit=silent)
    await table.open()
    keys = Keyring(table=table, clock=clock)
    for n in range(300):  # one after another
        with pytest.raises(Unauthorised):
            await keys.identify({"x-api-key": f"wrong {n}"})
    assert book.read <= 30
    made = await one.book.create(NewKey("bot"), by="ann")
    assert (await keys.identify({"x-api-key": made.secret})).key == "bot"  # the signal has come all the same
    await keys.close()


async def test_while_the_database_is_away_no_key_of_it_opens_but_those_of_the_settings_do(
    process: StartProcess, clock: MovableClock
) -> None:
    server = PostgresServer(durable=False)
    try:
        one = await process("from-the-settings", url=server.start())
        made = await one.book.create(ROOT, by="ann")
        assert await opens(one, made.secret)
        server.stop("immediate")
        assert await opens(one, made.secret)  # known a moment ago
        clock.move(OLDEST + A_MOMENT)
        with pytest.raises(DatabaseUnavailable):
            await one.keys.identify({"x-api-key": made.secret})
        with pytest.raises(DatabaseUnavailable):
            await one.keys.identify({"x-api-key": "unknown"})
        assert await opens(one, "from-the-settings")
        server.start()
        assert await opens(one, made.secret)
    finally:
        server.remove()


async def test_a_key_that_is_sent_to_an_open_door_is_looked_for_before_it_is_let_in(process: StartProcess) -> None:
    """The first key may have been made elsewhere, a moment ago."""
    one, other = await process(), await process()
    made = await one.book.create(NewKey("root", role=Role.ADMIN), by="ann")
    assert (await other.keys.identify({"x-api-key": made.secret})).name == "key:root"
