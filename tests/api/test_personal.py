"""All that is held of a user, or of a tenant: told, and gone. Whatever table there is, in both databases."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from fairlead.access import NewUser, Role
from fairlead.access.key import NewKey
from fairlead.access.personal import Batch, Piece, Subject
from fairlead.database.sql import parse
from fairlead.errors import DatabaseUnavailable
from fairlead.gateway import Choices
from fairlead.gateway.allowance import Period
from fairlead.ship.evaluation.kept import NewCase
from fairlead.wiring.personal import EXEMPT
from tests.api.serving import Serving, listening, serving

ADA = "ada-4f1c"  # is in nothing else
ROOT = {"x-api-key": "root-key-of-the-settings"}


# What they made for all of the tenant, answers that nobody owns, and the log of who did what.
STAYS = {
    "assistant_versions", "audit", "call_stops", "knowledge_chunks", "knowledge_documents", "knowledge_words",
    "model_cache",
}  # fmt: skip


def secret_of(user: str) -> str:
    return f"tell-nobody-{user}"


def large_of(user: str) -> str:
    return secret_of(user) + "x" * 3000  # beyond `blob_threshold` here


async def talk(input: Any, ctx: Any) -> Any:
    text = input["text"]
    question = [{"role": "user", "content": text}]
    await ctx.model(question, model="openai/gpt-5-mini", choices=Choices(cache=True))
    await ctx.memory.set("said", text)
    kept = await ctx.blob("notes", f"{text}!".encode())
    await ctx.step("think", lambda: text.upper().lower())
    ctx.log("said", text=text)
    return {"said": text, "kept": kept.name}


async def ask(input: Any, ctx: Any) -> Any:
    return (await ctx.approve(secret_of(input), who=[f"user:{input}"])).approved


@asynccontextmanager
async def house(database_url: str | None, **more: Any) -> AsyncIterator[Serving]:
    async with serving(
        {"talk": talk, "ask": ask}, keys=(ROOT["x-api-key"],), table=True, database_url=database_url,
        providers={"openai": {"kind": "simulated"}}, blob_threshold="1 KB", poll_every="50ms",
        model_cache="database", egress_allow="127.0.0.1", **more,
    ) as api:  # fmt: skip
        yield api


async def settle(api: Serving, tenant: str, user: str) -> dict[str, str]:
    """Something of theirs in every table, with their name in all of it. Answers the headers of their key."""
    secret, large = secret_of(user), large_of(user)
    books, engine = api.running.engine.books, api.running.engine
    made = await books.users.create(NewUser(user, tenant, Role.ADMIN, f"{user}@example.com"), by="root")
    await books.sessions.open(made, Role.ADMIN)
    issued = await books.keys.create(NewKey(f"{tenant}-{user[:3]}", tenant=tenant, owner=user, role=Role.ADMIN), by="x")
    own = {"x-api-key": issued.secret}
    await api.json("POST", "/webhooks", {"url": "https://127.0.0.1:9/x"}, headers=own, status=201)
    thread = (await api.json("POST", "/threads", {"metadata": {"note": user}}, headers=own))["thread_id"]
    talk = {"assistant_id": "talk", "input": {"text": large}, "metadata": {"intent": "x"}, "feedback_keys": ["good"]}
    await api.json("POST", f"/threads/{thread}/runs/wait", talk, headers=own)
    run = (await api.json("POST", "/runs/batch", [talk], headers=own))[0]["run_id"]
    await api.running.engine.feed.ended(run, tenant=tenant)
    async with api.client.stream("POST", "/runs/stream", json={**talk, "stream_mode": ["values"]}, headers=own) as said:
        await said.aread()
    asked = (await api.json("POST", "/runs", {"assistant_id": "ask", "input": user}, headers=own))["run_id"]
    async with asyncio.timeout(10):
        while not await api.json("GET", f"/approvals?run_id={asked}", headers=own):
            await asyncio.sleep(0.02)
    good = {"name": "good", "value": 1, "comment": secret}
    await api.json("POST", f"/runs/{run}/scores", good, headers=own)
    push = {"taskId": asked, "url": "https://127.0.0.1:9/x", "token": secret}
    call = {"jsonrpc": "2.0", "id": 1, "method": "CreateTaskPushNotificationConfig", "params": push}
    assert "result" in await api.json("POST", "/a2a/ask", call, headers=own)
    files = {"file": (f"{user}.txt", f"{secret} in a file".encode(), "text/plain")}
    file = (await api.client.post("/files", files=files, headers=own)).json()["id"]
    named = {"assistant_id": "talk", "input": {"text": secret, "file": {"type": "file", "file": {"file_id": file}}}}
    await api.json("POST", "/runs/wait", named, headers=own)
    cron = {"assistant_id": "talk", "schedule": "0 9 * * 1", "input": {"text": secret}}
    await api.json("POST", "/runs/crons", cron, headers=own)
    await api.json("POST", "/assistants", {"graph_id": "talk", "name": user}, headers=own)
    await api.json("POST", "/knowledge/docs/documents", {"id": user, "text": secret}, headers=own, status=None)
    await api.json("PUT", "/store/items", {"namespace": ["notes", user], "key": "a", "value": {"a": secret}},
                   headers=own, status=None)  # fmt: skip
    await engine.models.budgets.set(f"user:{user}", Period.DAY, 10**10, by=f"user:{user}", tenant=tenant)
    case = NewCase("smoke", f"{user}-{tenant}", "talk", secret, run, "v1", secret, (), user)
    await engine.evaluations.cases.keep(case, tenant=tenant, by=f"user:{user}")
    await engine.models.stops.stop(f"user:{user}-later", reason="a test", by=f"user:{user}", tenant=tenant)
    return own


async def tables(api: Serving) -> list[str]:
    database = api.running.engine.database
    listed = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' "
                  "AND name NOT GLOB '*_words_*'",
        "postgres": "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()",
    }[database.dialect]  # fmt: skip
    return sorted(row["name"] for row in await database.read(parse("tables", listed, database.dialect)))


async def rows(api: Serving, table: str) -> list[str]:
    database = api.running.engine.database
    found = await database.read(parse("all", f"SELECT * FROM {table}", database.dialect))
    return [str(tuple(row)) for row in found]  # type: ignore[call-overload]


async def count(api: Serving, table: str, mark: str) -> int:
    return sum(mark in row for row in await rows(api, table))


async def mentions(api: Serving, mark: str) -> set[str]:
    """Where anything of it is: in which tables, and whether in a blob."""
    found = {table for table in await tables(api) if await count(api, table, mark)}
    settings = api.running.engine.settings
    paths = [path for path in (settings.root / settings.database.blob_dir).rglob("*") if path.is_file()]
    return found | ({"blobs"} if any(mark.encode() in path.read_bytes() for path in paths) else set())


async def export(api: Serving, path: str) -> list[dict[str, Any]]:
    answer = await api.client.get(path, headers=ROOT)
    assert answer.status_code == 200, answer.text
    return [orjson.loads(line) for line in answer.content.splitlines()]


async def finished(api: Serving, erasure: dict[str, Any]) -> dict[str, Any]:
    path = f"/data/erasures/{erasure['id']}?tenant={erasure['tenant']}"
    async with asyncio.timeout(100):
        while (now := await api.json("GET", path, headers=ROOT))["finished_at"] is None:
            await asyncio.sleep(0.2)
    return now


async def erase(api: Serving, **body: Any) -> dict[str, Any]:
    return await api.json("POST", "/data/erasures", body, headers=ROOT, status=202)


async def test_every_table_says_what_it_holds_of_people(database_url: str | None) -> None:
    model = {"knowledge_embedding_model": "openai/text-embedding-3-small"} if database_url is None else {}
    async with house(database_url, **model) as api:
        assert ("knowledge_embedding" in await tables(api)) == (database_url is None)
        held = {table for holding in api.running.engine.erasing.holdings for table in holding.tables}
        there = set(await tables(api))
        assert held <= there
        assert there - held <= set(EXEMPT), "say in held.py what it holds, or why that stays"
        assert set(EXEMPT) & held <= {"store_file_uses"}


async def test_a_user_is_told_everything_and_then_forgotten(database_url: str | None, tmp_path: Path) -> None:
    async with house(database_url, root=tmp_path, budget_user_day_usd=5) as api:
        await settle(api, "default", ADA)
    async with house(database_url, root=tmp_path) as api:  # what a process has leased of a budget is given back by now
        await settle(api, "default", "bob")
        others = {table: await rows(api, table) for table in ("threads", "store_items", "store_files", "schedules")}
        empty = [table for table in await tables(api) if table not in EXEMPT and not await rows(api, table)]
        assert not empty, "nothing is planted there: this test says nothing of them"
        told = await export(api, f"/data?user={ADA}")
        assert told[-1]["kind"] == "end"
        counts = told[-1]["data"]["counts"]
        assert counts == {kind: sum(one["kind"] == kind for one in told[:-1]) for kind in counts}
        assert {"user", "key", "run", "event", "message", "approval", "thread", "checkpoint", "score", "file", "item",
                "schedule", "usage", "content", "budget", "audit", "delivery", "session"} <= set(counts)  # fmt: skip
        whole = str(told)
        assert large_of(ADA) in whole and f"{ADA}@example.com" in whole
        assert "bob" not in whole
        keys = str([one for one in told if one["kind"] in ("key", "session")])
        assert not re.search(r"fl_[A-Za-z0-9]{20}|[0-9a-f]{64}", keys)
        contents = [base64.b64decode(one["data"]["base64"]) for one in told if one["kind"] == "content"]
        assert f"{secret_of(ADA)} in a file".encode() in contents and f"{large_of(ADA)}!".encode() in contents

        done = await finished(api, await erase(api, user=ADA))
        assert (done["user"], done["whole_tenant"], done["waits_for"]) == (None, False, [])
        assert (done["erased"]["run"], done["erased"]["thread"], done["erased"]["file"]) == (5, 1, 1)
        assert await mentions(api, ADA) <= STAYS
        for table, before in others.items():
            assert [row for row in before if ADA not in row] == await rows(api, table), table
        assert await count(api, "messages", secret_of("bob")), "bob's stays"
        assert {one["kind"] for one in await export(api, f"/data?user={ADA}")} <= {"audit", "end"}
        assert [one["id"] for one in await api.json("GET", f"/data/erasures?user={ADA}", headers=ROOT)] == [done["id"]]
        assert (await api.json("GET", "/audit/verify", headers=ROOT))["whole"]


async def test_costs_stay_as_nobodys(database_url: str | None) -> None:
    async with house(database_url) as api:
        nobodys = {"assistant_id": "talk", "input": {"text": "nobody's"}}
        await api.json("POST", "/runs/wait", nobodys, headers=ROOT)
        await settle(api, "default", ADA)
        await asyncio.sleep(0.2)

        async def by_user(period: str) -> dict[str | None, dict[str, Any]]:
            told = await api.json("GET", f"/costs?by=user&from={period}", headers=ROOT)
            return {one.pop("name"): one for one in told["by"]["user"]}

        for period in ("24h", "30d"):  # sums of hours, and of days
            assert set(await by_user(period)) == {None, ADA}
        before = await by_user("24h")
        await finished(api, await erase(api, user=ADA))
        for period in ("24h", "30d"):
            after = await by_user(period)
            assert set(after) == {None}
            for figure, value in after[None].items():
                assert value == pytest.approx(before[None][figure] + before[ADA][figure]), (period, figure)
        assert after[None]["cost_usd"] > 0


async def test_whoever_signed_anything_is_nobody_afterwards(database_url: str | None) -> None:
    """In every column of every table that says who did something."""
    async with house(database_url) as api:
        await settle(api, "default", "bob")
        database, signed = api.running.engine.database, list[tuple[str, str]]()
        for table in sorted(set(await tables(api)) - set(EXEMPT) - {"audit"}):
            row = (await database.read(parse("one", f"SELECT * FROM {table}", database.dialect)))[0]
            signed += [(table, name) for name in row.keys() if re.fullmatch(r".+_by|author|actor", name)]  # type: ignore[attr-defined]  # noqa: SIM118
        assert {("webhooks", "created_by"), ("approvals", "decided_by"), ("scores", "author")} <= set(signed)
        for table, name in signed:
            await database.write(parse("sign", f"UPDATE {table} SET {name} = 'user:{ADA}'", database.dialect))
        assert await mentions(api, f"user:{ADA}") == {table for table, _ in signed}
        await finished(api, await erase(api, user=ADA))
        assert await mentions(api, f"user:{ADA}") == set()


async def test_a_tenant_goes_whole_and_no_other(database_url: str | None) -> None:
    async with house(database_url) as api:
        theirs = await settle(api, "acme", ADA)
        await settle(api, "default", "bob")
        told = await export(api, "/data/tenant?tenant=acme")
        assert {"assistant", "webhook", "document", "chunk", "key"} <= {one["kind"] for one in told}
        before = {table: await count(api, table, "'default'") for table in await tables(api)}
        made = await erase(api, whole_tenant=True, tenant="acme")
        path = f"/data/erasures/{made['id']}?tenant=acme"
        async with asyncio.timeout(30):
            while (await api.client.get("/runs", headers=theirs)).status_code != 401:
                await asyncio.sleep(0.1)
            # Keys stay for a minute, so that every process hears that they are revoked.
            while not {"key"} <= set((await api.json("GET", path, headers=ROOT))["waits_for"]) <= {"key", "spending"}:
                await asyncio.sleep(0.1)
        left = {table for table in await tables(api) if await count(api, table, "'acme'")}
        assert left <= {
            "audit", "audit_heads", "users", "erasures", "api_keys", "api_key_secrets", "budget_accounts",
        }  # fmt: skip
        for table, there in before.items():
            assert await count(api, table, "'default'") >= there, table


async def test_another_worker_goes_on_where_one_died(database_url: str | None) -> None:
    async with house(database_url) as api:
        await settle(api, "default", ADA)
        await api.running.crash(api.running.workers[0])
        made = await erase(api, user=ADA)
        for holding in api.running.engine.erasing.holdings[:3]:  # one that came so far, and no further
            await holding.erase(Subject("default", ADA))
        await api.running.start_worker()
        await finished(api, made)
        assert not await mentions(api, ADA) & {"runs", "events", "threads", "users", "blobs", "store_items"}


@pytest.mark.parametrize(
    "body", [{}, {"user": ADA, "whole_tenant": True}, {"user": ""}, {"whole_tenant": False}, {"user": ADA, "x": 1}]
)
async def test_whose_data_must_be_said(body: dict[str, Any]) -> None:
    async with house(None) as api:
        await api.json("POST", "/data/erasures", body, headers=ROOT, status=422)
        await api.json("GET", "/data", headers=ROOT, status=422)
        await api.json("GET", "/data/erasures/era_none", headers=ROOT, status=404)


async def test_one_that_waits_does_not_stand_before_the_others(database_url: str | None) -> None:
    async with house(database_url) as api:
        engine = api.running.engine
        await engine.threads.create("hers", user=ADA)
        other = await api.running.submit("ask", "bob", user="bob", thread_id="hers")
        await api.running.until(other.id, "parked")
        waiting = await erase(api, user=ADA)
        async with asyncio.timeout(20):
            while not (now := await api.json("GET", f"/data/erasures/{waiting['id']}", headers=ROOT))["waits_for"]:
                await asyncio.sleep(0.05)
        assert now["waits_for"] == ["thread"]
        await settle(api, "default", "eve")
        await finished(api, await erase(api, user="eve"))
        assert (await engine.control.get(other.id)).finished_at is None, "bob's run is none of hers"
        assert (await api.json("GET", f"/data/erasures/{waiting['id']}", headers=ROOT))["finished_at"] is None
        await engine.control.cancel(other.id)
        await finished(api, waiting)
        assert await engine.threads.search() == []


async def test_what_was_delivered_of_runs_that_are_gone_is_found(database_url: str | None) -> None:
    async with house(database_url) as api:
        own = await settle(api, "default", ADA)
        for run in await api.json("GET", "/runs", headers=own):
            if run["status"] == "success":
                await api.json("DELETE", f"/runs/{run['run_id']}", headers=own, status=204)
        assert await count(api, "deliveries", ADA)
        told = await export(api, f"/data?user={ADA}")
        assert any(one["kind"] == "delivery" for one in told)
        await finished(api, await erase(api, user=ADA))
        assert not await rows(api, "deliveries") and not await rows(api, "delivery_attempts")


async def test_an_export_ends_quietly_when_its_reader_goes_and_in_the_middle_when_they_are_barred() -> None:
    async with house(None) as api:
        own = await settle(api, "default", ADA)
        engine, hold = api.running.engine, asyncio.Event()

        class Slow:
            """Tells without end, as long as it is held."""

            kind, tables = "slow", frozenset[str]()

            async def export(self, of: Subject) -> AsyncIterator[Piece]:
                while not hold.is_set():
                    await asyncio.sleep(0.01)
                    yield Piece("slow", {"text": "x" * 100_000})

            async def erase(self, of: Subject) -> Batch:
                return Batch()

        engine.erasing.holdings = (Slow(),)
        before = len(api.said("error"))
        async with listening(api.app) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
            async with client.stream("GET", f"/data?user={ADA}", headers=own) as told:
                await anext(told.aiter_bytes())
            async with client.stream("GET", f"/data?user={ADA}", headers=own) as told:
                pieces = told.aiter_bytes()
                await anext(pieces)
                await engine.books.keys.revoke(f"default-{ADA[:3]}", tenant="default", by="test")
                with pytest.raises(httpx.RemoteProtocolError):
                    async for _ in pieces:
                        pass
        assert len(api.said("error")) == before


class Away:
    """Blobs in a store that forgets nothing, as long as it can't be reached."""

    def __init__(self, blobs: Any) -> None:
        self._blobs = blobs
        self.away = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def delete_scope(self, scope: str) -> None:
        if self.away:
            raise DatabaseUnavailable("The bucket can't be reached.")
        await self._blobs.delete_scope(scope)


