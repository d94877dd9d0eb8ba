"""The audit log is whole, and whatever was done to it from outside is found."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from fairlead.access import Audit, Head, NewKey, NewUser, Role, Wanted
from fairlead.database import Database
from fairlead.database.sql import parse
from fairlead.errors import Conflict
from fairlead.testing import MovableClock
from tests.access.conftest import Process, StartProcess

SECRET = SecretStr("a secret of the auditors")


def audit_of(one: Process, clock: MovableClock, *, keyed: bool = False) -> Audit:
    return Audit(one.database, clock=clock, secret=SECRET if keyed else None)


async def written(one: Process, audit: Audit, count: int = 6, tenant: str = "acme") -> None:
    for number in range(count):
        await audit.record("run.cancel", tenant=tenant, by="user:ann", subject=f"run_{number}", detail={"n": number})


async def execute(database: Database, statement: str) -> None:
    await database.write(parse("planted", statement, database.dialect))


async def unguarded(database: Database, *statements: str) -> None:
    """As somebody does who may do everything to the database."""
    if database.dialect == "sqlite":
        await execute(database, "DROP TRIGGER audit_never_changed")
        await execute(database, "DROP TRIGGER audit_never_deleted")
    else:
        await execute(database, "ALTER TABLE audit DISABLE TRIGGER ALL")
    for statement in statements:
        await execute(database, statement)


async def test_what_is_done_is_in_the_log_with_who_did_it(process: StartProcess) -> None:
    one = await process()
    await one.book.create(NewKey("root", role=Role.ADMIN), by="local")
    await one.book.create(NewKey("bot", owner="ann"), by="key:root")
    await one.book.rotate("bot", tenant="default", by="key:root")
    await one.book.revoke("bot", tenant="default", by="key:root")
    await one.users.create(NewUser("ann"), by="key:root")
    await one.users.set_role("ann", Role.OPERATOR, tenant="default", by="key:root")
    await one.users.disable("ann", tenant="default", by="key:root")
    await one.users.delete("ann", tenant="default", by="key:root")
    found = await one.audit.list("default", Wanted())
    assert [(entry.seq, entry.action) for entry in reversed(found)] == list(enumerate(
        ["key.create", "key.create", "key.rotate", "key.revoke", "user.create", "user.role", "user.disable",
         "user.delete"], 1))  # fmt: skip
    assert found[5].detail == {"overlap_s": 0.0}
    assert {entry.by for entry in found} == {"local", "key:root"}
    assert found[0].subject.startswith("usr_")  # of who was deleted the log keeps no name of its own
    assert (await one.audit.verify("default")).whole


async def test_what_was_not_done_is_not_in_the_log(process: StartProcess) -> None:
    one = await process()
    await one.book.create(NewKey("root", role=Role.ADMIN), by="local")
    with pytest.raises(Conflict):
        await one.book.create(NewKey("root", role=Role.ADMIN), by="mallory")
    await one.users.create(NewUser("ann"), by="local")
    with pytest.raises(Conflict):
        await one.users.create(NewUser("ann", role=Role.ADMIN), by="mallory")
    assert await one.audit.list("default", Wanted(by="mallory")) == []


async def test_a_note_whose_process_died_before_it_was_sealed_is_taken_along(
    process: StartProcess, clock: MovableClock
) -> None:
    one, two = await process(), await process()
    audit = audit_of(one, clock)
    await one.database.write_all([audit.note("key.create", tenant="acme", by="ann", subject="bot")])
    assert [entry.subject for entry in await two.audit.list("acme", Wanted())] == ["bot"]


async def test_many_processes_write_one_chain(process: StartProcess, clock: MovableClock) -> None:
    logs = [audit_of(await process(), clock) for _ in range(3)]
    await asyncio.gather(*(
        log.record("run.cancel", tenant=tenant, by=f"user:{number}", subject=str(turn))
        for number, log in enumerate(logs) for turn in range(10) for tenant in ("acme", "default")
    ))  # fmt: skip
    for tenant in ("acme", "default"):
        verdict = await logs[0].verify(tenant)
        assert (verdict.whole, verdict.entries) == (True, 30), verdict


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "DELETE FROM audit WHERE seq = 1"]
)
async def test_the_database_refuses_to_change_the_log(
    process: StartProcess, clock: MovableClock, statement: str
) -> None:
    one = await process()
    await written(one, audit_of(one, clock))
    with pytest.raises(Exception, match="only added to"):
        await execute(one.database, statement)
    assert (await audit_of(one, clock).verify("acme")).entries == 6


Plant = Callable[[Database], Awaitable[None]]
INSERT = """INSERT INTO audit (tenant, seq, id, at, actor, action, subject, detail, method, hash)
    SELECT tenant, {seq}, 'aud_planted', at, actor, action, 'planted', detail, method, hash FROM audit
    WHERE tenant = 'acme' AND seq = 2"""
TAMPERED: dict[str, tuple[str, ...]] = {
    "an actor changed": ("UPDATE audit SET actor = 'user:bob' WHERE tenant = 'acme' AND seq = 3",),
    "a time changed": ("UPDATE audit SET at = at + 1 WHERE tenant = 'acme' AND seq = 1",),
    "a detail changed": ("UPDATE audit SET detail = '{}' WHERE tenant = 'acme' AND seq = 6",),
    "a hash changed": ("UPDATE audit SET hash = repeat_of WHERE tenant = 'acme' AND seq = 4",),
    "one taken out": ("DELETE FROM audit WHERE tenant = 'acme' AND seq = 3",),
    "the first taken out": ("DELETE FROM audit WHERE tenant = 'acme' AND seq = 1",),
    "one taken out, the rest moved up": (
        "DELETE FROM audit WHERE tenant = 'acme' AND seq = 3",
        *(f"UPDATE audit SET seq = {seq - 1} WHERE tenant = 'acme' AND seq = {seq}" for seq in (4, 5, 6)),
    ),
    "two in another order": (
        "UPDATE audit SET seq = 99 WHERE tenant = 'acme' AND seq = 2",
        "UPDATE audit SET seq = 2 WHERE tenant = 'acme' AND seq = 3",
        "UPDATE audit SET seq = 3 WHERE tenant = 'acme' AND seq = 99",
    ),
    "one put in between": (
        *(f"UPDATE audit SET seq = {seq + 1} WHERE tenant = 'acme' AND seq = {seq}" for seq in (6, 5, 4, 3)),
        INSERT.format(seq=3),
    ),
    "one put at the end": (INSERT.format(seq=7),),
    "the end cut off": ("DELETE FROM audit WHERE tenant = 'acme' AND seq > 4",),
    "one of another tenant's": (
        "DELETE FROM audit WHERE tenant = 'acme' AND seq = 2",
        "UPDATE audit SET tenant = 'acme' WHERE tenant = 'other' AND seq = 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "keyed"])
@pytest.mark.parametrize("planted", TAMPERED.values(), ids=TAMPERED.keys())
async def test_whatever_was_done_to_the_log_is_found(
    process: StartProcess, clock: MovableClock, planted: tuple[str, ...], keyed: bool
) -> None:
    one = await process()
    audit = audit_of(one, clock, keyed=keyed)
    await written(one, audit)
    await written(one, audit, tenant="other")
    assert (await audit.verify("acme")).whole
    await unguarded(one.database, *(text.replace("repeat_of", f"'{'0' * 64}'") for text in planted))
    verdict = await audit.verify("acme")
    assert not verdict.whole, verdict


async def cut_off(one: Process, audit: Audit) -> Head:
    """The end goes, and the mark of the end with it: what is left is a whole chain."""
    kept = (await audit.verify("acme")).head
    await unguarded(
        one.database,
        "DELETE FROM audit WHERE tenant = 'acme' AND seq > 4",
        "UPDATE audit_heads SET seq = 4, hash = (SELECT hash FROM audit WHERE tenant = 'acme' AND seq = 4) "
        "WHERE tenant = 'acme'",
    )
    return kept


async def test_an_end_that_was_cut_off_with_its_mark_is_found_by_a_head_that_was_kept(
    process: StartProcess, clock: MovableClock
) -> None:
    one = await process()
    audit = audit_of(one, clock)
    await written(one, audit)
    kept = await cut_off(one, audit)
    assert (await audit.verify("acme")).whole  # this is why a head is kept
    assert "cut off" in (await audit.verify("acme", kept=kept)).faults[0]
    await written(one, audit, count=3)
    assert "another than the head" in " ".join((await audit.verify("acme", kept=kept)).faults)


async def test_without_the_secret_nobody_makes_up_a_chain(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    audit, forger = audit_of(one, clock, keyed=True), audit_of(one, clock)
    await written(one, audit)
    await forger.record("run.cancel", tenant="acme", by="user:innocent")
    verdict = await audit.verify("acme")
    assert "Entry 7 has no secret" in verdict.faults[0]
    assert "AUDIT_SECRET" in (await forger.verify("acme")).faults[0]
    wrong = Audit(one.database, clock=clock, secret=SecretStr("another"))
    assert len((await wrong.verify("acme")).faults) >= 6


async def test_entries_are_found_by_what_when_and_who_page_by_page(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    audit = audit_of(one, clock)
    await written(one, audit, count=3)
    clock.move(timedelta(hours=1))
    later = clock.now()
    await audit.record("key.create", tenant="acme", by="key:root", subject="bot")
    found: Any = audit.list
    assert [entry.seq for entry in await found("acme", Wanted(action="key.create"))] == [4]
    assert [entry.seq for entry in await found("acme", Wanted(by="user:ann"))] == [3, 2, 1]
    assert [entry.seq for entry in await found("acme", Wanted(subject="run_1"))] == [2]
    assert [entry.seq for entry in await found("acme", Wanted(since=later))] == [4]
    assert [entry.seq for entry in await found("acme", Wanted(until=later))] == [3, 2, 1]
    assert [entry.seq for entry in await found("acme", Wanted(), limit=2)] == [4, 3]
    assert [entry.seq for entry in await found("acme", Wanted(), before=3)] == [2, 1]
    assert await found("other", Wanted()) == []
    assert [entry.seq for entry in await audit.following("acme", after=1)] == [2, 3, 4]


async def test_a_name_can_break_no_line_and_a_detail_no_limit(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    audit = audit_of(one, clock)
    await audit.record("x", tenant="acme", by="a\nb\x1f\x1e\0", subject="s" * 1000, detail={"long": "x" * 10_000})
    (entry,) = await audit.list("acme", Wanted())
    assert (entry.by, len(entry.subject), entry.detail) == ("a?b???", 500, {"too_long": 10_011})
    assert (await audit.verify("acme")).whole
