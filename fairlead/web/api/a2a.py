"""Agents over A2A 1.0: the JSON-RPC binding, and the card that says where it is. What is answered is `a2a_agent`'s.

GET  /.well-known/agent-card.json?assistant_id=…     GET /a2a/{assistant_id}/.well-known/agent-card.json
POST /a2a/{assistant_id}    SendMessage · SendStreamingMessage · GetTask · ListTasks · CancelTask · SubscribeToTask
                            {Create,Get,List,Delete}TaskPushNotificationConfig(s)
"""

from __future__ import annotations

from typing import Any

from fairlead.access import Role, require
from fairlead.errors import FairleadError, Forbidden, NotFound, NotJson
from fairlead.web.api import rpc
from fairlead.web.api.a2a_agent import VERSION, A2aAgent, ListQuery, TaskQuery, check_version
from fairlead.web.api.a2a_card import card_of
from fairlead.web.api.a2a_message import Send
from fairlead.web.api.a2a_push import OnePush, PushConfig, PushesOf
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.rpc import METHOD_NOT_FOUND, PARSE_ERROR, RpcError, RpcRequest
from fairlead.web.api.shape import Shape

_WRITES = (
    "SendMessage", "SendStreamingMessage", "CancelTask", "CreateTaskPushNotificationConfig",
    "DeleteTaskPushNotificationConfig",
)  # fmt: skip


class CardQuery(Shape):
    assistant_id: str | None = None


class A2a:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        about = "An agent's card (A2A)"
        return [
            Operation("GET", "/.well-known/agent-card.json", self.card, about, query=CardQuery, gives=dict[str, Any],
                      tag="protocols", problems=(404,)),
            Operation("GET", "/a2a/{assistant_id}/.well-known/agent-card.json", self.card_here, about,
                      gives=dict[str, Any], tag="protocols", problems=(404,)),
            Operation("POST", "/a2a/{assistant_id}", self.answer, "An agent over A2A 1.0 (JSON-RPC)", body=rpc.RpcBody,
                      gives=rpc.RpcAnswer, tag="protocols", problems=(404,), answers={400: rpc.RpcAnswer}),
        ]  # fmt: skip

    async def card(self, call: Call) -> Reply:
        """Without an `assistant_id`, the card of the only agent there is."""
        asked = call.query(CardQuery).assistant_id
        if asked is None and len(self._doors.agents) != 1:
            raise NotFound("Say whose card: ?assistant_id=…", hint=f"There are {', '.join(self._doors.agents)}.")
        return await self._card(call, asked or next(iter(self._doors.agents)))

    async def card_here(self, call: Call) -> Reply:
        return await self._card(call, call.path["assistant_id"])

    async def _card(self, call: Call, asked: str) -> Reply:
        assistant = await self._doors.assistants.get(asked, tenant=call.tenant)
        return json_reply(card_of(assistant, self._doors, call.origin))

    async def answer(self, call: Call) -> Reply:
        """One JSON-RPC request. Sending and cancelling need an operator's key."""
        try:
            sent = await call.json()
        except NotJson as error:
            return rpc.refusal(None, RpcError(PARSE_ERROR, str(error)))
        assistant = await self._doors.assistants.get(call.path["assistant_id"], tenant=call.tenant)
        try:
            request = rpc.read_request(sent)
            # Without a version the words of a request say which it is: 0.3 wrote message/send.
            check_version(call, "0.3" if "/" in request.method else VERSION)
            if request.method in _WRITES:
                require(call.visit.caller, Role.OPERATOR)
            agent = A2aAgent(
                self._doors, call, assistant, lambda told: rpc.result(request.id, told),
                lambda error: rpc.failure(request.id, error),
            )  # fmt: skip
            return await _answer(agent, request)
        except Forbidden:
            raise
        except FairleadError as error:
            return json_reply(rpc.failure(rpc.id_of(sent), rpc.rpc_error(error)))
        except RpcError as error:
            return rpc.refusal(rpc.id_of(sent), error)


async def _answer(agent: A2aAgent, request: RpcRequest) -> Reply:
    """Raises `RpcError`."""
    match request.method:
        case "SendMessage":
            told = await agent.send(request.read(Send))
        case "SendStreamingMessage":
            return await agent.stream(request.read(Send))
        case "GetTask":
            told = await agent.task(request.read(TaskQuery))
        case "ListTasks":
            told = await agent.list(request.read(ListQuery))
        case "CancelTask":
            told = await agent.cancel(request.read(TaskQuery).id)
        case "SubscribeToTask":
            return await agent.subscribe(request.read(TaskQuery).id)
        case "CreateTaskPushNotificationConfig":
            told = await agent.put_push(request.read(PushConfig))
        case "GetTaskPushNotificationConfig":
            told = await agent.push(request.read(OnePush))
        case "ListTaskPushNotificationConfigs":
            told = await agent.pushes(request.read(PushesOf).task_id)
        case "DeleteTaskPushNotificationConfig":
            told = await agent.remove_push(request.read(OnePush))
        case "GetExtendedAgentCard":
            told = await agent.extended_card()
        case method:
            raise RpcError(METHOD_NOT_FOUND, f"There is no method {method[:100]} here.")
    return json_reply(rpc.result(request.id, told))
