from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from fairlead.access import LOCAL_ADMIN, NewKey, NewUser, Principal, Role, SessionBook, Status
from fairlead.errors import Conflict, InvalidInput, NotFound, Unauthorised
from fairlead.testing import MovableClock
from tests.access.conftest import Process, StartProcess

ANN = NewUser("ann", "acme", Role.OPERATOR, "ann@acme.test")
AS_ANN = Principal("user:ann", Role.OPERATOR, tenant="acme", user="ann")


def sessions_of(one: Process, clock: MovableClock) -> SessionBook:
    return SessionBook(one.database, audit=one.audit, lives=timedelta(hours=12), idle=timedelta(hours=1), clock=clock)


async def test_a_user_lives_from_their_making_to_their_end(process: StartProcess) -> None:
    one = await process()
    made = await one.users.create(ANN, by="root")
    assert (made.name, made.role, made.status, made.email) == ("ann", Role.OPERATOR, Status.ACTIVE, "ann@acme.test")
    assert await one.users.get("ann", tenant="acme") == made
    assert await one.users.list(tenant="acme") == [made]
    for absent in ({"name": "ann", "tenant": "other"}, {"name": "bob", "tenant": "acme"}):
        with pytest.raises(NotFound):
            await one.users.get(**absent)
    with pytest.raises(Conflict):
        await one.users.create(replace(ANN, role=Role.ADMIN), by="root")
    assert (await one.users.set_role("ann", Role.ADMIN, tenant="acme", by="root")).role is Role.ADMIN
    assert (await one.users.disable("ann", tenant="acme", by="root")).status is Status.DISABLED
    assert (await one.users.enable("ann", tenant="acme", by="root")).status is Status.ACTIVE
    await one.users.delete("ann", tenant="acme", by="root")
    with pytest.raises(NotFound):
        await one.users.get("ann", tenant="acme")
    assert await one.users.list(tenant=None) == []


async def test_nothing_but_a_digest_is_left_of_who_was_deleted_and_they_may_come_again(process: StartProcess) -> None:
    one = await process()
    await one.users.create(replace(ANN, subject="issuer|1"), by="root")
    await one.users.delete("ann", tenant="acme", by="root")
    assert await one.users.of_subject("issuer|1") is None
    again = await one.users.create(replace(ANN, role=Role.VIEWER), by="root")
    assert (again.role, again.status) == (Role.VIEWER, Status.ACTIVE)


@pytest.mark.parametrize(
    "given", [{"name": ""}, {"name": "a\nb"}, {"name": "x" * 201}, {"tenant": "no such"}, {"email": "ann"}]
)
def test_a_user_who_makes_no_sense_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        NewUser(**{"name": "ann", **given})


async def test_keys_of_a_disabled_user_open_nothing_anywhere_until_they_are_enabled(
    process: StartProcess,
) -> None:
    one, two = await process(), await process()
    await one.users.create(ANN, by="root")
    await one.book.create(NewKey("root", role=Role.ADMIN), by="x")
    key = await one.book.create(NewKey("bot", tenant="acme", owner="ann"), by="root")
    other = await one.book.create(NewKey("bot", owner="ann"), by="root")  # of a tenant that has no such user
    for each in (one, two):
        await each.keys.identify({"x-api-key": key.secret})
    await one.users.disable("ann", tenant="acme", by="root")
    for each in (one, two):
        await each.table.refresh()
        with pytest.raises(Unauthorised, match="disabled user"):
            await each.keys.identify({"x-api-key": key.secret})
        await each.keys.identify({"x-api-key": other.secret})
    await two.users.enable("ann", tenant="acme", by="root")
    await one.table.refresh()
    await one.keys.identify({"x-api-key": key.secret})


@pytest.mark.parametrize("end", ["role", "disable", "delete"])
async def test_what_a_user_holds_from_before_ends_with_a_change(
    process: StartProcess, clock: MovableClock, end: str
) -> None:
    one = await process()
    user = await one.users.create(ANN, by="root")
    sessions = sessions_of(one, clock)
    cookie, issued = await sessions.open(user, user.role), clock.micros()
    session = await sessions.find(cookie)
    assert session is not None
    assert session.principal.role is Role.OPERATOR
    await one.keys.admit(AS_ANN, issued)
    clock.move(timedelta(seconds=1))
    match end:
        case "role":
            await one.users.set_role("ann", Role.VIEWER, tenant="acme", by="root")
        case "disable":
            await one.users.disable("ann", tenant="acme", by="root")
        case _:
            await one.users.delete("ann", tenant="acme", by="root")
    assert await sessions.find(cookie) is None
    await one.table.refresh()
    with pytest.raises(Unauthorised):
        await one.keys.admit(AS_ANN, issued)
    if end == "role":
        await one.keys.admit(AS_ANN, clock.micros())


async def test_who_watches_is_turned_out_when_their_key_or_their_user_goes(process: StartProcess) -> None:
    one, two = await process(), await process()
    await one.users.create(ANN, by="root")
    await one.book.create(NewKey("root", role=Role.ADMIN), by="x")
    secret = (await one.book.create(NewKey("bot", tenant="acme"), by="root")).secret
    await two.table.refresh()
    by_key = await two.keys.identify({"x-api-key": secret})
    until = replace(LOCAL_ADMIN, until=1)
    assert [two.keys.may_bar(caller) for caller in (by_key, AS_ANN, until, LOCAL_ADMIN)] == [True, True, True, False]
    of_key, of_user = asyncio.Event(), asyncio.Event()
    with two.keys.watch(by_key, of_key.set), two.keys.watch(AS_ANN, of_user.set):
        await two.table.refresh()
        assert (of_key.is_set(), of_user.is_set()) == (False, False)
        await one.book.revoke("bot", tenant="acme", by="root")
        async with asyncio.timeout(5):
            await of_key.wait()
        assert not of_user.is_set()
        await one.users.disable("ann", tenant="acme", by="root")
        async with asyncio.timeout(5):
            await of_user.wait()


async def test_a_session_ends_when_it_is_closed_too_old_or_not_used(process: StartProcess, clock: MovableClock) -> None:
    one = await process()
    user, sessions = await one.users.create(ANN, by="root"), sessions_of(one, clock)
    closed = await sessions.open(user, user.role)
    await sessions.close(closed)
    assert await sessions.find(closed) is None
    assert await sessions.find("made up") is None
    left, used = await sessions.open(user, user.role), await sessions.open(user, user.role)
    for _ in range(14):
        clock.move(timedelta(minutes=50))
        assert await sessions.find(used) is not None
    assert await sessions.find(left) is None
    clock.move(timedelta(minutes=21))
    assert await sessions.find(used) is None
