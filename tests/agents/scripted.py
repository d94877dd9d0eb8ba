"""A model that says what it is told to, and a way to use tools without a run: plain functions for the loop."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.agents import Message, Tool, invoke, request_body
from fairlead.gateway import ModelReply, Usage

Call = tuple[str, Any]


def calls(*asked: Call, text: str | None = None) -> Message:
    made = [
        {"id": f"id-{i}", "type": "function", "function": {"name": name, "arguments": _text(arguments)}}
        for i, (name, arguments) in enumerate(asked)
    ]
    return {"role": "assistant", "content": text, "tool_calls": made}


def says(text: str | None, **more: Any) -> Message:
    return {"role": "assistant", "content": text, **more}


class ScriptedModel:
    """Gives the replies in order, the last one for ever, and keeps what it was asked."""

    def __init__(self, *replies: Message) -> None:
        self.replies = list(replies)
        self.asked: list[dict[str, Any]] = []
        self.options: list[dict[str, Any]] = []

    async def __call__(self, messages: Sequence[Message], **options: Any) -> ModelReply:
        self.options.append(options)
        body_options = {k: options[k] for k in ("tools", "response_format", "temperature", "max_tokens")}
        self.asked.append(request_body(list(messages), **body_options))
        message = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if (on_delta := options.get("on_delta")) and message.get("content"):
            for word in message["content"].split(" "):
                on_delta(word)
        return reply(message)


def reply(message: Message) -> ModelReply:
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return ModelReply(body, Usage(1, 1), 0, "scripted", "scripted/x")


async def use(tool: Tool, arguments: Mapping[str, Any], *, call_id: str | None = None) -> Any:
    return await invoke(tool, arguments, idempotency_key=f"key-{call_id}", run_id="run-1", input=None)


def results(messages: Sequence[Message]) -> list[Any]:
    return [json.loads(m["content"]) for m in messages if m["role"] == "tool"]


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
