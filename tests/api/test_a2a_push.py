"""Push notifications of A2A: the SDK's client, a real receiver, and the sender of webhooks between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from a2a.types.a2a_pb2 import (
    AuthenticationInfo,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    StreamResponse,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError
from google.protobuf.json_format import MessageToDict, ParseDict

from fairlead.access.key import NewKey
from fairlead.access.roles import Role
from tests.api.serving import Serving, listening, serving
from tests.api.test_a2a import AGENTS, client_of, message, request, send
from tests.runs.receiver import Receiver, receiving

SECRET = AuthenticationInfo(scheme="Bearer", credentials="receivers-own")


@asynccontextmanager
async def talking(database_url: str | None, agent: str) -> AsyncIterator[tuple[Serving, Receiver, Any]]:
    given: dict[str, Any] = {"database_url": database_url, "egress_allow": "127.0.0.1", "poll_every": "50ms"}
    async with (
        receiving() as receiver, serving(AGENTS, **given) as api, listening(api.app) as url,
        client_of(url, agent, streaming=False) as client,
    ):  # fmt: skip
        yield api, receiver, client


async def test_a_task_is_pushed_with_what_the_receiver_wants_to_see(database_url: str | None) -> None:
    async with talking(database_url, "count") as (api, receiver, client):
        config = TaskPushNotificationConfig(url=f"{receiver.url}/push", token="t0k", authentication=SECRET)
        [said] = await send(client, message("one"), task_push_notification_config=config, return_immediately=True)
        (got,) = await receiver.until(1)
        task = MessageToDict(ParseDict(got.json, StreamResponse()))["task"]
        assert (task["id"], task["status"]["state"]) == (said["task"]["id"], "TASK_STATE_COMPLETED")
        assert task["artifacts"][0]["parts"] == [{"data": {"given": "one"}}]
        assert (got.headers["x-a2a-notification-token"], got.headers["authorization"]) == (
            "t0k", "Bearer receivers-own",
        )  # fmt: skip
        assert got.headers["webhook-id"].startswith("msg_")
        logged = str([fields for name, fields in api.running.said if name.startswith("webhook")])
        assert "receivers-own" not in logged and "t0k" not in logged


async def test_a_task_that_wants_input_is_pushed_and_then_its_end(database_url: str | None) -> None:
    async with talking(database_url, "ask") as (_, receiver, client):
        config = TaskPushNotificationConfig(url=f"{receiver.url}/push")
        [said] = await send(client, message("go"), task_push_notification_config=config, return_immediately=True)
        await receiver.until(1)
        await send(client, message("yes", task_id=said["task"]["id"]))
        states = [got.json["task"]["status"]["state"] for got in await receiver.until(2)]
        assert states == ["TASK_STATE_INPUT_REQUIRED", "TASK_STATE_COMPLETED"]


async def test_configs_are_made_shown_listed_and_deleted(database_url: str | None) -> None:
    async with talking(database_url, "hang") as (api, receiver, client):
        [said] = await send(client, message("go"), return_immediately=True)
        task = said["task"]["id"]
        for name in ("a", "b"):
            config = TaskPushNotificationConfig(
                id=name, task_id=task, url=f"{receiver.url}/{name}", token="t0k", authentication=SECRET
            )
            made = await client.create_task_push_notification_config(config)
            assert (made.id, made.task_id, made.url, made.token) == (name, task, f"{receiver.url}/{name}", "")
        one = GetTaskPushNotificationConfigRequest(task_id=task, id="a")
        got = await client.get_task_push_notification_config(one)
        assert (got.authentication.scheme, got.authentication.credentials) == ("Bearer", "")
        all_of = ListTaskPushNotificationConfigsRequest(task_id=task)
        assert [one.id for one in (await client.list_task_push_notification_configs(all_of)).configs] == ["a", "b"]
        await client.delete_task_push_notification_config(DeleteTaskPushNotificationConfigRequest(task_id=task, id="a"))
        with pytest.raises(TaskNotFoundError):
            await client.get_task_push_notification_config(one)
        await api.running.engine.control.cancel(task)
        assert [got.path for got in await receiver.until(1)] == ["/b"]
        await api.json("DELETE", f"/runs/{task}", status=204)
        queries, database = api.running.engine.queries, api.running.engine.database
        assert await database.read(queries["pushes"], tenant="default", run_id=task, id=None) == []


async def test_one_who_comes_after_the_end_is_told_at_once_and_once(database_url: str | None) -> None:
    async with talking(database_url, "count") as (_, receiver, client):
        [said] = await send(client, message("one"))
        config = TaskPushNotificationConfig(id="late", task_id=said["task"]["id"], url=f"{receiver.url}/late")
        for _ in range(2):
            await client.create_task_push_notification_config(config)
        await receiver.until(1)
        fence = TaskPushNotificationConfig(id="fence", task_id=said["task"]["id"], url=f"{receiver.url}/late")
        await client.create_task_push_notification_config(fence)  # in the same lane, behind whatever the other caused
        assert len(await receiver.until(2)) == 2


async def test_a_private_address_is_never_called(database_url: str | None) -> None:
    async with receiving() as receiver, serving(AGENTS, database_url=database_url, poll_every="50ms") as api:
        push = {"taskPushNotificationConfig": {"url": f"{receiver.url}/push"}}
        sent = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}]}, "configuration": push}
        await api.json("POST", "/a2a/count", request("SendMessage", sent))
        while not (failed := api.said("webhook_failed")):
            await api.running.engine.clock.sleep(api.running.engine.settings.engine.poll_every)
        assert (failed[0]["webhook"], failed[0]["again_at"], receiver.got) == ("a2a", None, [])


@pytest.mark.parametrize(
    "wrong",
    [{"url": "nowhere"}, {"url": ""}, {"url": "ftp://example.com"}, {"url": "https://example.com", "token": "a\nb"},
     {"url": "https://example.com", "authentication": {"credentials": "x"}},
     {"url": "https://example.com", "authentication": {"scheme": "Be arer", "credentials": "x"}}],
)  # fmt: skip
async def test_what_is_no_config_is_refused_and_starts_nothing(wrong: dict[str, Any]) -> None:
    async with talking(None, "count") as (api, _, client):
        [said] = await send(client, message("one"))
        with pytest.raises(InvalidParamsError):
            given = ParseDict({"taskId": said["task"]["id"], **wrong}, TaskPushNotificationConfig())
            await client.create_task_push_notification_config(given)
        before = await api.json("GET", "/runs")
        if "token" not in wrong and "authentication" not in wrong:
            sent = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}]},
                    "configuration": {"taskPushNotificationConfig": wrong}}  # fmt: skip
            assert (await api.json("POST", "/a2a/count", request("SendMessage", sent)))["error"]["code"] == -32602
            assert await api.json("GET", "/runs") == before


async def test_ten_are_enough_and_others_tasks_are_not_there() -> None:
    async with serving(AGENTS, keys=("root",), table=True) as api:
        root = {"x-api-key": "root"}
        sent = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}]}}
        task = (await api.json("POST", "/a2a/count", request("SendMessage", sent), headers=root))["result"]["task"][
            "id"
        ]

        async def put(name: str, **headers: str) -> Any:
            config = {"taskId": task, "id": name, "url": "https://example.com"}
            return await api.json("POST", "/a2a/count", request("CreateTaskPushNotificationConfig", config), **headers)

        for number in range(10):
            assert "result" in await put(str(number), headers=root)
        assert "result" in await put("3", headers=root), "instead of the one that is there"
        assert (await put("one more", headers=root))["error"]["code"] == -32602
        issued = await api.running.engine.books.keys.create(NewKey("x", tenant="other", role=Role.ADMIN), by="test")
        stranger = {"x-api-key": issued.secret}
        assert (await put("theirs", headers=stranger))["error"]["code"] == -32001
        for method in ("GetTaskPushNotificationConfig", "DeleteTaskPushNotificationConfig"):
            told = await api.json("POST", "/a2a/count", request(method, {"taskId": task, "id": "3"}), headers=stranger)
            assert told["error"]["code"] == -32001
        viewer = await api.running.engine.books.keys.create(NewKey("v", role=Role.VIEWER), by="test")
        asked = request("DeleteTaskPushNotificationConfig", {"taskId": task, "id": "3"})
        await api.json("POST", "/a2a/count", asked, headers={"x-api-key": viewer.secret}, status=403)
