"""What was said in a run, from its journal: what the caller sent, and each reply and tool result as it was recorded.

The journal is the one source: the stream, a thread's state and its history show the same messages under the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import orjson

from fairlead.agents.conversation import as_messages
from fairlead.agents.memory import Message
from fairlead.errors import InvalidInput
from fairlead.runs.ids import derived_id
from fairlead.runs.run import Event, Run

_TOOL = "0"


def said_by_caller(input: Any, run_id: str) -> list[Message]:
    """The run's input as messages, with the ids the caller gave. Nothing when it has no such shape, or is null: the run
    goes on from what its thread has."""
    if input is None:
        return []
    try:
        said = as_messages(input)
    except InvalidInput:
        return []  # the agent will say so
    sent: list[Any] = cast("dict[str, Any]", input).get("messages") or [] if isinstance(input, dict) else []
    given: dict[int, Any] = {place: one.get("id") for place, one in enumerate(sent)}
    return [{**one, "id": str(given.get(place) or derived_id(run_id, str(place)))} for place, one in enumerate(said)]


def said_in_run(events: Iterable[Event], *, before: Sequence[Message] = ()) -> list[Message]:
    """What a native agent's model and tools said, in the order in which it was recorded."""
    said: list[Message] = []
    for event in events:
        if says(event):
            said.append(reply_of(event) if event.kind == "model" else result_of(event, [*before, *said]))
    return said


def says(event: Event) -> bool:
    """Whether it is a part of the conversation. A tool that asks a model says nothing in it, nor does the gateway when
    it sums up what was said."""
    if "in:" in event.branch or not event.data:
        return False
    if event.kind == "model":
        return event.type == "step" and not event.data.get("aside")
    return event.kind == "tool" and event.type in ("step", "failed", "outcome")


def reply_of(event: Event) -> Message:
    said: dict[str, Any] = event.data["result"]["body"]["choices"][0]["message"]
    kept = {k: v for k, v in said.items() if k not in ("role", "content") and v not in (None, [], "")}
    return {"role": "assistant", "content": said.get("content"), **kept, "id": reply_id(event)}


def result_of(event: Event, said: Sequence[Message]) -> Message:
    """A tool's result, as an answer to the call in what was `said` that it belongs to."""
    data: dict[str, Any] = event.data or {}
    failed = "error" in data
    result: Any = data["error"].get("message", "") if failed else data.get("result")
    call_id = _call_of(event.name or "", data.get("arguments"), said)
    return {
        "role": "tool", "tool_call_id": call_id, "name": event.name, "id": result_id(event),
        "content": result if isinstance(result, str) else orjson.dumps(result).decode(),
        **({"status": "error"} if failed else {}),
    }  # fmt: skip


def reply_id(event: Event) -> str:
    """A copied step keeps the id it had where it was made."""
    return _kept_id(event) or message_id(event.run_id, event.key or "", event.fence)


def result_id(event: Event) -> str:
    return _kept_id(event) or derived_id(event.run_id, event.key or "", _TOOL)


def _kept_id(event: Event) -> str | None:
    data: dict[str, Any] = event.data or {}
    return data.get("message_id")


def message_id(run_id: str, step: str, attempt: int) -> str:
    return derived_id(run_id, step, str(attempt))


def answer_of(run: Run, output: Any) -> Message:
    """What an agent that is no conversation answered."""
    content = output if isinstance(output, str) else orjson.dumps(output).decode()
    return {"role": "assistant", "content": content, "id": f"{run.id}-answer"}


def completed(messages: Sequence[Message]) -> list[Message]:
    """What can be shown to a model: each tool call with its result. A call at the end that has none was never made; one
    before it was refused, and its result is nowhere but in the reply that followed."""
    answered = {one.get("tool_call_id") for one in messages if one["role"] == "tool"}
    whole: list[Message] = []
    for place, message in enumerate(messages):
        open_calls = [call for call in message.get("tool_calls") or () if call.get("id") not in answered]
        followed = any(one["role"] != "tool" for one in messages[place + 1 :])
        if open_calls and not followed:
            break
        whole.append(message)
        whole += [
            {"role": "tool", "tool_call_id": call.get("id"), "content": "The call was refused."} for call in open_calls
        ]
    return whole


def open_calls(messages: Sequence[Message]) -> bool:
    """Whether the conversation waits for tools."""
    answered = {one.get("tool_call_id") for one in messages if one["role"] == "tool"}
    last = next((one for one in reversed(messages) if one["role"] != "tool"), None)
    return last is not None and any(call.get("id") not in answered for call in last.get("tool_calls") or ())


def _call_of(name: str, arguments: Any, said: Sequence[Message]) -> str:
    """The first call of its name that has no answer yet, by preference one with these arguments."""
    answered = {one.get("tool_call_id") for one in said if one["role"] == "tool"}
    calls = [call for one in said for call in one.get("tool_calls") or () if call.get("id") not in answered]
    named = [call for call in calls if call.get("function", {}).get("name") == name]
    exact = [call for call in named if _same(call["function"].get("arguments"), arguments)]
    return str((exact or named or [{}])[0].get("id") or "")


def _same(raw: Any, arguments: Any) -> bool:
    try:
        return orjson.loads(raw or "{}") == arguments
    except (orjson.JSONDecodeError, TypeError):
        return False
