"""What becomes of a key in the database: on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fairlead.access import Allowance, Limits, NewKey, Role, Scope, Standing
from fairlead.database.sql import parse
from fairlead.errors import Conflict, NotFound
from fairlead.testing import MovableClock
from tests.access.conftest import Process, StartProcess

ROOT = NewKey("root", role=Role.ADMIN)


async def everything_stored(one: Process) -> str:
    rows: list[str] = []
    for table in ("api_keys", "api_key_secrets", "api_key_changes"):
        found = await one.database.read(parse("all", f"SELECT * FROM {table}", one.database.dialect))
        rows += [repr(tuple(row)) for row in found]  # type: ignore[arg-type]
    return "\n".join(rows)


async def test_a_key_comes_back_as_it_was_made(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    await one.book.create(ROOT, by="ann")
    wanted = NewKey(
        "bot", owner="Ada Lovelace <ada@example.com>", tenant="acme", role=Role.VIEWER,
        scopes=frozenset({Scope.MODELS, Scope.RUNS_READ}), models=("openai/*", "simulated/echo"),
        allowance=Allowance(1, 2**53, None), limits=Limits(60, 100_000), metadata={"team": "søk", "cost.center": "7"},
        expires_at=clock.now() + timedelta(days=90),
    )  # fmt: skip
    issued = await one.book.create(wanted, by="key:root")
    key = await one.book.get("bot", tenant="acme")
    assert key == issued.key
    made = NewKey(key.name, key.owner, key.tenant, key.role, key.scopes, key.models, key.allowance, key.limits,
                  key.metadata, key.expires_at)  # fmt: skip
    assert made == wanted
    assert (key.created_by, key.created_at, key.revoked_at, key.last_used_at) == ("key:root", clock.now(), None, None)


async def test_a_secret_is_shown_once_and_never_kept_or_told(process: StartProcess) -> None:
    one = await process()
    made = await one.book.create(ROOT, by="ann")
    again = await one.book.rotate("root", tenant="default", by="ann")
    kept = await everything_stored(one)
    for secret in (made.secret, again.secret):
        assert len(secret) == 46
        for place in (kept, repr(one.said), repr(made), repr(again), repr(made.key)):
            assert secret[3:] not in place


async def test_two_living_keys_share_no_name_but_a_revoked_one_gives_it_back(process: StartProcess) -> None:
    one = await process()
    first = await one.book.create(ROOT, by="ann")
    with pytest.raises(Conflict, match="already"):
        await one.book.create(ROOT, by="ann")
    await one.book.create(NewKey("root", tenant="other"), by="ann")  # another tenant's is another key
    await one.book.revoke("root", tenant="default", by="ann")
    second = await one.book.create(ROOT, by="ann")
    assert second.key.id != first.key.id
    assert await one.book.get("root", tenant="default") == second.key


async def test_of_many_who_make_a_key_of_one_name_one_succeeds(process: StartProcess) -> None:
    processes = [await process() for _ in range(3)]
    asked = [one.book.create(ROOT, by=str(n)) for n in range(4) for one in processes]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    made = [one for one in outcomes if not isinstance(one, BaseException)]
    assert len(made) == 1
    assert all(isinstance(one, Conflict) for one in outcomes if isinstance(one, BaseException))
    assert (await processes[0].keys.identify({"x-api-key": made[0].secret})).key == "root"


async def test_the_first_key_must_be_able_to_make_the_next(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    for lesser in (NewKey("bot"), NewKey("bot", role=Role.ADMIN, scopes=frozenset({Scope.MODELS}))):
        with pytest.raises(Conflict, match="administrator"):
            await one.book.create(lesser, by="ann")
    await one.book.create(NewKey("root", role=Role.ADMIN, expires_at=clock.now() + timedelta(days=1)), by="ann")
    await one.book.create(NewKey("bot"), by="ann")
    clock.move(timedelta(days=1))
    with pytest.raises(Conflict, match="administrator"):
        await one.book.create(NewKey("bot2"), by="ann")


async def test_beside_keys_in_the_settings_the_first_may_be_anybodys(process: StartProcess) -> None:
    one = await process("a-key-of-the-settings")
    assert (await one.book.create(NewKey("bot"), by="ann")).key.role is Role.OPERATOR


async def test_rotating_ends_the_secrets_before_after_the_overlap(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    first = await one.book.create(ROOT, by="ann")
    second = await one.book.rotate("root", tenant="default", by="ann", overlap=timedelta(hours=24))
    third = await one.book.rotate("root", tenant="default", by="ann", overlap=timedelta(hours=48))
    assert first.key.id == second.key.id == third.key.id

    async def opens() -> list[bool]:
        tried = [one.keys.identify({"x-api-key": issued.secret}) for issued in (first, second, third)]
        return [
            not isinstance(answer, BaseException) for answer in await asyncio.gather(*tried, return_exceptions=True)
        ]

    assert await opens() == [True, True, True]
    clock.move(timedelta(hours=24))
    assert await opens() == [False, True, True]  # a later rotation gives the first no more time
    clock.move(timedelta(hours=24))
    assert await opens() == [False, False, True]
    await one.book.rotate("root", tenant="default", by="ann")
    assert await opens() == [False, False, False]
    assert (await everything_stored(one)).count("key_") <= 4  # secrets that have ended are not kept


async def test_a_revoked_key_is_not_rotated_and_an_expired_one_only_to_a_later_end(
    process: StartProcess, clock: MovableClock
) -> None:
    one = await process()
    await one.book.create(ROOT, by="ann")
    await one.book.create(NewKey("bot", expires_at=clock.now() + timedelta(days=1)), by="ann")
    clock.move(timedelta(days=2))
    with pytest.raises(Conflict, match="expired"):
        await one.book.rotate("bot", tenant="default", by="ann")
    later = await one.book.rotate("bot", tenant="default", by="ann", expires_at=clock.now() + timedelta(days=1))
    assert later.key.standing(clock.now()) is Standing.VALID
    assert (await one.keys.identify({"x-api-key": later.secret})).key == "bot"
    await one.book.revoke("bot", tenant="default", by="ann")
    with pytest.raises(Conflict, match="revoked"):
        await one.book.rotate("bot", tenant="default", by="ann", expires_at=clock.now() + timedelta(days=9))


async def test_revoking_is_for_good_and_told_once(process: StartProcess) -> None:
    one = await process()
    await one.book.create(ROOT, by="ann")
    first = await one.book.revoke("root", tenant="default", by="ann")
    assert await one.book.revoke("root", tenant="default", by="bob") == first
    assert (first.revoked_by, [told["by"] for told in one.told("key_revoked")]) == ("ann", ["ann"])


async def test_of_rotating_and_revoking_at_once_the_key_ends_revoked(process: StartProcess) -> None:
    one, other = await process(), await process()
    for n in range(10):
        made = await one.book.create(NewKey(f"root{n}", role=Role.ADMIN), by="ann")
        rotated, _ = await asyncio.gather(
            one.book.rotate(made.key.name, tenant="default", by="ann"),
            other.book.revoke(made.key.name, tenant="default", by="bob"),
            return_exceptions=True,
        )
        assert (await one.book.get(made.key.name, tenant="default")).revoked_at is not None
        secrets = [made.secret] + ([] if isinstance(rotated, BaseException) else [rotated.secret])
        await one.table.refresh()
        for secret in secrets:
            with pytest.raises(Exception, match=r"revoked|not known"):
                await one.keys.identify({"x-api-key": secret})


async def test_keys_are_listed_by_tenant_newest_first_in_pages(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    await one.book.create(ROOT, by="ann")
    for n in range(5):
        clock.move(timedelta(seconds=1))
        await one.book.create(NewKey(f"bot{n}", owner="ann" if n % 2 else "bob", tenant="acme"), by="ann")
    await one.book.revoke("bot3", tenant="acme", by="ann")

    async def names(**wanted: object) -> list[str]:
        return [key.name for key in await one.book.list(**{"tenant": "acme", **wanted})]  # type: ignore[arg-type]

    assert await names() == ["bot4", "bot2", "bot1", "bot0"]
    assert await names(revoked=True) == ["bot4", "bot3", "bot2", "bot1", "bot0"]
    assert await names(owner="ann") == ["bot1"]
    first = await one.book.list(tenant="acme", limit=2)
    assert await names(before=first[-1].id, limit=2) == ["bot1", "bot0"]
    assert await names(tenant=None) == ["bot4", "bot2", "bot1", "bot0", "root"]
    assert await names(tenant="' OR 1=1 --") == []


async def test_nobody_of_another_tenant_finds_a_key(process: StartProcess) -> None:
    one = await process()
    await one.book.create(ROOT, by="ann")
    for ask in (
        one.book.get("root", tenant="acme"),
        one.book.rotate("root", tenant="acme", by="eve"),
        one.book.revoke("root", tenant="acme", by="eve"),
    ):
        with pytest.raises(NotFound):
            await ask
    assert (await one.book.get("root", tenant="default")).revoked_at is None


async def test_everything_is_told(process: StartProcess) -> None:
    one = await process()
    await one.book.create(ROOT, by="ann")
    await one.book.rotate("root", tenant="default", by="ann", overlap=timedelta(hours=1))
    await one.book.revoke("root", tenant="default", by="ann")
    assert [(event, fields["key"], fields["by"]) for event, fields in one.said] == [
        ("key_created", "root", "ann"), ("key_rotated", "root", "ann"), ("key_revoked", "root", "ann"),
    ]  # fmt: skip
