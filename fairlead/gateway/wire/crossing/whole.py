"""Whole answers: a chat.completion as an Anthropic message, and back. Both are checked answers."""

from __future__ import annotations

from typing import Any

from fairlead.errors import BrokenAnswer
from fairlead.gateway.wire import anthropic_messages_answer, checked, openai_chat_answer
from fairlead.gateway.wire.crossing import ending
from fairlead.gateway.wire.wire import Json


def to_chat(message: Json, *, created: int) -> Json:
    texts: list[str] = []
    thoughts: list[Json] = []
    calls: list[Json] = []
    for place, block in enumerate(message["content"]):
        match block["type"]:
            case "text":
                texts.append(block["text"])
            case "thinking" | "redacted_thinking":
                thoughts.append(placed(block, place, len(thoughts)))
            case "tool_use":
                calls.append(_call(block))
            case kind:
                raise BrokenAnswer(f"A block of the kind {kind!r} can't be carried to the client's format.")
    said: Json = {"role": "assistant", "content": "".join(texts) if texts else None}
    thought = "".join(block.get("thinking", "") for block in thoughts)
    said |= {"reasoning_content": thought} if thought else {}
    said |= {"thinking_blocks": thoughts} if thoughts else {}
    if calls:
        said["tool_calls"] = calls
    said |= refusal(message.get("stop_details"))
    choice = {"index": 0, "message": said, "finish_reason": ending.finish_reason(message["stop_reason"])}
    head = {"id": message.get("id"), "object": "chat.completion", "created": created, "model": message.get("model")}
    used = anthropic_messages_answer.usage_of(message)
    usage = {} if used is None else {"usage": ending.chat_usage(used)}
    return {**head, "choices": [{**choice, **stopped_by(message.get("stop_sequence"))}], **usage}


def placed(thought: Json, place: int, before: int) -> Json:
    """A thought as a chat message keeps it: with its place, where that is not behind the other thoughts in front.

    Claude takes its thoughts back only unchanged and where they were.
    """
    return thought if place == before else {**thought, "position": place}


def sealed(thought: Json) -> Json:
    """The thought as Claude told it, without what a chat message adds."""
    return {name: value for name, value in thought.items() if name not in ("index", "position")}


def stopped_by(sequence: Any) -> Json:
    """The sequence that ended the answer, under the name that vLLM has for it."""
    return {"stop_reason": sequence} if isinstance(sequence, str) else {}


def refusal(details: Any) -> Json:
    explanation: Any = details.get("explanation") if isinstance(details, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return {"refusal": explanation} if isinstance(explanation, str) else {}


def _call(block: Json) -> Json:
    function = {"name": block["name"], "arguments": checked.dump(block["input"], BrokenAnswer).decode()}
    return {"id": block["id"], "type": "function", "function": function}


def to_messages(completion: Json) -> Json:
    choice = completion["choices"][0]
    said = choice["message"]
    content = _thoughts(said)
    text = (said.get("content") or "") + (said.get("refusal") or "")
    if text:
        content.insert(_after_thoughts(content), {"type": "text", "text": text})
    cut = choice["finish_reason"] in ("length", "content_filter")
    calls: list[Json] = said.get("tool_calls") or []
    content += [_use(call, cut=cut) for call in calls]
    content = _in_place(content)
    return {
        "id": completion.get("id"),
        "type": "message",
        "role": "assistant",
        "model": completion.get("model"),
        "content": content,
        **end(choice["finish_reason"], choice.get("stop_reason"), refused=bool(said.get("refusal"))),
        "usage": ending.messages_usage(openai_chat_answer.usage_of(completion)),
    }


def end(finish_reason: Any, sequence: Any, *, refused: bool) -> Json:
    reason = "refusal" if refused else ending.stop_reason(finish_reason)
    if reason == "end_turn" and isinstance(sequence, str):
        return {"stop_reason": "stop_sequence", "stop_sequence": sequence}
    return {"stop_reason": reason, "stop_sequence": None}


def _thoughts(said: Json) -> list[Json]:
    blocks: Any = said.get("thinking_blocks")
    if isinstance(blocks, list) and blocks:
        return [_unnumbered(block) for block in blocks]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    thought = said.get("reasoning_content") or said.get("reasoning")
    unsigned = {"type": "thinking", "thinking": thought, "signature": ""}
    return [unsigned] if isinstance(thought, str) and thought else []


def _unnumbered(block: Json) -> Json:
    return {name: value for name, value in block.items() if name != "index"}


def _after_thoughts(content: list[Json]) -> int:
    return sum("position" not in block for block in content)


def _in_place(content: list[Json]) -> list[Json]:
    moved = [block for block in content if "position" in block]
    stay = [block for block in content if "position" not in block]
    for block in moved:
        stay.insert(block.pop("position"), block)
    return stay


def _use(call: Json, *, cut: bool) -> Json:
    if call.get("type", "function") != "function":
        raise BrokenAnswer(f"A tool call of the kind {call['type']!r} can't be carried to the client's format.")
    given = anthropic_messages_answer.tool_input(call["function"]["arguments"] or "{}", cut=cut)
    return {"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": given}
