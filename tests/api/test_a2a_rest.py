"""Agents over A2A 1.0 by HTTP+JSON: the SDK's client with that transport, and whatever else may come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
    TaskState,
)
from a2a.utils.errors import (
    InvalidParamsError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from google.protobuf.json_format import MessageToDict

from fairlead.access import NewKey, Role
from tests.api.serving import Serving, listening, serving
from tests.api.test_a2a import AGENTS, message, send
from tests.runs.receiver import receiving

SAID = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}
NOW = {"message": SAID, "configuration": {"returnImmediately": True}}


@asynccontextmanager
async def talking(
    agent: str, database_url: str | None = None, *, streaming: bool = False, **more: Any
) -> AsyncGenerator[tuple[Serving, Any]]:
    async with (
        serving(AGENTS, database_url=database_url, **more) as api, listening(api.app) as url,
        httpx.AsyncClient(timeout=30) as http,
    ):  # fmt: skip
        card = await A2ACardResolver(http, f"{url}/a2a/{agent}").get_agent_card()
        config = ClientConfig(
            httpx_client=http, streaming=streaming, supported_protocol_bindings=["HTTP+JSON"],
            use_client_preference=True,
        )  # fmt: skip
        client = ClientFactory(config).create(card)
        assert type(getattr(client, "_transport")).__name__ == "RestTransport"  # noqa: B009
        yield api, client


async def test_a_conversation_through_the_sdks_client(database_url: str | None) -> None:
    async with talking("chat", database_url) as (_, client):
        [told] = await send(client, message("hello"))
        task = told["task"]
        assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        assert task["artifacts"][0]["parts"] == [{"text": "Simulated answer to: hello"}]
        [again] = await send(client, message("more", context_id=task["contextId"]))
        got = await client.get_task(GetTaskRequest(id=task["id"], history_length=0))
        assert (got.id, len(got.history)) == (task["id"], 0)
        asked: dict[str, Any] = {"context_id": task["contextId"], "page_size": 1}
        listed = await client.list_tasks(ListTasksRequest(**asked))
        assert [one.id for one in listed.tasks] == [again["task"]["id"]] and listed.total_size == 2
        rest = await client.list_tasks(ListTasksRequest(**asked, page_token=listed.next_page_token))
        assert [one.id for one in rest.tasks] == [task["id"]] and not rest.next_page_token
        whole = await client.list_tasks(ListTasksRequest(**asked, include_artifacts=True))
        assert whole.tasks[0].artifacts and not listed.tasks[0].artifacts
        assert not (await client.list_tasks(ListTasksRequest(status=TaskState.TASK_STATE_FAILED))).tasks


async def test_a_stream_has_the_task_its_progress_and_its_artifact(database_url: str | None) -> None:
    async with talking("count", database_url, streaming=True) as (_, client):
        told = await send(client, message("3"))
        assert "task" in told[0]
        texts = [one["statusUpdate"]["status"].get("message", {}).get("parts") for one in told if "statusUpdate" in one]
        assert [{"text": "half"}] in texts
        [artifact] = [one["artifactUpdate"]["artifact"] for one in told if "artifactUpdate" in one]
        assert artifact["parts"] == [{"data": {"given": "3"}}]
        assert told[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_task_that_wants_input_is_answered_by_a_message_to_it() -> None:
    async with talking("ask") as (_, client):
        [asked] = await send(client, message("go"))
        task = asked["task"]
        assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
        [done] = await send(client, message("yes, do it", task_id=task["id"]))
        assert done["task"]["artifacts"][0]["parts"] == [{"text": "True do it"}]
        with pytest.raises(UnsupportedOperationError):
            await send(client, message("yes", task_id=task["id"]))


async def test_a_task_is_followed_and_cancelled() -> None:
    async with talking("hang", streaming=True) as (api, client):
        task_id = (await api.json("POST", "/a2a/hang/message:send", NOW))["task"]["id"]
        await api.running.until(task_id, "started")
        first = asyncio.Event()

        async def follow() -> list[Any]:
            told: list[Any] = []
            async for one in client.subscribe(SubscribeToTaskRequest(id=task_id)):
                told.append(MessageToDict(one))
                first.set()
            return told

        following = asyncio.ensure_future(follow())
        await asyncio.wait_for(first.wait(), 10)
        cancelled = await client.cancel_task(CancelTaskRequest(id=task_id))
        assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
        assert (await following)[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_CANCELED"
        with pytest.raises(UnsupportedOperationError):
            await follow()
        with pytest.raises(TaskNotCancelableError):
            await client.cancel_task(CancelTaskRequest(id=task_id))
        with pytest.raises(TaskNotFoundError):
            await client.get_task(GetTaskRequest(id="nowhere"))
        with pytest.raises(InvalidParamsError):
            await send(client, message("go", context_id="no/context"))


async def test_where_a_task_is_pushed_to_is_kept_shown_and_removed() -> None:
    async with receiving() as receiver, talking("hang", egress_allow="127.0.0.1", poll_every="50ms") as (api, client):
        [started] = await send(client, message("go"), return_immediately=True)
        task = started["task"]["id"]
        [other] = await send(client, message("go"), return_immediately=True)
        theirs = await api.json("POST", f"/a2a/hang/tasks/{task}/pushNotificationConfigs",
                                {"taskId": other["task"]["id"], "url": f"{receiver.url}/x"})  # fmt: skip
        assert theirs["taskId"] == task, "it is the address that says whose"
        await api.json("DELETE", f"/a2a/hang/tasks/{task}/pushNotificationConfigs/{theirs['id']}")
        config = TaskPushNotificationConfig(task_id=task, url=f"{receiver.url}/push", token="t0k")
        kept = await client.create_task_push_notification_config(config)
        one: dict[str, str] = {"task_id": task, "id": kept.id}
        shown = await client.get_task_push_notification_config(GetTaskPushNotificationConfigRequest(**one))
        assert (shown.url, shown.token) == (config.url, "")
        of = ListTaskPushNotificationConfigsRequest(task_id=task)
        assert [each.id for each in (await client.list_task_push_notification_configs(of)).configs] == [kept.id]
        await client.cancel_task(CancelTaskRequest(id=task))
        [got] = await receiver.until(1)
        assert got.headers["x-a2a-notification-token"] == "t0k"
        await client.delete_task_push_notification_config(DeleteTaskPushNotificationConfigRequest(**one))
        assert not (await client.list_task_push_notification_configs(of)).configs
        with pytest.raises(TaskNotFoundError):
            await client.get_task_push_notification_config(GetTaskPushNotificationConfigRequest(**one))


async def test_what_is_wrong_is_told_in_the_words_of_the_binding() -> None:
    async with serving(AGENTS, body_limit="10 KB") as api:

        async def ask(method: str, path: str, **more: Any) -> tuple[int, str]:
            answer = await api.client.request(method, f"/a2a/{path}", **more)
            told = answer.json()
            if "error" not in told:
                return answer.status_code, told.get("code", "")
            error = told["error"]
            assert error["code"] == answer.status_code
            return answer.status_code, error["details"][0]["reason"] if error["details"] else error["status"]

        send = "chat/message:send"
        assert await ask("POST", send, json={"message": SAID}) == (200, "")
        assert await ask("POST", send, content=b"{", headers={"content-type": "application/json"}) == (
            400, "INVALID_REQUEST",
        )  # fmt: skip
        wrongs: list[Any] = [
            {}, {"message": {}}, {"message": {**SAID, "parts": []}}, {"message": {**SAID, "role": "agent"}}, [],
            {"message": {**SAID, "parts": [{}]}}, {"message": SAID, "configuration": 7},
        ]  # fmt: skip
        for wrong in wrongs:
            assert await ask("POST", send, json=wrong) == (400, "INVALID_PARAMS"), wrong
        assert await ask("POST", "nobody/message:send", json={"message": SAID}) == (404, "TASK_NOT_FOUND")
        assert await ask("GET", "chat/tasks/nobody") == (404, "TASK_NOT_FOUND")
        assert await ask("GET", "chat/tasks?pageSize=1000") == (400, "INVALID_PARAMS")
        assert await ask("GET", "chat/tasks?pageToken=a%2Fb") == (400, "INVALID_PARAMS")
        old = {"a2a-version": "0.3"}
        assert await ask("GET", "chat/tasks", headers=old) == (400, "VERSION_NOT_SUPPORTED")
        assert (await ask("POST", send, content=b"<a/>", headers={"content-type": "text/xml"})) == (
            415, "INVALID_ARGUMENT",
        )  # fmt: skip
        large = {"content": b"x" * 20_000, "headers": {"content-type": "application/json"}}
        assert (await ask("POST", send, **large))[0] == 413
        assert await ask("POST", send, json={"message": SAID}, headers={"content-type": "application/a2a+json"}) == (
            200, "",
        )  # fmt: skip
        assert len(await api.json("GET", "/runs")) == 1, "the same messageId is the same task"
        assert (await api.client.get("/a2a/chat/message:send")).status_code == 405
        assert (await api.client.post("/a2a/chat/tasks/:cancel")).status_code in (404, 405)


async def test_another_tenants_tasks_are_not_there() -> None:
    async with serving(AGENTS, keys=("root-key-of-the-settings",), table=True) as api:
        keys = api.running.engine.books.keys
        own, other = [
            {"x-api-key": (await keys.create(NewKey(name, tenant=name, role=Role.OPERATOR), by="test")).secret}
            for name in ("default", "other")
        ]
        task = (await api.json("POST", "/a2a/ask/message:send", {"message": SAID}, headers=own))["task"]["id"]
        for method, path in (
            ("GET", ""),
            ("POST", ":cancel"),
            ("GET", ":subscribe"),
            ("GET", "/pushNotificationConfigs"),
        ):
            answer = await api.client.request(method, f"/a2a/ask/tasks/{task}{path}", headers=other)
            assert answer.status_code == 404, path
        assert (await api.json("GET", "/a2a/ask/tasks", headers=other))["tasks"] == []
        assert (await api.json("GET", f"/a2a/ask/tasks/{task}", headers=own))["id"] == task
