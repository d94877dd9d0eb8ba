"""Delivered to a real server; times are moved in the table, not waited for."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from fairlead import testing
from fairlead.database.sql import parse
from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.runs.webhook import (
    Delivery,
    DeliveryStatus,
    Outcome,
    Secret,
    backoff,
    judge,
    new_secret,
    rotated,
    signed_headers,
)
from fairlead.runs.webhooks import Webhooks
from tests.runs.conftest import OpenEngine
from tests.runs.receiver import Got, answer, receiving

NOW = datetime(2030, 1, 1, tzinfo=UTC)
_CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\nconnection: close\r\n\r\nx"  # ends in the middle
ALLOW = {"egress_allow": "127.0.0.1"}


async def greet(input: Any) -> str:
    if input["name"] == "bad":
        raise ValueError("no")
    return f"Hello, {input['name']}"


def book(running: testing.Running) -> Webhooks:
    return running.engine.webhooks


async def now_due(running: testing.Running) -> None:
    """As if all waits and leases had run out."""
    query = parse("due", "UPDATE deliveries SET next_at = 0 WHERE status = 'pending'", running.engine.database.dialect)
    await running.engine.database.write(query)


async def ended(running: testing.Running, webhook_id: str, count: int = 1) -> list[tuple[Delivery, list[Any]]]:
    async with asyncio.timeout(10):
        while True:
            found = await book(running).deliveries(webhook_id, tenant="default")
            if sum(one.status is not DeliveryStatus.PENDING for one, _ in found) >= count:
                return found
            await asyncio.sleep(0.02)


async def tried(running: testing.Running, webhook_id: str, count: int) -> list[Any]:
    async with asyncio.timeout(10):
        while True:
            found = await book(running).deliveries(webhook_id, tenant="default")
            if found and len(found[0][1]) >= count:
                return found[0][1]
            await asyncio.sleep(0.02)


def verified(got: Got, secret: str) -> bool:
    """As the standard has it, and not by our code."""
    said = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.raw
    key = base64.b64decode(secret.split("_", 1)[1])
    wanted = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return any(one == f"v1,{wanted}" for one in got.headers["webhook-signature"].split(" "))


def delivery(**changed: Any) -> Delivery:
    given = {"number": 1, "tenant": "t", "id": "msg_1", "webhook_id": "wh", "lane": "wh", "url": None, "run_id": "r",
             "type": "run.success", "data": {}, "body": None, "status": DeliveryStatus.PENDING, "attempts": 1,
             "created_at": NOW, "give_up_at": NOW + timedelta(days=1), "next_at": NOW, "finished_at": None,
             "answer_status": None, "error": None}  # fmt: skip
    return Delivery(**{**given, **changed})


# -- decisions


def test_waits_double_up_to_an_hour_and_are_spread() -> None:
    assert [backoff(n, 1).total_seconds() for n in (1, 2, 3, 20, 999)] == [5, 10, 20, 3600, 3600]
    assert backoff(1, 0).total_seconds() == 2.5


@pytest.mark.parametrize(
    ("outcome", "status", "after"),
    [
        (Outcome(204), DeliveryStatus.DELIVERED, 0),
        (Outcome(500), DeliveryStatus.PENDING, 5),
        (Outcome(302), DeliveryStatus.PENDING, 5),
        (Outcome(None, "broke off"), DeliveryStatus.PENDING, 5),
        (Outcome(429, retry_after=timedelta(minutes=7)), DeliveryStatus.PENDING, 420),
        (Outcome(503, retry_after=timedelta(hours=25)), DeliveryStatus.FAILED, 0),
        (Outcome(410), DeliveryStatus.FAILED, 0),
        (Outcome(None, "private", refused=True), DeliveryStatus.FAILED, 0),
    ],
)
def test_what_becomes_of_a_delivery(outcome: Outcome, status: DeliveryStatus, after: float) -> None:
    verdict = judge(delivery(), outcome, now=NOW, luck=1)
    assert (verdict.status, (verdict.next_at - NOW).total_seconds()) == (status, after)
    assert verdict.gone is (outcome.status == 410)


def test_after_a_day_it_is_given_up() -> None:
    late = NOW + timedelta(hours=23, minutes=59)
    assert judge(delivery(attempts=30), Outcome(500), now=late, luck=1).status is DeliveryStatus.FAILED


def test_a_replaced_secret_signs_until_its_overlap_ends() -> None:
    first = (Secret(new_secret()),)
    second = rotated(first, now=1_000_000, overlap_us=60_000_000)
    during = signed_headers("msg_1", b"{}", second, now=2_000_000)["webhook-signature"].split(" ")
    after = signed_headers("msg_1", b"{}", second, now=62_000_000)["webhook-signature"].split(" ")
    assert (len(during), len(after), after[0] != during[1]) == (2, 1, True)
    assert len(rotated(first, now=1, overlap_us=0)) == 1


# -- deliveries


async def test_the_webhook_of_a_run_is_told_of_its_end_and_signed(engine: OpenEngine) -> None:
    running = await engine(greet=greet, settings=ALLOW)
    async with receiving() as receiver:
        run = await running.run("greet", {"name": "Ada"}, webhook=f"{receiver.url}/hook")
        got = (await receiver.until(1))[0]
    secret = (await book(running).for_runs("default")).secrets[0].value
    assert verified(got, secret) and not verified(got, new_secret())
    said = got.json
    assert (said["run_id"], said["status"], said["type"]) == (run.id, "success", "run.success")
    assert said["values"]["output"] == "Hello, Ada" and said["run_ended_at"] and said["webhook_sent_at"]


@pytest.mark.parametrize(("name", "type"), [("Ada", "run.success"), ("bad", "run.error")])
async def test_a_webhook_is_told_only_what_it_chose(engine: OpenEngine, name: str, type: str) -> None:
    running = await engine(greet=greet, other=greet, settings=ALLOW)
    async with receiving() as receiver:
        await book(running).add(f"{receiver.url}/mine", types=[type], agent="greet", tenant="default", by="t")
        await book(running).add(f"{receiver.url}/theirs", types=["*"], tenant="elsewhere", by="t")
        await book(running).add(f"{receiver.url}/never", types=["run.timeout"], tenant="default", by="t")
        await running.run("other", {"name": name})
        await running.run("greet", {"name": "bad" if name == "Ada" else "Ada"})
        run = await running.run("greet", {"name": name})
        await receiver.until(1)
    assert [(one.path, one.json["run_id"], one.json["type"]) for one in receiver.got] == [("/mine", run.id, type)]


async def test_approvals_are_told_and_a_cancelled_run_too(engine: OpenEngine) -> None:
    async def careful(input: Any, ctx: Any) -> bool:
        return (await ctx.approve("Sure?", expires=timedelta(hours=1))).approved

    running = await engine(careful=careful, settings=ALLOW)
    async with receiving() as receiver:
        await book(running).add(receiver.url + "/", types=["*"], tenant="default", by="t")
        first = await running.submit("careful")
        await running.until(first.id, "parked")
        asked = (await running.engine.control.approvals(run_id=first.id))[0]
        await running.engine.control.answer(asked.id, True, by="Ada")
        await running.ended(first.id)
        second = await running.submit("careful")
        await running.until(second.id, "parked")
        await running.engine.control.cancel(second.id)
        await receiver.until(8)
    told: dict[str, list[str]] = {}
    for one in receiver.got:
        said = one.json
        told.setdefault(said.get("run_id") or said["data"]["run_id"], []).append(said["type"])
    assert told[first.id] == ["approval.requested", "run.interrupted", "approval.answered", "run.success"]
    assert sorted(told[second.id]) == ["approval.answered", "approval.requested", "run.interrupted", "run.interrupted"]


async def test_an_error_is_tried_again_under_the_same_id_with_the_same_body(engine: OpenEngine) -> None:
    running = await engine(greet=greet, settings=ALLOW)
    async with receiving() as receiver:
        receiver.answers["/"] = [answer(500, body=b"oops"), _CUT,
                                 answer(302, b"location: /elsewhere\r\n"), answer(200)]  # fmt: skip
        hook = await book(running).add(receiver.url + "/", tenant="default", by="t")
        await running.run("greet", {"name": "Ada"})
        for count in (1, 2, 3):
            await tried(running, hook.id, count)
            await now_due(running)
        found, attempts = (await ended(running, hook.id))[0]
    assert len({(one.headers["webhook-id"], one.raw) for one in receiver.got}) == 1 and len(receiver.got) == 4
    assert (found.status, [one.status for one in attempts]) == (DeliveryStatus.DELIVERED, [500, None, 302, 200])
    assert (attempts[0].error, attempts[0].answer) == ("answered 500", "oops")
    assert {one.path for one in receiver.got} == {"/"}


@pytest.mark.parametrize("as_date", [False, True])
async def test_a_receiver_says_when_to_come_back(engine: OpenEngine, as_date: bool) -> None:
    running = await engine(greet=greet, settings=ALLOW)
    then = running.engine.clock.now() + timedelta(hours=2)
    when = format_datetime(then, usegmt=True) if as_date else "7200"
    async with receiving() as receiver:
        receiver.answers["/"] = [answer(503, f"retry-after: {when}\r\n".encode())]
        hook = await book(running).add(receiver.url + "/", tenant="default", by="t")
        await running.run("greet", {"name": "Ada"})
        await tried(running, hook.id, 1)
        found = (await book(running).deliveries(hook.id, tenant="default"))[0][0]
    assert abs(found.next_at - then) < timedelta(seconds=30)


async def test_gone_disables_the_webhook_and_is_told(engine: OpenEngine) -> None:
    running = await engine(greet=greet, settings=ALLOW)
    async with receiving() as receiver:
        receiver.answers["/"] = [answer(410)]
        hook = await book(running).add(receiver.url + "/", tenant="default", by="t")
        await running.run("greet", {"name": "Ada"})
        await ended(running, hook.id)
        await running.run("greet", {"name": "Ada"})
    seen = await book(running).get(hook.id, tenant="default")
    assert (seen.enabled, seen.disabled_reason, len(receiver.got)) == (False, "it answered 410 Gone", 1)
    assert [fields["webhook"] for name, fields in running.said if name == "webhook_disabled"] == [hook.id]
    with pytest.raises(Conflict, match="disabled"):
        await book(running).replay(hook.id, since=NOW - timedelta(days=9999), tenant="default", by="t")


async def test_a_receiver_that_took_nothing_for_a_day_is_disabled(engine: OpenEngine) -> None:
    running = await engine(greet=greet, settings=ALLOW)
    async with receiving() as receiver:
        receiver.answers["/"] = [answer(500)]
        hook = await book(running).add(receiver.url + "/", tenant="default", by="t")
        database = running.engine.database
        await running.run("greet", {"name": "Ada"})
        await tried(running, hook.id, 1)
        await database.write(parse("x", "UPDATE webhooks SET failing_since = failing_since - 86400000000",
                                   database.dialect))  # fmt: skip
        await now_due(running)
        await ended(running, hook.id)
    seen = await book(running).get(hook.id, tenant="default")
    assert (seen.enabled, seen.disabled_reason) == (False, "nothing was taken for a day")


async def test_a_private_address_is_refused_when_it_is_called_and_said_to_be(engine: OpenEngine) -> None:
    running = await engine(greet=greet)
    async with receiving() as receiver:
        hook = await book(running).add(receiver.url + "/", tenant="default", by="t")
        await running.run("greet", {"name": "Ada"})
        found, attempts = (await ended(running, hook.id))[0]
    assert (found.status, receiver.got) == (DeliveryStatus.FAILED, [])
    assert "loopback" in (attempts[0].error or "") and "FAIRLEAD_EGRESS_ALLOW" in (attempts[0].error or "")


async def test_a_silent_receiver_holds_up_no_other(engine: OpenEngine) -> None:
    running = await engine(greet=greet, settings=ALLOW)
    async with receiving() as receiver:
        receiver.answers["/slow"] = [b""]
        await book(running).add(receiver.url + "/slow", tenant="default", by="t")
        good = await book(running).add(receiver.url + "/good", tenant="default", by="t")
        await asyncio.gather(*(running.run("greet", {"name": str(n)}) for n in range(12)))
        await ended(running, good.id, 12)
        assert sum(one.path == "/slow" for one in receiver.got) == 4
        receiver.release.set()


async def test_deliveries_of_a_run_come_in_order_behind_one_that_fails(engine: OpenEngine) -> None:
    async def careful(input: Any, ctx: Any) -> bool:
        return (await ctx.approve("Sure?", expires=timedelta(hours=1))).approved

    running = await engine(careful=careful, settings=ALLOW)
    async with receiving() as receiver:
        receiver.answers["/"] = [answer(500), answer(200)]
        hook = await book(running).add(receiver.url + "/", types=["approval.*"], tenant="default", by="t")
        run = await running.submit("careful")
        await running.until(run.id, "parked")
        await tried(running, hook.id, 1)
        asked = (await running.engine.control.approvals(run_id=run.id))[0]
        await running.engine.control.answer(asked.id, True, by="Ada")
        await running.ended(run.id)
        await now_due(running)
        await ended(running, hook.id, 2)
    assert [one.json["type"] for one in receiver.got] == ["approval.requested"] * 2 + ["approval.answered"]


async def test_many_processes_send_each_delivery_once(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=3, settings=ALLOW)
    async with receiving() as receiver:
        hook = await book(running).add(receiver.url + "/", tenant="default", by="t")
        await asyncio.gather(*(running.run("greet", {"name": str(n)}) for n in range(30)))
        await ended(running, hook.id, 30)
    ids = [one.headers["webhook-id"] for one in receiver.got]
    assert len(ids) == len(set(ids)) == 30


async def test_what_a_dead_process_had_in_hand_is_sent_again_under_the_same_id(engine: OpenEngine) -> None:
    running = await engine(greet=greet, settings=ALLOW)
    async with receiving() as receiver:
        receiver.answers["/"] = [b"", answer(200)]
        hook = await book(running).add(receiver.url + "/", tenant="default", by="t")
        await running.run("greet", {"name": "Ada"})
        await receiver.until(1)
        await running.crash(running.workers[0])
        await now_due(running)
        await running.start_worker()
        await ended(running, hook.id)
    assert len({one.headers["webhook-id"] for one in receiver.got}) == 1 and len(receiver.got) == 2


async def test_replay_sends_one_or_all_again_under_their_ids(engine: OpenEngine) -> None:
    running = await engine(greet=greet, settings=ALLOW)
    async with receiving() as receiver:
        hook = await book(running).add(receiver.url + "/", tenant="default", by="t")
        for name in ("Ada", "Bob"):
            await running.run("greet", {"name": name})
        found = await ended(running, hook.id, 2)
        one = found[0][0].id
        assert await book(running).replay(hook.id, delivery_id=one, tenant="default", by="t") == [one]
        await receiver.until(3)
        await ended(running, hook.id, 2)
        since = datetime(2020, 1, 1, tzinfo=UTC)
        assert len(await book(running).replay(hook.id, since=since, tenant="default", by="t")) == 2
        await receiver.until(5)
        with pytest.raises(NotFound):
            await book(running).replay(hook.id, delivery_id="msg_none", tenant="default", by="t")
        with pytest.raises(InvalidInput):
            await book(running).replay(hook.id, tenant="default", by="t")
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 2


async def test_two_who_rotate_at_once_lose_no_secret(engine: OpenEngine) -> None:
    running = await engine(greet=greet)
    hook = await book(running).add("https://example.com/", tenant="default", by="t")
    made = await asyncio.gather(*(book(running).rotate(hook.id, tenant="default", by="t") for _ in range(5)),
                                return_exceptions=True)  # fmt: skip
    kept = {one.value for one in (await book(running).get(hook.id, tenant="default")).secrets}
    won = {one.secrets[0].value for one in made if not isinstance(one, BaseException)}
    assert won and won <= kept and all(isinstance(one, Conflict) for one in made if isinstance(one, BaseException))


async def test_a_removed_webhook_is_told_nothing_more(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=0, settings=ALLOW)
    hook = await book(running).add("http://127.0.0.1:9/", tenant="default", by="t")
    with pytest.raises(NotFound):
        await book(running).remove(hook.id, tenant="elsewhere", by="t")
    await book(running).remove(hook.id, tenant="default", by="t")
    with pytest.raises(NotFound):
        await book(running).get(hook.id, tenant="default")


@pytest.mark.parametrize("url", ["", "example.com", "ftp://example.com/", "http://a:b@example.com/"])
async def test_what_is_no_address_is_refused_at_once(engine: OpenEngine, url: str) -> None:
    running = await engine(greet=greet, workers=0)
    with pytest.raises(InvalidInput):
        await book(running).add(url, tenant="default", by="t")
    with pytest.raises(InvalidInput, match="no event type"):
        await book(running).add("https://example.com/", types=["run.sucess"], tenant="default", by="t")
