"""The turn of a native agent: ask the model, use the tools it names, again, until it answers.

    messages ──► ask ──► tool calls? ──yes──► use, side by side ──► messages
                              │
                              no ──► the answer (held to its shape; one chance to mend it)

The model and the tools reach it as two callables. Whether those are recorded is not its business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from fairlead.agents.agent import Agent
from fairlead.agents.context import ModelCall, ToolUse
from fairlead.agents.conversation import (
    as_messages,
    assistant_message,
    image_message,
    images_of,
    text_of,
    tool_message,
)
from fairlead.agents.memory import Message
from fairlead.errors import BadOutput, InvalidInput, NotJson, ToolFailed, TooManyIterations

Edge = Callable[[str | None, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a conversation ended. `messages` is all of it, without the instructions."""

    output: Any
    messages: list[Message]


async def converse(
    agent: Agent,
    input: Any,
    *,
    ask: ModelCall,
    use: ToolUse,
    history: Sequence[Message] = (),
    on_delta: Callable[[str], None] | None = None,
    on_messages: Callable[[Sequence[Message]], None] | None = None,
    edge: Edge | None = None,
) -> Answer:
    """Carry the conversation on until the model answers.

    No input goes on from the history: with tools that its last reply names and nobody has used, else with the model.
    `on_messages` sees the messages after each reply and after each round of tools; `edge` is passed between the parts,
    `model` and `tools`. Raises InvalidInput,
    TooManyIterations, BadOutput, and whatever `ask` and `use` raise that is not for the model's ears.
    """
    said = [] if input is None and history else as_messages(input)
    talk = _Talk(agent, [*history, *said], ask, use, on_delta, on_messages, edge)
    mended = False
    await talk.use_tools_left_open()
    for turn in range(agent.max_iterations):
        await talk.pass_edge("model")
        reply = await talk.ask_model(turn)
        if calls := reply.get("tool_calls"):
            await talk.pass_edge("tools")
            await talk.use_tools(calls)
            continue
        try:
            return Answer(_read(agent, reply), talk.messages)
        except InvalidInput as problem:
            if mended:
                raise BadOutput(
                    f"The agent `{agent.name}` gave twice an answer of the wrong shape. {problem}"
                ) from problem
            mended = True
            talk.say(f"{problem} Answer again, with JSON of the shape that was asked for and nothing else.")
    raise TooManyIterations(
        f"The agent `{agent.name}` did not answer within {agent.max_iterations} model calls.",
        hint="Raise max_iterations, or see in the run's messages what it was going round about.",
    )


@dataclass(slots=True)
class _Talk:
    agent: Agent
    messages: list[Message]
    ask: ModelCall
    use: ToolUse
    on_delta: Callable[[str], None] | None
    on_messages: Callable[[Sequence[Message]], None] | None
    edge: Edge | None = None
    done: str | None = None

    async def pass_edge(self, coming: str) -> None:
        if self.edge is not None:
            await self.edge(self.done, coming)
        self.done = coming

    async def use_tools_left_open(self) -> None:
        answered = {one.get("tool_call_id") for one in self.messages if one["role"] == "tool"}
        last = next((one for one in reversed(self.messages) if one["role"] != "tool"), Message())
        if calls := [call for call in last.get("tool_calls") or () if call["id"] not in answered]:
            await self.pass_edge("tools")
            await self.use_tools(calls)

    async def ask_model(self, turn: int) -> Message:
        agent = self.agent
        told: list[Message] = [{"role": "system", "content": agent.instructions}] if agent.instructions else []
        reply = await self.ask(
            agent.memory.trim([*told, *self.messages]),
            model=agent.model,
            tools=agent.tools,
            response_format=agent.output.response_format if agent.output else None,
            temperature=agent.temperature,
            max_tokens=agent.max_tokens,
            timeout=agent.model_timeout,
            stream=agent.stream,
            on_delta=self.on_delta,
        )
        message = assistant_message(reply.message, turn)
        self._add([message])
        return message

    async def use_tools(self, calls: list[dict[str, Any]]) -> None:
        """All calls of one reply, side by side; their results in the order they were asked for."""
        if len(calls) == 1:
            self._add(self._told([await self._use_one(calls[0])]))
            return
        # All are let finish, so that what a sibling did is recorded before a run stops for one of them.
        # Cancelling us cancels them all.
        done = await asyncio.gather(*[self._use_one(call) for call in calls], return_exceptions=True)
        results: list[tuple[str, Any]] = []
        for one in done:
            if isinstance(one, BaseException):
                raise one
            results.append(one)
        self._add(self._told(results))

    def _told(self, results: Sequence[tuple[str, Any]]) -> list[Message]:
        images = [image for _, result in results for image in images_of(result)]
        told = [tool_message(call_id, result) for call_id, result in results]
        return [*told, image_message(images)] if images else told

    async def _use_one(self, call: dict[str, Any]) -> tuple[str, Any]:
        """The call's id, and what came of it."""
        call_id = call["id"]
        name = call["function"]["name"]
        tool = self.agent.tool(name)
        if tool is None:
            known = ", ".join(f"`{one.name}`" for one in self.agent.tools) or "none"
            return call_id, _problem("unknown_tool", f"There is no tool `{name}`. There are: {known}.")
        try:
            arguments = _arguments(call["function"].get("arguments"))
            tool.validate(arguments)
            return call_id, await self.use(tool, arguments, call_id=call_id)
        except (InvalidInput, ToolFailed) as error:
            return call_id, _problem(error.code, str(error))

    def say(self, text: str) -> None:
        self._add([{"role": "user", "content": text}])

    def _add(self, messages: list[Message]) -> None:
        self.messages.extend(messages)
        if self.on_messages is not None:
            self.on_messages(tuple(self.messages))


def _read(agent: Agent, reply: Message) -> Any:
    text = text_of(reply)
    return agent.output.parse(text) if agent.output else text


def _arguments(raw: Any) -> dict[str, Any]:
    try:
        arguments = orjson.loads(raw or "{}") if isinstance(raw, str) or raw is None else raw
    except orjson.JSONDecodeError as error:
        raise NotJson(f"The arguments are not JSON: {error}.") from error
    if not isinstance(arguments, dict):
        raise InvalidInput("The arguments must be a JSON object.")
    return arguments  # pyright: ignore[reportUnknownVariableType]


def _problem(code: str, message: str) -> dict[str, str]:
    return {"error": code, "message": message}
