"""Files: uploaded, read by agents and models, and kept as long as a run needs them."""

from __future__ import annotations

import base64
from typing import Any

from fairlead.agents import Agent, Context
from fairlead.clock import to_micros
from fairlead.database.sql import parse
from tests.api.serving import Serving, serving

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def read(input: Any, ctx: Context) -> Any:
    file = await ctx.file(input["files"][0])
    return {"name": file.name, "text": file.text, "again": (await ctx.file(file.id)).data == file.data}


async def wait_and_read(input: Any, ctx: Context) -> Any:
    await ctx.approve("read?")
    return (await ctx.file(input)).text


def read_sync(input: Any, ctx: Any) -> Any:
    return ctx.file(input).text


AGENTS = {"read": read, "wait": wait_and_read, "sync": read_sync, "chat": Agent("chat", "simulated/echo")}


async def upload(
    api: Serving, data: bytes = b"hello \xc3\xa4", name: str = "a.txt", kind: str = "text/plain", status: int = 201
) -> Any:
    answer = await api.client.post("/files", params={"name": name}, content=data, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_file_is_uploaded_either_way_and_comes_back(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        plain = await upload(api, kind="text/plain; charset=utf-8")
        assert (plain["size"], plain["media_type"], plain["name"]) == (8, "text/plain", "a.txt")
        form = await api.client.post("/files", files={"file": ("größe.csv", b"a,b\n" * 500_000, "text/csv")})
        assert form.status_code == 201, form.text
        assert (form.json()["name"], form.json()["size"]) == ("größe.csv", 2_000_000)
        back = await api.client.get(f"/files/{form.json()['id']}/content")
        assert back.content == b"a,b\n" * 500_000
        assert back.headers["content-type"] == "application/octet-stream"
        assert back.headers["content-disposition"].startswith("attachment; filename*=UTF-8''gr%C3%B6")
        assert [one["id"] for one in await api.json("GET", "/files")] == [form.json()["id"], plain["id"]]
        assert await api.json("GET", f"/files/{plain['id']}") == plain
        await api.json("DELETE", f"/files/{plain['id']}", status=204)
        for path in (f"/files/{plain['id']}", f"/files/{plain['id']}/content"):
            await api.json("GET", path, status=404)
        await api.json("DELETE", f"/files/{plain['id']}", status=404)


async def test_agents_read_the_files_of_their_input(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        file = await upload(api)
        block = {"type": "file", "file_id": file["id"]}
        values = await api.json("POST", "/runs/wait", {"assistant_id": "read", "input": {"files": [block]}})
        assert values == {"name": "a.txt", "text": "hello ä", "again": True}
        assert (await api.running.run("sync", file["id"])).output == "hello ä"
        assert (await api.running.run("sync", "nowhere")).error["error"] == "not_found"  # type: ignore[index]


async def test_a_model_is_sent_what_it_can_read() -> None:
    async with serving(AGENTS) as api:
        ids = [
            (await upload(api, *one))["id"]
            for one in (
                (PNG, "dot.png", "image/png"), (b"%PDF-1.4", "a.pdf", "application/pdf"), (b"x,y", "a.csv", "text/csv"),
            )
        ]  # fmt: skip
        content = [{"type": "text", "text": "look"}, *({"type": "file", "file_id": one} for one in ids)]
        run = await api.json("POST", "/runs", {"assistant_id": "chat", "input": {"messages": [
            {"role": "user", "content": content}]}})  # fmt: skip
        assert (await api.running.ended(run["run_id"])).status == "success"
        events = await api.running.engine.feed.events(run["run_id"], messages=True)
        asked = str(next(event for event in events if event.type == "step").data)
        assert "data:image/png;base64,iVBOR" in asked and "data:application/pdf;base64," in asked and "x,y" in asked
        for data, kind in ((b"\0\1", "application/zip"), (b"\xff\xfe", "text/plain")):
            wrong = await upload(api, data, "wrong", kind)
            said = [{"role": "user", "content": [{"type": "file", "file_id": wrong["id"]}]}]
            ended = await api.running.run("chat", {"messages": said})
            assert ended.error is not None and ended.error["error"] == "invalid_input"


async def test_a_thread_goes_on_when_a_file_of_before_is_gone() -> None:
    async with serving(AGENTS) as api:
        file = await upload(api)
        said = [{"role": "user", "content": [{"type": "file", "file_id": file["id"]}]}]
        thread = await api.json("POST", "/threads", {})
        path = f"/threads/{thread['thread_id']}/runs/wait"
        await api.json("POST", path, {"assistant_id": "chat", "input": {"messages": said}})
        await api.json("DELETE", f"/files/{file['id']}", status=204)
        values = await api.json("POST", path, {"assistant_id": "chat", "input": "and now?"})
        assert "__error__" not in values and values["output"]


async def test_a_file_is_kept_until_no_run_needs_it(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        file = await upload(api)
        block = {"type": "file", "file_id": file["id"]}
        run = await api.running.submit("wait", block)
        await api.running.until(run.id, "parked")
        engine = api.running.engine
        expire = parse("expire", "UPDATE store_files SET expires_at = 1", engine.database.dialect)
        await engine.database.write(expire)
        await engine.retention.once()
        assert await api.json("GET", f"/files/{file['id']}")
        (asked,) = await engine.control.approvals(run_id=run.id)
        await engine.control.answer(asked.id, True, by="me")
        assert (await api.running.ended(run.id)).output == "hello ä"
        await engine.retention.once()
        await api.json("GET", f"/files/{file['id']}", status=404)
        assert api.said("files_swept") == [{"files": 1}]
        await api.json("POST", "/runs", {"assistant_id": "read", "input": block}, status=422)
        later = to_micros(engine.clock.now())
        assert not await engine.database.read(engine.queries["expired_files"], now=later, fresh=0, batch=9)


async def test_a_file_is_its_tenants_alone(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api:
        file = await upload(api)
        files = api.running.engine.stores.files
        assert await files.list(tenant="other") == []
        run = await api.running.run("sync", file["id"], tenant="default")
        assert run.output == "hello ä"
        theirs = await api.running.submit("sync", file["id"], tenant="other")
        await api.running.engine.feed.ended(theirs.id, tenant="other")
        ended = await api.running.engine.control.get(theirs.id, tenant="other")
        assert ended.error is not None and ended.error["error"] == "not_found"


async def test_what_is_too_large_or_no_file_is_refused() -> None:
    async with serving(AGENTS, workers=0, file_limit="100 B", body_limit="50 B") as api:
        await upload(api, b"x" * 100)
        await upload(api, b"x" * 101, status=413)
        await upload(api, b"x" * 200_000, status=413)
        await upload(api, kind="text", status=422)
        await upload(api, name="a/b", status=422)

        async def endless() -> Any:
            for _ in range(1000):
                yield b"x" * 1000

        answer = await api.client.post("/files", content=endless(), headers={"content-type": "text/plain"})
        assert answer.status_code == 413
        for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
            await upload(api, b"--x\r\nnonsense", kind=kind, status=422)
        for files in ({"other": b"x"}, {"file": ("a/b", b"x")}):
            assert (await api.client.post("/files", files=files)).status_code == 422  # type: ignore[arg-type]
        assert len(await api.json("GET", "/files")) == 1