async def test_what_can_not_be_erased_now_is_still_found(database_url: str | None) -> None:
    """The bytes go before the row that tells where they are, whatever fails in between."""
    async with house(database_url) as api:
        await settle(api, "default", ADA)
        engine = api.running.engine
        away = Away(engine.payloads.blobs)
        engine.payloads.blobs = away
        held = {holding.kind: holding for holding in engine.erasing.holdings}
        engine.stores.files._blobs = held["file"]._blobs = away  # type: ignore[attr-defined]
        made = await erase(api, user=ADA)
        async with asyncio.timeout(20):
            while not [one for one in api.said("database_unreachable") if one["database"] == "erasing"]:
                await asyncio.sleep(0.05)
        for kind in ("thread", "file"):
            with pytest.raises(DatabaseUnavailable):
                await held[kind].erase(Subject("default", ADA))
        there = await mentions(api, ADA)
        assert {"runs", "threads", "store_files", "blobs"} <= there
        away.away = False
        await engine.database.write(parse("now", "UPDATE erasures SET leased_until = 0", engine.database.dialect))
        await finished(api, made)
        assert await mentions(api, ADA) <= STAYS


async def test_what_a_conversation_keeps_is_told_and_goes_too(redis_url: str) -> None:
    async with house(None, redis_url=redis_url) as api:
        engine = api.running.engine
        for thread, user in (("hers", ADA), ("bobs", "bob")):
            await engine.threads.create(thread, user=user)
            await engine.stores.conversations.put(thread, "said", f"{user} was here", tenant="default")
        told = [one["data"] for one in await export(api, f"/data?user={ADA}") if one["kind"] == "conversation"]
        assert told == [{"thread_id": "hers", "values": {"said": f"{ADA} was here"}}]
        await finished(api, await erase(api, user=ADA))
        assert await engine.stores.conversations.all("hers", tenant="default") == {}
        assert await engine.stores.conversations.all("bobs", tenant="default") == {"said": "bob was here"}
